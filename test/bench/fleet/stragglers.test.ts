import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BenchClient } from '../../../src/bench/fleet/bench-client.js';
import { Stragglers } from '../../../src/bench/fleet/stragglers.js';
import { NewestEmitted } from '../../../src/bench/measure/newest-emitted.js';
import { planOf } from '../measure/plans.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A client that is connected and has heard the newest of ten cursors, 1009, but for `parts`. */
function client(parts: object = {}) {
  const behavior = { reads: 'all', token: 'own' };
  const all = { isOpen: true, isMember: true, namespace: 0, joinedAtMs: 1, openedAtMs: 1, heard: 1009 };
  return { ...all, cohort: { behavior }, ...parts } as unknown as BenchClient & {
    isOpen: boolean;
    heard: number;
    openedAtMs: number;
  };
}

function setUp(isReturning: (client: BenchClient) => boolean = () => false) {
  const newest = new NewestEmitted();
  newest.note(planOf({ startMs: 10_000 }), 10, []);
  return new Stragglers(newest, isReturning, () => Date.now());
}

describe('clients that are left behind', () => {
  test('are those that have not heard the newest, of those that must have', () => {
    const clients = [client(), client({ heard: 1008 }), client({ joinedAtMs: 20_000, heard: 0 })];
    expect(setUp().count(clients)).toEqual({ owed: 2, leftBehind: 1 });
  });

  test('are those on their way back as well', () => {
    const away = client({ isOpen: false, heard: 1008 });
    expect(setUp(() => true).count([away])).toEqual({ owed: 1, leftBehind: 1 });
    expect(setUp(() => false).count([away])).toEqual({ owed: 0, leftBehind: 0 });
  });

  test('are none that read slowly, or have no token', () => {
    const slow = client({ heard: 0, cohort: { behavior: { reads: 'slowly', token: 'own' } } });
    const stranger = client({ heard: 0, cohort: { behavior: { reads: 'all', token: 'none' } } });
    expect(setUp().count([slow, stranger])).toEqual({ owed: 0, leftBehind: 0 });
  });
});

describe('waiting for them', () => {
  const order = () => ({ startMs: Date.now(), deadlineMs: Date.now() + 2000 });

  test('ends when all are there, and says how long the slowest took', async () => {
    const late = client({ heard: 1000 });
    const waiting = setUp().converge([client(), late], order());
    await vi.advanceTimersByTimeAsync(490);
    late.heard = 1009;
    await vi.advanceTimersByTimeAsync(20);
    expect(await waiting).toEqual({ missing: 0, longestMs: 500 });
  });

  test('counts the time of a client that comes back from its return', async () => {
    const away = client({ isOpen: false, heard: 1000 });
    const waiting = setUp(() => true).converge([away], order());
    await vi.advanceTimersByTimeAsync(1000);
    Object.assign(away, { isOpen: true, openedAtMs: Date.now() });
    await vi.advanceTimersByTimeAsync(90);
    away.heard = 1009;
    await vi.advanceTimersByTimeAsync(20);
    expect(await waiting).toEqual({ missing: 0, longestMs: 100 });
  });

  test('ends at the deadline with those that are missing, connected or not', async () => {
    const clients = [client(), client({ heard: 1 }), client({ isOpen: false })];
    const waiting = setUp(() => true).converge(clients, order());
    await vi.advanceTimersByTimeAsync(2050);
    expect(await waiting).toMatchObject({ missing: 2 });
  });

  test('is over at once where there are none', async () => {
    expect(await setUp().converge([], order())).toEqual({ missing: 0, longestMs: 0 });
  });
});
