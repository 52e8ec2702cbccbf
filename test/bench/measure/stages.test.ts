import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventsBefore, type Stage, timeOf, totalEvents, totalMs } from '../../../src/bench/measure/stages.js';
import { stagesArb } from './plans.js';

test('stages at constant rates and ramps have the events of their areas', () => {
  const stages: Stage[] = [
    { fromPerSecond: 10, toPerSecond: 10, durationMs: 2000 },
    { fromPerSecond: 10, toPerSecond: 30, durationMs: 4000 },
    { fromPerSecond: 30, toPerSecond: 0.5, durationMs: 2000 },
  ];
  expect(totalEvents(stages)).toBe(20 + 80 + 30.5);
  expect(totalMs(stages)).toBe(8000);
  expect([-1, 0, 1000, 2000, 4000, 6000, 99_999].map((atMs) => eventsBefore(stages, atMs))).toEqual([
    0, 0, 10, 20, 50, 100, 130.5,
  ]);
});

test('the time of an event and the events before a time are each the inverse of the other', () => {
  fc.assert(
    fc.property(stagesArb, fc.double({ min: 0, max: 1, noNaN: true }), (stages, share) => {
      const events = totalEvents(stages) * share;
      expect(eventsBefore(stages, timeOf(stages, events))).toBeCloseTo(events, 4);
      const atMs = totalMs(stages) * share;
      expect(timeOf(stages, eventsBefore(stages, atMs))).toBeCloseTo(atMs, 3);
    }),
  );
});

test('beyond the last stage its last rate goes on', () => {
  const stages = [{ fromPerSecond: 10, toPerSecond: 20, durationMs: 2000 }];
  expect(timeOf(stages, 30)).toBeCloseTo(2000, 9);
  expect(timeOf(stages, 50)).toBeCloseTo(3000, 9);
});
