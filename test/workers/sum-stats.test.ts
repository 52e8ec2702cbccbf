import { describe, expect, test } from 'vitest';
import type { ServerStats } from '../../src/server/health/statistics.js';
import { foldEnded, sumStats } from '../../src/workers/sum-stats.js';

const limited = { messageSize: 1, descriptors: 0 } as unknown as ServerStats['limited'];

function statsOf(changes: Partial<ServerStats> = {}): ServerStats {
  return {
    connections: 3,
    namespaces: 2,
    accepted: 10,
    rejected: 1,
    refused: { 4503: 1 },
    abandoned: 0,
    closed: { 1000: 7 },
    closedByServer: { 1001: 2 },
    limited,
    broadcasts: 4,
    highestCursor: '42',
    deliveries: 8,
    conflated: 1,
    resumed: 0,
    remembered: 2,
    stale: 0,
    blocked: 1,
    slowClosed: 0,
    sockets: 3,
    goneAway: 0,
    cut: 0,
    faults: { drop: 1 },
    uptimeMs: 100,
    timeMs: 1000,
    process: {
      pid: 1,
      rssBytes: 10,
      heapUsedBytes: 20,
      externalBytes: 30,
      cpuMs: 40,
      eventLoopDelayP99Ms: 1,
      eventLoopDelayMaxMs: 5,
      eventLoopDelayRecentMaxMs: 2,
    },
    ...changes,
  };
}

const WHOLE = {
  namespaces: 3,
  uptimeMs: 500,
  timeMs: 2000,
  primary: { pid: 99, rssBytes: 1, heapUsedBytes: 2, externalBytes: 3, cpuMs: 4 },
};

/** Clients that were ever admitted are open, or have left with a code. */
function isBalanced({ accepted, connections, closed }: ServerStats): boolean {
  return accepted === connections + Object.values(closed).reduce((sum, count) => sum + count, 0);
}

describe('the statistics of workers', () => {
  test('add up to those of one server', () => {
    const other = statsOf({ closed: { 1000: 5, 1001: 2 }, highestCursor: '7', refused: { 401: 2 } });
    const sum = sumStats([statsOf(), other], WHOLE);
    expect(sum).toMatchObject({
      connections: 6,
      namespaces: 3,
      accepted: 20,
      refused: { 4503: 1, 401: 2 },
      closed: { 1000: 12, 1001: 2 },
      limited: { messageSize: 2, descriptors: 0 },
      highestCursor: '42',
      remembered: 2,
      uptimeMs: 500,
      timeMs: 2000,
      process: {
        pid: 99,
        rssBytes: 21,
        heapUsedBytes: 42,
        externalBytes: 63,
        cpuMs: 84,
        eventLoopDelayMaxMs: 5,
      },
    });
    expect(isBalanced(sum)).toBe(true);
    expect(Object.keys(sum).toSorted()).toEqual(Object.keys(statsOf()).toSorted());
  });

  test('keep the counts of workers that died: their clients left without a close code', () => {
    const once = foldEnded(undefined, statsOf());
    const twice = foldEnded(once, statsOf({ accepted: 12, closed: { 1000: 7, 1006: 2 } }));
    const sum = sumStats([twice, statsOf()], WHOLE);
    expect(sum).toMatchObject({
      connections: 3,
      accepted: 32,
      closed: { 1000: 21, 1006: 8 },
      sockets: 3,
      blocked: 1,
      process: { rssBytes: 11, cpuMs: 124 },
    });
    expect(isBalanced(sum)).toBe(true);
  });

  test('have no highest cursor before the first broadcast', () => {
    expect(sumStats([statsOf({ highestCursor: null })], WHOLE).highestCursor).toBeNull();
    expect(sumStats([], WHOLE)).toMatchObject({ connections: 0, highestCursor: null });
  });
});
