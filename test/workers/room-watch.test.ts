import { expect, test } from 'vitest';
import { RoomWatch } from '../../src/workers/room-watch.js';

/** What a watch tells while a process with so many descriptors has these open, one after the other. */
function told(max: number, open: readonly number[]): boolean[] {
  const changes: boolean[] = [];
  const next = open.values();
  const watch = new RoomWatch(
    (hasRoom) => changes.push(hasRoom),
    () => ({ open: next.next().value as number, max }),
  );
  for (const _ of open) watch.look();
  return changes;
}

test('a worker is full when 2% of its descriptors are left, and has room again when 4% are', () => {
  expect(told(20_000, [100, 19_599])).toEqual([]);
  expect(told(20_000, [19_600, 19_601, 19_700])).toEqual([false]);
  expect(told(20_000, [19_600, 19_300])).toEqual([false]);
  expect(told(20_000, [19_600, 19_199])).toEqual([false, true]);
});

test('a worker with few descriptors keeps 32 of them', () => {
  expect(told(120, [87])).toEqual([]);
  expect(told(120, [88])).toEqual([false]);
  expect(told(120, [88, 56])).toEqual([false]);
  expect(told(120, [88, 55])).toEqual([false, true]);
});

test('a system that does not say how many descriptors are open is never told to be full', () => {
  const changes: boolean[] = [];
  const watch = new RoomWatch(
    (hasRoom) => changes.push(hasRoom),
    () => undefined,
  );
  watch.look();
  expect(changes).toEqual([]);
});
