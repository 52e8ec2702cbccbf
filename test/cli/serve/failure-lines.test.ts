import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FailureLines } from '../../../src/cli/serve/failure-lines.js';

let told: string[] = [];
beforeEach(() => {
  told = [];
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

test('what fails again and again is told at once, and then once a second with a count', () => {
  const lines = new FailureLines((text) => told.push(text));
  for (let again = 0; again < 1001; again++) lines.add('boom');
  lines.add('bang');
  expect(told).toEqual(['boom', 'bang']);
  vi.advanceTimersByTime(1000);
  expect(told.splice(0)).toEqual(['boom', 'bang', 'boom (1,000 times more)']);
  lines.add('boom');
  vi.advanceTimersByTime(1000);
  expect(told.splice(0)).toEqual(['boom (once more)']);
  // Nothing is left running, and what comes after a pause is told at once.
  vi.advanceTimersByTime(1000);
  expect(vi.getTimerCount()).toBe(0);
  lines.add('boom');
  expect(told).toEqual(['boom']);
  lines.dispose();
  expect(vi.getTimerCount()).toBe(0);
});

test('texts that are ever new are told at first, and then counted', () => {
  const lines = new FailureLines((text) => told.push(text));
  for (let second = 0; second < 3; second++) {
    for (let count = 0; count < 100; count++) lines.add(`boom ${second}/${count}`);
    vi.advanceTimersByTime(1000);
  }
  expect(told.slice(0, 8)).toEqual(Array.from({ length: 8 }, (_, count) => `boom 0/${count}`));
  expect(told.slice(8)).toEqual([92, 100, 100].map((count) => `${count} more failures, with other messages`));
  lines.dispose();
});

test('at the end it tells what has not been told', () => {
  const lines = new FailureLines((text) => told.push(text));
  for (let again = 0; again < 3; again++) lines.add('boom');
  lines.dispose();
  expect(told).toEqual(['boom', 'boom (2 times more)']);
});
