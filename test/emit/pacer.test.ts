import { expect, test } from 'vitest';
import { dueAtMs } from '../../src/emit/pacer.js';

test('the first event is due at once, and each one an interval after the one before', () => {
  expect([0, 1, 2, 3].map((index) => dueAtMs(index, 10))).toEqual([0, 100, 200, 300]);
  expect([0, 1, 2].map((index) => dueAtMs(index, 0.5))).toEqual([0, 2000, 4000]);
});

test('a schedule does not drift: the millionth event of 3/s is due where arithmetic says', () => {
  expect(dueAtMs(999_999, 3)).toBeCloseTo(333_333_000, 6);
});
