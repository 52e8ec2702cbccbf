import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expandPattern } from '../../../src/bench/format/fields.js';

test('a range becomes all its numbers, with what stands around it', () => {
  fc.assert(
    fc.property(
      fc.record({
        head: fc.stringMatching(/^[a-z:]{0,5}$/),
        tail: fc.stringMatching(/^[a-z:]{0,5}$/),
        from: fc.nat({ max: 1000 }),
        length: fc.integer({ min: 1, max: 300 }),
      }),
      ({ head, tail, from, length }) => {
        const names = expandPattern(`${head}{${from}..${from + length - 1}}${tail}`);
        expect(names).toHaveLength(length);
        expect(names[0]).toBe(`${head}${from}${tail}`);
        expect(names.at(-1)).toBe(`${head}${from + length - 1}${tail}`);
        expect(new Set(names).size).toBe(length);
      },
    ),
  );
});

test('a text without a range is itself, braces and dots included', () => {
  for (const text of ['hot', 'user:1', 'a{b}', '{1-2}', '{1..}', '{..2}', 'a..b', '']) {
    expect(expandPattern(text)).toEqual([text]);
  }
});

test('a range that falls, or is far too long, is told in words', () => {
  expect(expandPattern('user:{3..1}')).toContain('{3..1}');
  expect(expandPattern('user:{1..200000}')).toHaveLength(200_000);
  expect(expandPattern('org:{1..1}:user:{1..200000}')).toHaveLength(200_000);
  expect(expandPattern('user:{0..200000}')).toEqual(expect.stringContaining('200,001'));
});
