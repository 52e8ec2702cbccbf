import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  contains,
  countFor,
  dueMs,
  indexAt,
  namespaceAt,
  ordinalAt,
} from '../../../src/bench/measure/emission-plan.js';
import { ordinalsDueBefore } from '../../../src/bench/measure/reception.js';
import { enumerate, planArb, planOf } from './plans.js';

test('namespace and ordinal of every cursor are those of an enumeration', () => {
  fc.assert(
    fc.property(planArb, (plan) => {
      for (const { index, namespace, turn, ordinal } of enumerate(plan)) {
        expect(namespaceAt(plan, index)).toBe(namespace);
        expect(ordinalAt(plan, index)).toBe(ordinal);
        expect(indexAt(plan, turn, ordinal)).toBe(index);
      }
    }),
  );
});

test('the count of each namespace, wherever the plan is cut short, is that of an enumeration', () => {
  fc.assert(
    fc.property(planArb, (plan) => {
      const cursors = enumerate(plan);
      for (let emitted = 0; emitted <= plan.count; emitted++) {
        for (const turn of plan.namespaces.keys()) {
          const counted = cursors.filter((cursor) => cursor.turn === turn && cursor.index < emitted).length;
          expect(countFor(plan, turn, emitted)).toBe(counted);
        }
      }
    }),
  );
});

test('the number of ordinals due before a time is that of an enumeration', () => {
  // Eighths that are no wholes: never so near to a due time that rounding decides.
  const requestsArb = fc.integer({ min: -8, max: 120 }).map((number) => (2 * number + 1) / 8);
  fc.assert(
    fc.property(planArb, requestsArb, (plan, requests) => {
      const timeMs = plan.startMs + requests * plan.intervalMs;
      for (const turn of plan.namespaces.keys()) {
        const due = enumerate(plan).filter(
          (cursor) => cursor.turn === turn && dueMs(plan, cursor.index) < timeMs,
        );
        expect(ordinalsDueBefore(plan, turn, timeMs)).toBe(due.length);
      }
    }),
  );
});

test('what is due at the very time is not due before it', () => {
  const plan = planOf({ startMs: 500, intervalMs: 10, count: 4 });
  const times = [0, 500, 501, 510, 511, 530, 531, 9999];
  expect(times.map((timeMs) => ordinalsDueBefore(plan, 0, timeMs))).toEqual([0, 0, 1, 1, 2, 3, 4, 4]);
});

test('a plan has its own cursors, from the first to the last, and no others', () => {
  const plan = planOf({ firstCursor: 1000, count: 3 });
  expect([999, 1000, 1002, 1003].map((cursor) => contains(plan, cursor))).toEqual([false, true, true, false]);
});

test('something that is no number is in no plan', () => {
  expect(contains(planOf(), Number.NaN)).toBe(false);
});
