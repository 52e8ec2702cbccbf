import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
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

const CLOCK = pathToFileURL(join(import.meta.dirname, '../../../dist/bench/measure/clock.js')).href;

/**
 * Prints how far, at most, the clock of a fresh process was outside of two readings of the system's around it. A
 * pause between the three makes the bracket wider, so a busy machine cannot make this fail.
 */
const PROBE = `
  const { monotonicMs } = await import(${JSON.stringify(CLOCK)});
  let worst = 0;
  for (let reading = 0; reading < 100; reading++) {
    const before = process.hrtime.bigint();
    const ms = monotonicMs();
    const after = process.hrtime.bigint();
    worst = Math.max(worst, Number(before) / 1e6 - ms, ms - Number(after) / 1e6);
  }
  console.log(worst);
`;

// Any two processes that are on the clock of the system are on the same one.
test('a process of a run is on the clock of the system, to within microseconds', () => {
  for (const _ of [1, 2]) {
    const errorMs = Number(execFileSync(process.execPath, ['--input-type=module', '-e', PROBE]));
    expect(errorMs).toBeLessThan(0.001);
  }
});
