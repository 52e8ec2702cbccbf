import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TickQueue } from '../../../src/server/limits/tick-queue.js';

function setUp(perTurn: number, limit: number) {
  const done: number[] = [];
  const queue = new TickQueue(perTurn, limit);
  return { done, add: (...numbers: number[]) => numbers.map((number) => queue.add(() => done.push(number))) };
}

test('what fits into a turn is done at once, what is over it in the next ones, in order', async () => {
  const { done, add } = setUp(2, 10);
  expect(add(1, 2, 3, 4, 5)).toEqual(Array(5).fill(true));
  expect(done).toEqual([1, 2]);
  await turn();
  expect(done).toEqual([1, 2, 3, 4]);
  // It does not overtake what waits.
  add(6);
  expect(done).toEqual([1, 2, 3, 4]);
  await turn();
  expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  await turn();
  add(7);
  expect(done.at(-1)).toBe(7);
});

test('more than may wait is refused, and is not done later either', async () => {
  const { done, add } = setUp(2, 3);
  expect(add(1, 2, 3, 4, 5, 6, 7)).toEqual([true, true, true, true, true, false, false]);
  for (let round = 0; round < 5; round++) await turn();
  expect(done).toEqual([1, 2, 3, 4, 5]);
  expect(add(8)).toEqual([true]);
});

test('where nothing may wait, a turn still has its share', async () => {
  const { done, add } = setUp(2, 0);
  expect(add(1, 2, 3)).toEqual([true, true, false]);
  await turn();
  expect(add(4)).toEqual([true]);
  expect(done).toEqual([1, 2, 4]);
});

test('what work adds is done in a later turn when the share is used up', async () => {
  const done: string[] = [];
  const queue = new TickQueue(1, 10);
  queue.add(() => {
    done.push('first');
    queue.add(() => done.push('second'));
  });
  expect(done).toEqual(['first']);
  await turn();
  expect(done).toEqual(['first', 'second']);
});
