import { setImmediate as tick } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { afterPatience } from '../../../src/bench/target/trial-client.js';

afterEach(() => {
  vi.useRealTimers();
});

test('patience ends when all of it has been spent, and not before', () => {
  vi.useFakeTimers();
  const ended = vi.fn();
  afterPatience(5000, ended);
  vi.advanceTimersByTime(4999);
  expect(ended).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  vi.runAllTimers();
  expect(ended).toHaveBeenCalledOnce();
});

test('a process that was stopped loses one step of it, however long that was', async () => {
  const ended = vi.fn();
  const cancel = afterPatience(1500, ended);
  // As long as all of it: nothing runs meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
  for (let turn = 0; turn < 10; turn++) await tick();
  expect(ended).not.toHaveBeenCalled();
  cancel();
});

test('patience that is cancelled never ends', () => {
  vi.useFakeTimers();
  const ended = vi.fn();
  afterPatience(1000, ended)();
  vi.runAllTimers();
  expect(ended).not.toHaveBeenCalled();
});
