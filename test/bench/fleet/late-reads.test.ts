import { afterEach, describe, expect, test } from 'vitest';
import { ClientFleet } from '../../../src/bench/fleet/client-fleet.js';
import { GeneratorHealth } from '../../../src/bench/fleet/generator-health.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { Tally, type TallyData } from '../../../src/bench/measure/tally.js';
import { littleServer, type Peer } from './little-server.js';
import { setUpFleet } from './set-up-fleet.js';

const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** A fleet of one client, whose every read may have been so late. */
async function oneClient(behavior: string, lateMs: number, heartbeatIntervalMs = 0) {
  const server = await littleServer();
  stops.push(() => server.stop());
  const fleet = new ClientFleet(() => lateMs);
  stops.push(() => fleet.end());
  setUpFleet(fleet, [server.url], { one: { clients: 1, behavior } }, { heartbeatIntervalMs });
  await fleet.connect({ cohort: 0, startMs: 0, arrivals: undefined, timeoutMs: 5000 });
  await server.until(() => server.peers.length === 1, 'the client');
  const tally = new Tally();
  const counted = () => tally.add(Tally.from(fleet.takeCounts().tallies[0] as TallyData));
  const pinged = async (times: number) => {
    for (let count = 1; count <= times; count++) {
      (server.peers[0] as Peer).socket.ping();
      await expect.poll(() => counted().counters.pings, { interval: 5, timeout: 5000 }).toBe(count);
    }
  };
  const timedOut = async () => {
    (server.peers[0] as Peer).socket.close(1001, 'Heartbeat timeout');
    await expect.poll(() => fleet.status().open[0], { interval: 5, timeout: 5000 }).toBe(0);
    return counted();
  };
  return { fleet, counted, pinged, timedOut };
}

describe('a ping that may have been read 700 ms late', () => {
  test('may have begun a timeout 700 ms earlier, as its close may have ended it', async () => {
    const { pinged, timedOut } = await oneClient('silent', 700);
    await pinged(1);
    const { pongTimeout, pongTimeoutLeast, pongTimeoutMost } = (await timedOut()).histograms;
    const measured = pongTimeout.maxMs as number;
    expect(measured).toBeLessThan(700);
    expect(pongTimeoutMost.maxMs).toBeCloseTo(measured + 700, -1);
    // No time is less than none.
    expect(pongTimeoutLeast.maxMs).toBe(0);
  });

  test('may have come 700 ms longer after the one before it, or sooner', async () => {
    const { pinged, counted } = await oneClient('healthy', 700);
    await pinged(2);
    const { pingInterval, pingIntervalLeast, pingIntervalMost } = counted().histograms;
    expect(pingIntervalMost.maxMs).toBeCloseTo((pingInterval.maxMs as number) + 700, -1);
    expect(pingIntervalLeast.maxMs).toBe(0);
  });

  test('does not accuse a server that closes a client for not answering it', async () => {
    const { pinged, timedOut } = await oneClient('healthy', 700);
    await pinged(1);
    expect((await timedOut()).counters).toMatchObject({ falseTimeouts: 0, falseTimeoutsInDoubt: 1 });
  });
});

test('a server that closes a client which answered at once is accused', async () => {
  const { pinged, timedOut } = await oneClient('healthy', 0);
  await pinged(1);
  expect((await timedOut()).counters).toMatchObject({ falseTimeouts: 1, falseTimeoutsInDoubt: 0 });
});

describe('a client that a server pings every 2 s', () => {
  const later = (fleet: ClientFleet, ms: number) => {
    fleet.now = () => monotonicMs() + ms;
  };

  test('is owed a ping only once one and a half intervals and a second have passed', async () => {
    const { fleet } = await oneClient('healthy', 0, 2000);
    expect(fleet.takeCounts().owed).toEqual([{ pings: 0, overdue: 0 }]);
    later(fleet, 3000);
    expect(fleet.takeCounts().owed).toEqual([{ pings: 0, overdue: 0 }]);
    later(fleet, 5000);
    expect(fleet.takeCounts().owed).toEqual([{ pings: 1, overdue: 1 }]);
  });

  test('is not overdue as long as pings come, and is once they no longer do', async () => {
    const { fleet, pinged } = await oneClient('healthy', 0, 2000);
    later(fleet, 10_000);
    await pinged(1);
    later(fleet, 13_000);
    expect(fleet.takeCounts().owed).toEqual([{ pings: 1, overdue: 0 }]);
    later(fleet, 15_000);
    expect(fleet.takeCounts().owed).toEqual([{ pings: 1, overdue: 1 }]);
  });

  test('is not overdue where bench may not have read the ping yet', async () => {
    const { fleet } = await oneClient('healthy', 6000, 2000);
    later(fleet, 9000);
    expect(fleet.takeCounts().owed).toEqual([{ pings: 1, overdue: 0 }]);
  });

  test.each(['slow-reader', 'half-open', 'unauthenticated'])('is owed none if it is %s', async (behavior) => {
    const { fleet } = await oneClient(behavior, 0, 2000);
    later(fleet, 9000);
    expect(fleet.takeCounts().owed).toEqual([{ pings: 0, overdue: 0 }]);
  });
});

test('a server without a heartbeat owes nobody a ping', async () => {
  const { fleet } = await oneClient('healthy', 0, 0);
  fleet.now = () => monotonicMs() + 1e9;
  expect(fleet.takeCounts().owed).toEqual([{ pings: 0, overdue: 0 }]);
});

test('what a process reads after it was blocked may have been there for as long as that', async () => {
  const health = new GeneratorHealth();
  health.start();
  const blockedMs = 120;
  await new Promise((resolve) => setTimeout(resolve, 60));
  const endMs = monotonicMs() + blockedMs;
  while (monotonicMs() < endMs);
  const late = await new Promise<number>((resolve) =>
    setImmediate(() => resolve(health.readLateMs(monotonicMs()))),
  );
  health.stop();
  expect(late).toBeGreaterThanOrEqual(blockedMs);
});
