import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { monotonicMs, waitUntil } from '../../../src/bench/measure/clock.js';

/** Waits of fractions of a millisecond and a little more, which a timer alone ends early now and then. */
const WAITS_MS = Array.from({ length: 400 }, (_, index) => 0.15 + (index % 23) * 0.11);

test('a wait never ends before its time, so nothing seems to take less time than it does', async () => {
  const early: number[] = [];
  for (const waitMs of WAITS_MS) {
    const atMs = monotonicMs() + waitMs;
    await waitUntil(atMs);
    const leftMs = atMs - monotonicMs();
    if (leftMs > 0) early.push(leftMs);
  }
  expect(early).toEqual([]);
});

test('a wait for a time that has passed is none', async () => {
  const ended: string[] = [];
  await Promise.race([
    waitUntil(monotonicMs() - 1).then(() => ended.push('the wait')),
    sleep(1).then(() => ended.push('a millisecond')),
  ]);
  expect(ended).toEqual(['the wait']);
});

test('an abort ends a wait', async () => {
  const abort = new AbortController();
  const wait = waitUntil(monotonicMs() + 3_600_000, abort.signal);
  abort.abort();
  await wait;
  await waitUntil(monotonicMs() + 3_600_000, abort.signal);
});
