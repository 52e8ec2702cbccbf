import fc from 'fast-check';
import { expect, test } from 'vitest';
import { orderedPlan } from '../../../src/bench/emitter/emitter.js';
import {
  countFor,
  dueMs,
  indexAt,
  namespaceAt,
  ordinalAt,
  slotAt,
} from '../../../src/bench/measure/emission-plan.js';
import { ordinalsDueBefore } from '../../../src/bench/measure/reception.js';
import { countBelow, firstAbove, zipfRotation } from '../../../src/bench/measure/slots.js';
import { orderArb, START_MS } from './plans.js';

test('of a plan whose namespaces are drawn, places and counts are those of an enumeration', () => {
  fc.assert(
    fc.property(orderArb, fc.nat(), fc.double({ min: 0, max: 1.1, noNaN: true }), (order, seed, share) => {
      const plan = orderedPlan({ ...order, weights: 'zipf' }, 1, 1000, START_MS, seed);
      const seen = new Map<number, number>();
      const timeMs = START_MS + share * order.durationMs;
      const due = new Map<number, number>();
      const upTo = Math.floor(plan.count * Math.min(1, share));
      const counted = new Map<number, number>();
      for (let index = 0; index < plan.count; index++) {
        const slot = slotAt(plan, Math.floor(index / plan.batch));
        const ordinal = seen.get(slot) ?? 0;
        seen.set(slot, ordinal + 1);
        expect(namespaceAt(plan, index)).toBe(plan.namespaces[slot]);
        expect(ordinalAt(plan, index)).toBe(ordinal);
        expect(indexAt(plan, slot, ordinal)).toBe(index);
        if (dueMs(plan, index) < timeMs) due.set(slot, (due.get(slot) ?? 0) + 1);
        if (index < upTo) counted.set(slot, (counted.get(slot) ?? 0) + 1);
      }
      for (const slot of plan.namespaces.keys()) {
        expect(ordinalsDueBefore(plan, slot, timeMs)).toBe(due.get(slot) ?? 0);
        expect(countFor(plan, slot, upTo)).toBe(counted.get(slot) ?? 0);
      }
    }),
    { numRuns: 60 },
  );
});

test('the k-th namespace gets 1/k of the cursors of the first', () => {
  const order = {
    ...{ namespaces: [0, 1, 2, 3, 4], ratePerSecond: 1000, durationMs: 60_000, batch: 1, cursorLength: 0 },
    ...{ connections: 1, to: 'first' as const, owes: 'every' as const, weights: 'zipf' as const },
  };
  const plan = orderedPlan(order, 1, 1000, 0, 1);
  const counts = plan.namespaces.map((_, slot) => countFor(plan, slot, plan.count));
  const [first = 0] = counts;
  for (const [slot, count] of counts.entries()) expect((count * (slot + 1)) / first).toBeCloseTo(1, 1);
});

test('the k-th namespace has 1/k of the clients of the first, and any part of them is divided alike', () => {
  const clients = zipfRotation(1100, [7, 8, 9, 10]);
  const count = (list: readonly number[], namespace: number) =>
    list.filter((one) => one === namespace).length;
  expect([7, 8, 9, 10].map((namespace) => count(clients, namespace))).toEqual([528, 264, 176, 132]);
  const tenth = clients.slice(0, 110);
  expect([7, 8, 9, 10].map((namespace) => count(tenth, namespace))).toEqual([
    expect.closeTo(52.8, -1),
    expect.closeTo(26.4, -1),
    expect.closeTo(17.6, -1),
    expect.closeTo(13.2, -1),
  ]);
  expect(zipfRotation(1, [7, 8])).toEqual([7]);
  expect(zipfRotation(2, [7, 8, 9])).toHaveLength(2);
});

test('ascending values are searched from end to end', () => {
  expect([0, 1, 3, 5, 6].map((number) => countBelow([1, 3, 5], number))).toEqual([0, 0, 1, 2, 3]);
  expect([0, 1, 3, 4.9].map((number) => firstAbove([1, 3, 5], number))).toEqual([0, 1, 2, 2]);
});
