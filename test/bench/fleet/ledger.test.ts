import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { BEHAVIOR_NAMES, BEHAVIORS, type BehaviorName } from '../../../src/bench/behaviors/behaviors.js';
import { ClientFleet } from '../../../src/bench/fleet/client-fleet.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import type { CounterName } from '../../../src/bench/measure/tally.js';
import { encodeCursor } from '../../../src/protocol/messages.js';
import { within } from '../../support/deadline.js';
import { planOf } from '../measure/plans.js';
import { type LittleServer, littleServer, type Peer } from './little-server.js';
import { setUpFleet } from './set-up-fleet.js';

const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

const FIRST = 1_000_000;
/** Cursors of each namespace. */
const EACH = 4;
/** From the last cursor to the end of a connection, as the fleet's clock has it: nothing is in flight any more. */
const LATER_MS = 60_000;

/** What becomes of a connection, by what its server (or, of `disconnected`, the client itself) does. */
const ENDS = {
  refused: ({ socket }: Peer) => socket.close(4503, 'Connection limit reached'),
  kicked: ({ socket }: Peer) => socket.close(1013, 'Try again later'),
  reset: ({ raw }: Peer) => raw.resetAndDestroy(),
  disconnected: undefined,
  heartbeat: ({ socket }: Peer) => socket.close(1001, 'Heartbeat timeout'),
  shutdown: ({ socket }: Peer) => socket.close(1001, 'Going Away'),
} as const;
type End = keyof typeof ENDS;

/** Settings under which a behavior does nothing that ends its connection. */
const SETTINGS: Partial<Record<BehaviorName, object>> = {
  spoofing: { hello: { namespace: 'elsewhere' } },
  'slow-reader': { pause: '50ms' },
  resetting: { resetAfter: '60m' },
  malformed: { kinds: ['invalid-json', 'binary'] },
  // One that comes back at once would be a client of its own.
  flapping: { backoffScale: 60 },
};

interface Case {
  readonly name: string;
  readonly behavior: BehaviorName;
  readonly end: End;
}

/** A cohort of one client for each behavior and each end, in a namespace of its own. */
const CASES: readonly Case[] = BEHAVIOR_NAMES.flatMap((behavior) =>
  Object.keys(ENDS).map((end) => ({ name: `${behavior}_${end}`, behavior, end: end as End })),
);

interface Account {
  readonly expected: number;
  readonly lost: number;
}

/** Connects every case, delivers so many cursors of its namespace to each, ends it, and settles the accounts. */
async function accounts(
  cases: readonly Case[],
  delivered: readonly number[],
  lateMs = 0,
): Promise<Account[]> {
  const server = await littleServer();
  stops.push(() => server.stop());
  const cohorts = Object.fromEntries(
    cases.map(({ name, behavior }) => [name, { clients: 1, behavior, ...SETTINGS[behavior] }]),
  );
  const fleet = new ClientFleet(() => lateMs);
  stops.push(() => fleet.end());
  const scenario = setUpFleet(fleet, [server.url], cohorts);
  const connect = (_: unknown, cohort: number) =>
    fleet.connect({ cohort, startMs: 0, arrivals: undefined, timeoutMs: 5000 });
  await within(Promise.all(cases.map(connect)), 'every connection');
  await server.until(
    () => server.peers.filter(({ texts }) => texts.length > 0).length === cases.length,
    'hellos',
  );
  const peerOf = (one: Case) =>
    server.peers.find(({ texts }) => texts[0]?.includes(`bench-${one.name}-0`)) as Peer;

  const plan = planOf({
    firstCursor: FIRST,
    count: EACH * cases.length,
    namespaces: cases.map(({ name }) => scenario.namespaces.indexOf(name)),
    startMs: monotonicMs(),
    intervalMs: 0.1,
  });
  fleet.expectPlan(plan);
  for (const [turn, one] of cases.entries()) {
    for (let ordinal = 0; ordinal < (delivered[turn] as number); ordinal++)
      peerOf(one).socket.send(encodeCursor(String(FIRST + ordinal * cases.length + turn)));
  }
  const readers = cases.flatMap(({ behavior }, turn) =>
    BEHAVIORS[behavior].reads === 'nothing' ? [] : [delivered[turn] as number],
  );
  const all = readers.reduce((sum, count) => sum + count, 0);
  await expect.poll(() => fleet.status().received, { interval: 5, timeout: 5000 }).toBe(all);

  fleet.now = () => monotonicMs() + LATER_MS;
  await Promise.all(cases.map((one, turn) => end(one, turn, fleet, peerOf(one))));
  await expect
    .poll(() => fleet.status().open.every((open) => open === 0), { interval: 5, timeout: 5000 })
    .toBe(true);
  const settled = { plan: plan.id, emitted: plan.count, failed: [], deadlineMs: fleet.now() };
  await fleet.settle(settled);
  await fleet.settleSlow({ deadlineMs: fleet.now() });
  return fleet.takeCounts().tallies.map(({ counters: { expected, lost } }) => ({ expected, lost }));
}

function end({ end }: Case, cohort: number, fleet: ClientFleet, peer: Peer): Promise<void> | undefined {
  if (end === 'disconnected') return fleet.disconnect({ cohort, how: 'close', fraction: 1 });
  ENDS[end](peer);
  return undefined;
}

/** What a server owed a connection, and did not bring, by what can be known of it. */
function owed({ behavior, end }: Case, delivered: number): Account {
  const { token, reads } = BEHAVIORS[behavior];
  // Never a member: the server had no reason to send it anything.
  if (token !== 'own' || (end === 'refused' && delivered === 0)) return { expected: 0, lost: 0 };
  // Dead since it opened.
  if (reads === 'nothing') return { expected: 0, lost: 0 };
  // When the server sent it its last cursor is not known.
  if (reads === 'slowly') return { expected: delivered, lost: 0 };
  return { expected: EACH, lost: EACH - delivered };
}

test('what a client is owed depends on whether it was a member, whatever its behavior and its end', async () => {
  const deliveredArb = fc.tuple(...CASES.map(() => fc.integer({ min: 0, max: EACH })));
  await fc.assert(
    fc.asyncProperty(deliveredArb, async (delivered) => {
      const found = await accounts(CASES, delivered);
      const named = (of: readonly Account[]) => CASES.map(({ name }, turn) => ({ name, ...of[turn] }));
      expect(named(found)).toEqual(named(CASES.map((one, turn) => owed(one, delivered[turn] as number))));
    }),
    // The first has nobody served, so that every refused client is one that never was a member.
    { numRuns: 4, examples: [[CASES.map(() => 0) as never]] },
  );
}, 60_000);

test('a client that the server ended is owed nothing from when its end may have been read too late', async () => {
  const cases = CASES.filter(
    ({ behavior, end }) => behavior === 'healthy' && end !== 'disconnected' && end !== 'refused',
  );
  const found = await accounts(
    cases,
    cases.map(() => 2),
    LATER_MS,
  );
  expect(found).toEqual(cases.map(() => ({ expected: 2, lost: 0 })));
});

test('a slow reader that was refused while it did not read has lost nothing', async () => {
  const server: LittleServer = await littleServer({
    // Behind the hello, when it no longer reads.
    onPeer: ({ socket }) => socket.on('message', () => socket.close(4503, 'Connection limit reached')),
  });
  stops.push(() => server.stop());
  const cohorts = { slow: { clients: 1, namespaces: 'a', behavior: 'slow-reader', pause: '400ms' } };
  const fleet = new ClientFleet();
  stops.push(() => fleet.end());
  setUpFleet(fleet, [server.url], cohorts);
  await fleet.connect({ cohort: 0, startMs: 0, arrivals: undefined, timeoutMs: 5000 });
  const plan = planOf({ firstCursor: FIRST, count: 5, startMs: monotonicMs() });
  fleet.expectPlan(plan);
  fleet.now = () => monotonicMs() + LATER_MS;
  await expect.poll(() => fleet.status().open[0], { interval: 5, timeout: 5000 }).toBe(0);
  await fleet.settle({ plan: plan.id, emitted: 5, failed: [], deadlineMs: fleet.now() });
  const [counters] = fleet.takeCounts().tallies.map((tally) => tally.counters as Record<CounterName, number>);
  expect(counters).toMatchObject({ opened: 1, expected: 0, lost: 0, conflated: 0 });
});
