import { afterEach, expect, test } from 'vitest';
import { ClientFleet } from '../../../src/bench/fleet/client-fleet.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { within } from '../../support/deadline.js';
import { planOf } from '../measure/plans.js';
import { type LittleServer, littleServer } from './little-server.js';
import { setUpFleet } from './set-up-fleet.js';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** One reconnecting client on two servers, whose namespace gets the cursors from 1000 on. */
async function setUp() {
  const servers = [await littleServer(), await littleServer()];
  for (const server of servers) stops.push(() => server.stop());
  const fleet = new ClientFleet();
  const urls = servers.map(({ url }) => url);
  setUpFleet(fleet, urls, { one: { clients: 1, behavior: 'reconnecting', backoffScale: 0.02 } });
  stops.push(() => fleet.end());
  const order = { cohort: 0, arrivals: undefined, timeoutMs: 5000, startMs: monotonicMs() };
  await within(fleet.connect(order), 'the client');
  return { fleet, servers: servers as [LittleServer, LittleServer] };
}

const hasHello = ({ peers }: LittleServer, count = 1) =>
  peers.filter(({ texts }) => texts.length > 0).length === count;

const cursorsOf = ({ peers }: LittleServer, index = 0) =>
  JSON.parse(peers[index]?.texts[0] as string).cursors;

test('a client that lost its connection says hello to the next server, with the newest cursor that it has', async () => {
  const { fleet, servers } = await setUp();
  const [one, two] = servers;
  await one.until(() => hasHello(one), 'the first hello');
  expect(cursorsOf(one)).toEqual({});
  fleet.expectPlan(planOf({ startMs: monotonicMs() + 1000 }));
  one.peers[0]?.cursors(1000, 1001);
  // The close comes behind the cursors, so they have been read by then.
  one.peers[0]?.socket.close(1001);
  await two.until(() => hasHello(two), 'the second hello');
  expect(cursorsOf(two)).toEqual({ bench: '1001' });
  // And from there to the first again.
  two.peers[0]?.raw.destroy();
  await one.until(() => hasHello(one, 2), 'the third hello');
  expect(cursorsOf(one, 1)).toEqual({ bench: '1001' });
  expect(fleet.takeCounts().tallies[0]?.counters).toMatchObject({ reconnects: 2, disconnected: 0 });
});

test('it is waited for, and counts as left behind as long as it has not heard the newest', async () => {
  const { fleet, servers } = await setUp();
  const [one, two] = servers;
  const startMs = monotonicMs() + 1000;
  fleet.expectPlan(planOf({ startMs, owes: 'newest' }));
  one.peers[0]?.cursors(1000);
  one.peers[0]?.socket.close(1001);
  await two.until(() => hasHello(two), 'the second hello');
  await fleet.settle({ plan: 1, emitted: 3, failed: [], deadlineMs: 0 });
  expect(fleet.takeCounts().behind).toEqual([{ owed: 1, leftBehind: 1 }]);
  const now = monotonicMs();
  expect(await fleet.converge({ startMs: now, deadlineMs: now + 50 })).toMatchObject({ missing: 1 });
  const waiting = fleet.converge({ startMs: monotonicMs(), deadlineMs: monotonicMs() + 60_000 });
  two.peers[0]?.cursors(1002);
  expect(await waiting).toMatchObject({ missing: 0 });
  expect(fleet.takeCounts().behind).toEqual([{ owed: 1, leftBehind: 0 }]);
});

test('one that left by itself starts anew: it owes nothing from before', async () => {
  const { fleet, servers } = await setUp();
  const [one] = servers;
  fleet.expectPlan(planOf({ startMs: monotonicMs() + 1000, owes: 'newest' }));
  await one.until(() => hasHello(one), 'the hello');
  await fleet.settle({ plan: 1, emitted: 1, failed: [], deadlineMs: 0 });
  await within(fleet.disconnect({ cohort: 0, how: 'close', fraction: 1 }), 'the end of the client');
  expect(fleet.takeCounts().behind).toEqual([{ owed: 0, leftBehind: 0 }]);
  const now = monotonicMs();
  expect(await fleet.converge({ startMs: now, deadlineMs: now + 60_000 })).toMatchObject({ missing: 0 });
});
