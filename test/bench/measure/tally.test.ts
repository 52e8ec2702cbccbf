import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Evidence, FAULTS } from '../../../src/bench/measure/evidence.js';
import {
  type CounterName,
  Counts,
  closeKey,
  type HistogramName,
  Tally,
} from '../../../src/bench/measure/tally.js';

const COUNTERS = Object.keys(new Tally().counters) as CounterName[];
const HISTOGRAMS = Object.keys(new Tally().histograms) as HistogramName[];

const CLIENT = { client: 1, namespace: 'a', cursor: '7' };

const eventArb = fc.oneof(
  fc.record({ on: fc.constant('counters' as const), name: fc.constantFrom(...COUNTERS) }),
  fc.record({
    on: fc.constant('histograms' as const),
    name: fc.constantFrom(...HISTOGRAMS),
    ms: fc.integer({ min: 0, max: 5000 }),
  }),
  fc.record({
    on: fc.constantFrom('closed' as const, 'rejected' as const, 'errors' as const),
    key: fc.constantFrom('1006', '4503 Connection limit reached', '503', 'ECONNRESET', '__proto__'),
  }),
  fc.record({
    on: fc.constant('evidence' as const),
    fault: fc.constantFrom(...FAULTS),
    atMs: fc.integer({ min: 0, max: 20 }),
  }),
);
type Event = typeof eventArb extends fc.Arbitrary<infer Value> ? Value : never;

function count(tally: Tally, event: Event): void {
  if (event.on === 'counters') tally.counters[event.name] += 1;
  else if (event.on === 'evidence') tally.evidence.note(event.fault, event.atMs, () => CLIENT);
  else if (event.on === 'histograms') tally.histograms[event.name].record(event.ms);
  else tally[event.on].count(event.key);
}

test('tallies of several processes, sent as JSON, add up to the one that counted everything', () => {
  fc.assert(
    fc.property(fc.array(fc.array(eventArb, { maxLength: 30 }), { maxLength: 5 }), (processes) => {
      const [sum, together] = [new Tally(), new Tally()];
      for (const events of processes) {
        const one = new Tally();
        for (const event of events) {
          count(one, event);
          count(together, event);
        }
        sum.add(Tally.from(JSON.parse(JSON.stringify(one.toData()))));
      }
      expect(sum.toData()).toEqual(together.toData());
    }),
  );
});

test('what was sent does not change with the tally', () => {
  const tally = new Tally();
  const data = tally.toData();
  tally.counters.lost += 1;
  tally.closed.count('1006');
  expect(data.counters.lost).toBe(0);
  expect(data.closed).toEqual([]);
});

test('whoever was closed with 4401 or 4503 was not accepted, but for a client whose token has expired', () => {
  const tally = new Tally();
  tally.counters.opened = 100;
  for (const key of ['1006', '4503', '4503 Connection limit reached', '4401 Unauthorized', '4401']) {
    tally.closed.count(key, 10);
  }
  expect(tally.accepted).toBe(60);
  tally.closed.count('4401 Token expired', 10);
  expect(tally.accepted).toBe(60);
});

describe('evidence', () => {
  test('is the earliest of each fault, in whichever order they become known', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...FAULTS), fc.integer({ min: 0, max: 9 }))), (seen) => {
        const evidence = new Evidence();
        for (const [fault, atMs] of seen) evidence.note(fault, atMs, () => ({ ...CLIENT, client: atMs }));
        const firsts = FAULTS.flatMap((fault) => {
          const times = seen.flatMap(([one, atMs]) => (one === fault ? [atMs] : []));
          const atMs = Math.min(...times);
          return times.length === 0 ? [] : [[fault, { ...CLIENT, atMs, client: atMs }]];
        });
        expect(evidence.entries()).toEqual(firsts);
      }),
    );
  });

  test('asks to be told only of what it keeps', () => {
    const evidence = new Evidence();
    const asked: number[] = [];
    for (const atMs of [5, 6, 5, 4]) {
      evidence.note('leaked', atMs, () => {
        asked.push(atMs);
        return CLIENT;
      });
    }
    expect(asked).toEqual([5, 4]);
  });
});

describe('a ledger', () => {
  test('counts by key, in the order of the keys, and in total', () => {
    const ledger = new Counts();
    ledger.count('4503');
    ledger.count('1006', 3);
    ledger.count('4503');
    expect(ledger.entries()).toEqual([
      ['1006', 3],
      ['4503', 2],
    ]);
    expect(ledger.total).toBe(5);
  });

  test('keeps a close by code and reason, and by code alone where there was no reason', () => {
    expect([closeKey(1006, ''), closeKey(4503, 'Connection limit reached')]).toEqual([
      '1006',
      '4503 Connection limit reached',
    ]);
  });
});
