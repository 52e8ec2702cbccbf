import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { FAULT_NAMES, type FaultName } from '../../../src/server/faults/kinds.js';
import type { FaultRule } from '../../../src/server/faults/plan.js';
import { disposeLive, openClient } from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';
import { type FaultyServer, startFaultyServer } from './faulty-server.js';

afterEach(disposeLive);

/** What each fault needs to be told. */
const NEEDED: { readonly [Name in FaultName]?: Partial<FaultRule> } = {
  'delay-handshake': { delayMs: 60_000 },
  refuse: { status: 503 },
  delay: { delayMs: 60_000 },
  bandwidth: { bytesPerSecond: 1 },
  'late-heartbeat': { delayMs: 60_000 },
  'http-delay': { delayMs: 60_000 },
};
const rules = fc.array(
  fc.record({
    fault: fc.constantFrom(...FAULT_NAMES),
    probability: fc.constantFrom(1, 0.5),
    on: fc.constantFrom('now' as const, 'open' as const, 'cursor' as const),
  }),
  { minLength: 1, maxLength: 4 },
);
const moves = fc.array(
  fc.constantFrom('emit' as const, 'connect' as const, 'set' as const, 'clear' as const),
  {
    minLength: 1,
    maxLength: 8,
  },
);

/** A rule about the clients of one namespace. */
function ruleOf({
  fault,
  probability,
  on,
}: {
  fault: FaultName;
  probability: number;
  on: FaultRule['on'];
}): FaultRule {
  const hasMoment = ['close', 'reset', 'half-open'].includes(fault);
  return { fault, match: { namespace: 'bad' }, probability, ...NEEDED[fault], ...(hasMoment ? { on } : {}) };
}

/** Every byte that a client has got after its handshake. */
const bytesOf = (client: RawClient) => Buffer.concat(client.chunks).toString('latin1');

async function run(
  live: FaultyServer,
  given: readonly FaultRule[],
  steps: readonly string[],
  good: RawClient,
) {
  const others: Promise<unknown>[] = [];
  let cursor = 0;
  for (const step of steps) {
    if (step === 'set') await live.faults(...given);
    else if (step === 'clear') await live.clear();
    else if (step === 'connect') others.push(openClient(live.wsUrl, 'bad').catch(() => {}));
    else {
      cursor += 1;
      live.emit('bad', cursor);
      live.emit('good', cursor);
      await good.received(cursor);
    }
  }
  await live.clear();
  await good.roundTrip();
  return { cursor, others };
}

test('whatever goes wrong in one namespace, another gets exactly the bytes it gets without faults', async () => {
  const names = new Set<string>();
  await fc.assert(
    fc.asyncProperty(rules, moves, async (drawn, steps) => {
      for (const { fault } of drawn) names.add(fault);
      const live = await startFaultyServer({ resume: true, closeTimeoutMs: 50 });
      try {
        const given = drawn.map(ruleOf);
        await live.faults(...given);
        const [good, plain] = [await openClient(live.wsUrl, 'good'), await openClient(live.wsUrl, 'plain')];
        const { cursor } = await run(live, given, steps, good);
        for (let at = 1; at <= cursor; at++) {
          live.emit('plain', at);
          await plain.received(at);
        }
        await plain.roundTrip();
        expect(bytesOf(good)).toBe(bytesOf(plain));
        expect(good.head).toBe(plain.head);
        expect(good.isOpen).toBe(true);
        const struck = live.events.of('fault').flatMap(({ connection }) => connection ?? []);
        expect(struck.filter(({ namespace }) => namespace !== 'bad')).toEqual([]);
      } finally {
        await disposeLive();
      }
    }),
    { numRuns: 12, seed: 18 },
  );
  expect(names.size).toBeGreaterThan(10);
});

test('when the faults are cleared, connections have their own methods and sockets again', async () => {
  const live = await startFaultyServer();
  const before = await openClient(live.wsUrl, 'a');
  await live.faults(
    ...(['drop', 'delay', 'hold', 'bandwidth', 'byte-by-byte', 'no-pings', 'fragment'] as const).map(
      (fault) => ({
        ...ruleOf({ fault, probability: 1, on: undefined }),
        match: {},
      }),
    ),
  );
  const after = await openClient(live.wsUrl, 'a');
  await live.clear();
  live.emit('a', 1);
  for (const client of [before, after]) {
    expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"1"}']);
    expect(client.chunks).toHaveLength(1);
  }
});
