import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { InputQueue } from '../../../src/server/limits/tick-queue.js';

let nowMs = 0;

afterEach(() => {
  vi.restoreAllMocks();
});

/** A source of so many pieces, each of which takes a millisecond; it writes down what is read. */
function source(name: string, pieces: number, read: string[]) {
  let left = pieces;
  return {
    readPiece() {
      nowMs += 1;
      left -= 1;
      read.push(name);
      return left > 0;
    },
  };
}

test('costly input is read in turn, a few milliseconds of it in each tick', async () => {
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const read: string[] = [];
  const queue = new InputQueue();
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) queue.add(source(name, name === 'a' ? 3 : 1, read));
  expect(read).toEqual([]);
  await turn();
  expect(read.join('')).toBe('abcd');
  await turn();
  expect(read.join('')).toBe('abcdefa');
  queue.add(source('g', 1, read));
  await turn();
  expect(read.join('')).toBe('abcdefaag');
});

test('a piece that takes too long by itself is read all the same, one in each tick', async () => {
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += 1000));
  const read: string[] = [];
  const queue = new InputQueue();
  queue.add(source('a', 2, read));
  queue.add(source('b', 1, read));
  await turn();
  expect(read.join('')).toBe('a');
  await turn();
  await turn();
  expect(read.join('')).toBe('aba');
});
