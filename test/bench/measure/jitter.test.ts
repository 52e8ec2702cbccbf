import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { orderedPlan } from '../../../src/bench/emitter/emitter.js';
import { dueMs, type EmissionPlan } from '../../../src/bench/measure/emission-plan.js';
import type { EmitPhase } from '../../../src/bench/phases/emit.js';
import { planArb, planOf } from './plans.js';

const dueTimes = (plan: EmissionPlan) => Array.from({ length: plan.count }, (_, index) => dueMs(plan, index));

test('without a seed each request is due at the beginning of its slot', () => {
  expect(dueTimes(planOf({ startMs: 500, intervalMs: 10, count: 4, batch: 2 }))).toEqual([
    500, 500, 510, 510,
  ]);
});

test('each request is due within its own slot, so count, rate and order stay exact', () => {
  fc.assert(
    fc.property(planArb, fc.nat(), (parts, jitterSeed) => {
      const plan = { ...parts, jitterSeed };
      for (const [index, due] of dueTimes(plan).entries()) {
        const request = Math.floor(index / plan.batch);
        // Sums of doubles: a due time at the very edge of its slot may be rounded to the edge.
        expect(due).toBeGreaterThanOrEqual(plan.startMs + request * plan.intervalMs);
        expect(due).toBeLessThanOrEqual(plan.startMs + (request + 1) * plan.intervalMs);
      }
    }),
  );
});

test('the same seed gives the same schedule, and another seed or plan another one', () => {
  const plan = planOf({ jitterSeed: 1 });
  expect(dueTimes(plan)).toEqual(dueTimes(planOf({ jitterSeed: 1 })));
  expect(dueTimes(plan)).not.toEqual(dueTimes(planOf({ jitterSeed: 2 })));
  expect(dueTimes(plan)).not.toEqual(dueTimes(planOf({ jitterSeed: 1, id: 2 })));
});

describe('a server that is deaf for the first 60 of every 100 ms, asked ten times a second', () => {
  const phase: EmitPhase = {
    kind: 'emit',
    via: 'api',
    namespaces: [0],
    ratePerSecond: 10,
    durationMs: 60_000,
    batch: 1,
    cursorLength: 0,
    connections: 1,
    settleMs: 0,
    mayFail: false,
    to: 'all',
    owes: 'every',
  };
  const waits = (plan: EmissionPlan) =>
    dueTimes(plan)
      .map((due) => Math.max(0, 60 - ((due - plan.startMs) % 100)))
      .sort((a, b) => a - b);

  test('shows how long it is deaf, wherever in its period the schedule begins', () => {
    // Had every request the same place in the period, all would wait for the same time: from 0 to 60 ms, by chance.
    for (const startMs of [0, 13, 61, 87]) {
      const plan = orderedPlan(phase, 1, 1000, startMs, 1);
      expect(plan.count).toBe(600);
      const all = waits(plan);
      expect(all[Math.floor(all.length * 0.99)]).toBeGreaterThan(55);
      expect(all[Math.floor(all.length * 0.3)]).toBe(0);
    }
  });
});
