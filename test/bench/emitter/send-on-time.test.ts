import fc from 'fast-check';
import { expect, test } from 'vitest';
import { orderedPlan } from '../../../src/bench/emitter/emitter.js';
import { sendOnTime } from '../../../src/bench/emitter/send-on-time.js';
import { dueMs, type EmissionPlan, requestsDueBefore } from '../../../src/bench/measure/emission-plan.js';
import { eventsBefore, totalEvents, totalMs } from '../../../src/bench/measure/stages.js';
import { orderArb, START_MS } from '../measure/plans.js';

/** Sends a plan on a clock that stands still but for waits; at some requests, something takes a while. */
async function sent(plan: EmissionPlan, stallMs: (request: number) => number = () => 0) {
  let nowMs = plan.startMs - 100;
  const times: number[] = [];
  const waitUntil = async (atMs: number) => {
    nowMs = Math.max(nowMs, atMs);
  };
  await sendOnTime(plan, waitUntil, new AbortController().signal, (request) => {
    times.push(nowMs);
    nowMs += stallMs(request);
  });
  return times;
}

const seconds = (fromMs: number, toMs: number) =>
  Array.from({ length: Math.ceil((toMs - fromMs) / 1000) + 1 }, (_, second) => fromMs + second * 1000);

test('whatever the shape, in every second as much is sent as is planned, in order, and all of it', async () => {
  await fc.assert(
    fc.asyncProperty(orderArb, fc.nat(), async (order, seed) => {
      const plan = orderedPlan(order, 1, 1000, START_MS, seed);
      const times = await sent(plan);
      expect(times).toHaveLength(plan.count / plan.batch);
      for (let index = 1; index < times.length; index++)
        expect(times[index] as number).toBeGreaterThanOrEqual(times[index - 1] as number);
      for (const atMs of seconds(START_MS, START_MS + order.durationMs))
        expect(requestsDueBefore(plan, atMs)).toBe(times.filter((time) => time < atMs).length);
    }),
    { numRuns: 60 },
  );
});

test('a sender that stalls catches up: nothing goes out before its time, and nothing is left out', async () => {
  await fc.assert(
    fc.asyncProperty(orderArb, fc.nat({ max: 7 }), async (order, every) => {
      const plan = orderedPlan(order, 1, 1000, START_MS, 7);
      const times = await sent(plan, (request) => (request % 8 === every ? 40 : 0));
      expect(times).toHaveLength(plan.count / plan.batch);
      for (const [request, time] of times.entries())
        expect(time).toBeGreaterThanOrEqual(dueMs(plan, request * plan.batch));
    }),
    { numRuns: 60 },
  );
});

test('rates are those of the plan: each stage has as many cursors as its area, within one group and rounding', () => {
  fc.assert(
    fc.property(orderArb, (order) => {
      // A Poisson process and a random place are only that much on average.
      const { stages = [], batch, burst = 1 } = order;
      const plan = orderedPlan({ ...order, at: 'even' }, 1, 1000, START_MS, 1);
      expect(totalMs(stages)).toBe(order.durationMs);
      expect(Math.abs(plan.count - totalEvents(stages))).toBeLessThanOrEqual(batch);
      for (const atMs of seconds(0, order.durationMs)) {
        const planned = Math.min(eventsBefore(stages, atMs), plan.count);
        const due = requestsDueBefore(plan, START_MS + atMs) * batch;
        expect(Math.abs(due - planned)).toBeLessThanOrEqual(Math.max(burst, batch) + batch + 1e-6);
      }
    }),
    { numRuns: 60 },
  );
});

test('a Poisson process has the gaps of one, exponential and independent of each other', () => {
  const stages = [{ fromPerSecond: 100, toPerSecond: 100, durationMs: 100_000 }];
  const order = { ...BASE, stages, durationMs: 100_000, at: 'poisson' as const };
  const plan = orderedPlan(order, 1, 1000, 0, 3);
  const times = Array.from({ length: plan.count }, (_, index) => dueMs(plan, index));
  const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  expect(mean).toBeCloseTo(10, 0);
  // Of an exponential distribution 1/e is longer than the mean, and 1/e² than twice that.
  expect(gaps.filter((gap) => gap > mean).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
  expect(gaps.filter((gap) => gap > 2 * mean).length / gaps.length).toBeCloseTo(Math.exp(-2), 1);
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  expect(deviation / mean).toBeCloseTo(1, 1);
  expect(times.at(-1)).toBeLessThan(100_000);
});

test('a burst goes out at once, and the rate stays the same on average', async () => {
  const order = { ...BASE, ratePerSecond: 100, durationMs: 4000, burst: 50, at: 'even' as const };
  const times = await sent(orderedPlan(order, 1, 1000, 0, 1));
  expect(times).toEqual(Array.from({ length: 8 }, (_, burst) => Array(50).fill(burst * 500)).flat());
});

test('a sender that is stopped says how far it got', async () => {
  const plan = orderedPlan({ ...BASE, durationMs: 1000 }, 1, 1000, 0, 1);
  const stop = new AbortController();
  const count = await sendOnTime(
    plan,
    async () => {},
    stop.signal,
    (request) => request === 6 && stop.abort(),
  );
  expect(count).toBe(7);
});

const BASE = {
  namespaces: [0],
  ratePerSecond: 10,
  durationMs: 1000,
  batch: 1,
  cursorLength: 0,
  connections: 1,
  to: 'first' as const,
  owes: 'every' as const,
};
