import { expect, test } from 'vitest';
import { drainStep } from '../../../src/server/ws/connection-drain.js';

/** Runs a drain on paper: when each client is closed, in milliseconds from its beginning. */
function drain(clients: number, windowMs: number, { lateMs = 0, leavers = 0 } = {}): number[] {
  const closedAt: number[] = [];
  let open = clients;
  for (let nowMs = 0, turn = 0; open > 0; turn++) {
    const { closes, waitMs } = drainStep(open, windowMs - nowMs);
    expect(closes).toBeGreaterThan(0);
    for (let index = 0; index < closes; index++) closedAt.push(nowMs);
    open -= closes;
    open -= Math.min(open, leavers);
    nowMs += waitMs + (turn === 3 ? lateMs : 0);
  }
  return closedAt;
}

test.each([
  [1, 30_000],
  [2, 30_000],
  [7, 1000],
  [100, 1000],
  [9_000, 30_000],
  [100_000, 1000],
])('%i clients over %i ms: as many in each part of the window, and none after it', (clients, windowMs) => {
  const closedAt = drain(clients, windowMs);
  expect(closedAt).toHaveLength(clients);
  for (const share of [0.1, 0.25, 0.5, 0.75, 0.9]) {
    const closed = closedAt.filter((atMs) => atMs < windowMs * share).length;
    expect(Math.abs(closed - clients * share)).toBeLessThanOrEqual(1 + (clients * 25) / windowMs);
  }
  expect(closedAt.at(-1)).toBeLessThan(windowMs);
});

test('a timer that comes late is made good for in what is left, not at once', () => {
  const closedAt = drain(1000, 10_000, { lateMs: 5000 });
  const lateUntil = closedAt.findIndex((atMs) => atMs > 5000);
  const afterwards = closedAt.slice(lateUntil);
  expect(afterwards.filter((atMs) => atMs < 5200).length).toBeLessThan(afterwards.length / 10);
  expect(closedAt.at(-1)).toBeLessThan(10_000);
});

test('clients that leave by themselves do not leave a hole at the beginning or at the end', () => {
  const closedAt = drain(1000, 10_000, { leavers: 1 });
  expect(closedAt.at(-1)).toBeGreaterThan(9000);
  expect(closedAt.filter((atMs) => atMs < 1000).length).toBeGreaterThan(10);
});

test('when the time is over everybody goes', () => {
  expect(drainStep(12, 0)).toEqual({ closes: 12, waitMs: 0 });
  expect(drainStep(12, -5)).toEqual({ closes: 12, waitMs: 0 });
  expect(drainStep(12, 1)).toEqual({ closes: 12, waitMs: 0 });
});
