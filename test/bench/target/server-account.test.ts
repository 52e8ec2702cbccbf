import { describe, expect, test } from 'vitest';
import {
  distinctServers,
  MixedServersError,
  readStats,
  ServerAccount,
  type StatsAnswer,
} from '../../../src/bench/target/server-account.js';

const MIB = 1024 ** 2;

function answer(changes: Partial<StatsAnswer> & { readonly pid?: number } = {}): StatsAnswer {
  const { pid = 1, ...others } = changes;
  return {
    connections: 3,
    accepted: 1000,
    rejected: 50,
    conflated: 7,
    closed: { 1000: 900, 1001: 97 },
    uptimeMs: 3_600_000,
    process: {
      pid,
      rssBytes: 100 * MIB,
      cpuMs: 60_000,
      eventLoopDelayP99Ms: 40,
      eventLoopDelayMaxMs: 2000,
      eventLoopDelayRecentMaxMs: 1,
    },
    ...others,
  };
}

/** A process that has just started. */
const fresh = (changes: Partial<StatsAnswer> = {}): StatsAnswer => ({
  ...answer({ pid: 2, connections: 0, accepted: 0, rejected: 0, conflated: 0, closed: {}, uptimeMs: 500 }),
  ...changes,
});

describe('what a server did during a run', () => {
  test('is the difference to what it had counted before', () => {
    const account = new ServerAccount(answer(), 0, false);
    account.note(
      answer({
        connections: 13,
        accepted: 1020,
        rejected: 52,
        conflated: 8,
        closed: { 1000: 905, 1001: 97, 1009: 5 },
        uptimeMs: 3_605_000,
      }),
      5000,
    );
    expect(account.measurement).toMatchObject({ connections: 10, accepted: 20, rejected: 2, conflated: 1 });
    expect(account.measurement.closed).toEqual({ 1000: 5, 1009: 5 });
    expect(account.measurement.cpuMs).toBe(0);
  });

  test('is the same for the same run, whatever was counted before', () => {
    const [once, twice] = [0, 7].map((before) => {
      const base = answer({ accepted: before, closed: { 1000: before }, connections: 0 });
      const account = new ServerAccount(base, 0, false);
      account.note(
        answer({ accepted: before + 20, closed: { 1000: before + 19 }, connections: 1, uptimeMs: 3_601_000 }),
        1000,
      );
      return account.measurement;
    });
    expect(twice).toEqual(once);
  });

  test.each<[string, Partial<StatsAnswer> & { readonly pid?: number }]>([
    ['by its process id', { pid: 2, uptimeMs: 100_000 }],
    ['by its uptime', { uptimeMs: 500, pid: 1 }],
    [
      'by counts that fell, where it tells nothing else',
      { uptimeMs: undefined, process: undefined, accepted: 4 },
    ],
  ])('a restart is noticed %s, and both processes count', (_, changes) => {
    const account = new ServerAccount(answer(), 0, false);
    account.note(
      answer({ accepted: 1010, connections: 9, closed: { 1000: 904 }, uptimeMs: 3_700_000 }),
      100_000,
    );
    account.note(
      { ...answer({ accepted: 4, connections: 2, closed: { 1000: 2 } }), ...answerOf(changes) },
      200_000,
    );
    const { accepted, connections, closed } = account.measurement;
    expect({ accepted, connections, closed }).toEqual({ accepted: 14, connections: 2, closed: { 1000: 6 } });
  });

  test('CPU time goes on over a restart', () => {
    const account = new ServerAccount(answer(), 0, false);
    const cpu = (cpuMs: number) => ({ ...(answer().process as NonNullable<StatsAnswer['process']>), cpuMs });
    account.note(answer({ process: cpu(60_200), uptimeMs: 3_601_000 }), 1000);
    account.note(fresh({ process: { ...cpu(30), pid: 2 } }), 2000);
    account.note(fresh({ process: { ...cpu(80), pid: 2 }, uptimeMs: 1500 }), 3000);
    expect(account.measurement.cpuMs).toBe(200 + 80);
  });

  test('a process that ran before the run began is another server behind the same URL', () => {
    const account = new ServerAccount(answer(), 0, false);
    expect(() => account.note(answer({ pid: 2, uptimeMs: 1_000_000 }), 1000)).toThrow(MixedServersError);
  });

  test('a delay from before the run is none of it', () => {
    const delays = (eventLoopDelayMaxMs: number, eventLoopDelayRecentMaxMs: number) => ({
      ...(answer().process as NonNullable<StatsAnswer['process']>),
      eventLoopDelayMaxMs,
      eventLoopDelayRecentMaxMs,
    });
    const account = new ServerAccount(answer(), 0, false);
    account.note(answer({ process: delays(2000, 12), uptimeMs: 3_601_000 }), 1000);
    expect(account.measurement).toMatchObject({ delayMaxMs: 12, delayP99Ms: undefined });
    account.note(answer({ process: delays(2500, 5), uptimeMs: 3_602_000 }), 2000);
    expect(account.measurement.delayMaxMs).toBe(2500);
  });

  test('of a server that was started for the run, all that it says is of the run', () => {
    const account = new ServerAccount(fresh(), 0, true);
    expect(account.measurement).toMatchObject({ delayMaxMs: 2000, delayP99Ms: 40 });
  });

  test('memory by connection counts from what there was before', () => {
    const account = new ServerAccount(answer(), 0, false);
    const process = { ...(answer().process as NonNullable<StatsAnswer['process']>), rssBytes: 101 * MIB };
    account.note(answer({ connections: 1027, process, uptimeMs: 3_601_000 }), 1000);
    expect(account.measurement).toMatchObject({ bytesPerConnection: 1024, rssBytes: 101 * MIB });
  });

  test('memory that shrank says nothing of a connection, and no rule can pass by it', () => {
    const account = new ServerAccount(answer(), 0, false);
    const process = { ...(answer().process as NonNullable<StatsAnswer['process']>), rssBytes: 99 * MIB };
    account.note(answer({ connections: 1027, process, uptimeMs: 3_601_000 }), 1000);
    expect(account.measurement.bytesPerConnection).toBeUndefined();
  });
});

describe('answers of several URLs', () => {
  test('of one server count once: it has one process number and one start', () => {
    expect(distinctServers([answer(), answer(), fresh()])).toEqual([0, 2]);
    // Workers answer for the whole server, one a moment later than another.
    expect(distinctServers([answer({ uptimeMs: 3_600_000 }), answer({ uptimeMs: 3_600_900 })])).toEqual([0]);
  });

  test('of servers on two machines count twice, even if their processes have the same number', () => {
    expect(distinctServers([answer({ uptimeMs: 3_600_000 }), answer({ uptimeMs: 5000 })])).toEqual([0, 1]);
  });

  test('without a process number count each', () => {
    expect(distinctServers([{ accepted: 1 }, { accepted: 1 }])).toEqual([0, 1]);
  });
});

describe('an answer of /v1/stats', () => {
  test.each([undefined, null, 'ok', 3, []])('%j is none', (given) => {
    expect(readStats(given)).toBeUndefined();
  });

  test('of somebody else is read as far as it is like ours', () => {
    expect(
      readStats({ connections: '5', accepted: 3, closed: [1], process: { rssBytes: 1 }, highestCursor: 4 }),
    ).toEqual({ accepted: 3, process: { rssBytes: 1 } });
  });
});

function answerOf({
  pid,
  ...changes
}: Partial<StatsAnswer> & { readonly pid?: number }): Partial<StatsAnswer> {
  if (pid === undefined) return changes;
  return { ...changes, process: { ...(answer().process as NonNullable<StatsAnswer['process']>), pid } };
}
