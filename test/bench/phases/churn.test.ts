import fc from 'fast-check';
import { expect, test } from 'vitest';
import { churnTurns } from '../../../src/bench/fleet/churn-turns.js';
import { comingsWithin } from '../../../src/bench/phases/churn.js';

const nat = (min: number, max: number) => fc.integer({ min, max });

test('of a churn at a rate, as many are due to come as its turns bring, at any time', () => {
  const cases = fc
    .record({
      clients: nat(1, 30),
      ratePerSecond: nat(1, 200),
      durationMs: nat(0, 2000),
      withinMs: nat(-10, 3000),
    })
    .chain((given) => fc.record({ given: fc.constant(given), open: nat(0, given.clients) }));
  fc.assert(
    fc.property(cases, ({ given: { clients, withinMs, ...churn }, open }) => {
      const there = Array.from({ length: clients }, (_, index) => ({ index, isOpen: index < open }));
      const order = { ...churn, cohort: 0, startMs: 0, how: 'close' } as const;
      let comings = 0;
      for (const { at, client } of churnTurns(order, there, 0, 1, 1)) {
        const one = there[client] as { isOpen: boolean };
        one.isOpen = !one.isOpen;
        if (one.isOpen && at <= withinMs) comings += 1;
      }
      expect(comingsWithin(churn, clients, open, withinMs)).toBe(comings);
    }),
  );
});

test('a turn that is due at a whole millisecond is not lost to rounding: 290 ms at 100/s are 29 turns', () => {
  const churn = { ratePerSecond: 100, durationMs: 290 };
  const order = { ...churn, cohort: 0, startMs: 0, how: 'close' } as const;
  expect(churnTurns(order, [{ index: 0, isOpen: false }], 0, 1, 1)).toHaveLength(29);
  expect(comingsWithin({ ...churn, durationMs: 400 }, 1, 1, 290)).toBe(15);
});

test('of sessions, the mean is due: what really comes is near it, once the level is reached', () => {
  const churn = { sessions: { meanMs: 1000, level: 0.4 }, durationMs: 60_000 };
  const there = Array.from({ length: 200 }, (_, index) => ({ index, isOpen: index < 80 }));
  const order = { ...churn, cohort: 0, startMs: 0, how: 'close' } as const;
  const turns = churnTurns(order, there, 0, 1, 7);
  for (const withinMs of [20_000, 40_000, 60_000]) {
    const came = turns.filter(({ at, what }) => what === 'come' && at <= withinMs).length;
    const due = comingsWithin(churn, 200, 80, withinMs);
    expect(came / due).toBeGreaterThan(0.9);
    expect(came / due).toBeLessThan(1.1);
  }
});
