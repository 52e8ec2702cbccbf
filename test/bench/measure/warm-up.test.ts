import { expect, test } from 'vitest';
import { addMeasurements, emptyMeasurements, Timeline } from '../../../src/bench/measure/measurements.js';
import { Paces } from '../../../src/bench/measure/pace.js';
import { withoutTimes } from '../../../src/bench/measure/warm-up.js';
import { filledMeasurements } from '../filled.js';

test('a warm-up adds its connections and its breaches to a run, and no deliveries or durations', () => {
  const warmUp = filledMeasurements();
  const total = emptyMeasurements(warmUp.cohorts);
  addMeasurements(total, withoutTimes(warmUp));
  for (const [index, { tally, open }] of total.cohorts.entries()) {
    const own = warmUp.cohorts[index]?.tally;
    const { attempts, opened, leaked, foreign, pings, ...counters } = tally.counters;
    expect({ attempts, opened, leaked, foreign, pings }).toEqual({
      attempts: own?.counters.attempts,
      opened: own?.counters.opened,
      leaked: own?.counters.leaked,
      foreign: own?.counters.foreign,
      pings: own?.counters.pings,
    });
    expect(counters).toMatchObject({ expected: 0, received: 0, lost: 0, late: 0, reordered: 0 });
    expect(tally.closed.entries()).toEqual(own?.closed.entries());
    expect(Object.values(tally.histograms).map(({ count }) => count)).toEqual(
      Object.values(tally.histograms).map(() => 0),
    );
    expect(open).toBe(warmUp.cohorts[index]?.open);
  }
  expect(total.emit).toMatchObject({ broadcasts: 0, delivered: 0 });
  expect(total.skew.count).toBe(0);
  // The phase itself has its numbers still.
  expect(warmUp.cohorts.some(({ tally }) => tally.counters.received > 0)).toBe(true);
});

test('what was due and what was sent is of all emits, those under way and those that are over', () => {
  const paces = new Paces();
  const end = paces.begin({ due: (atMs) => atMs / 10, sent: () => 7 });
  paces.begin({ due: (atMs) => atMs / 100, sent: () => 1 });
  expect(paces.at(1000)).toEqual({ due: 110, sent: 8 });
  end(1500);
  expect(paces.at(2000)).toEqual({ due: 170, sent: 8 });
  const timeline = new Timeline();
  timeline.mark(1000, { open: 1, received: 0 }, {});
  timeline.mark(2000, { open: 1, received: 0, emits: { due: 100, sent: 80 } }, {});
  timeline.mark(3000, { open: 1, received: 0, emits: { due: 100, sent: 80 } }, {});
  expect(
    timeline.points.map(({ emitsDuePerSecond, emitsSentPerSecond }) => [
      emitsDuePerSecond,
      emitsSentPerSecond,
    ]),
  ).toEqual([
    [undefined, undefined],
    [100, 80],
    [undefined, undefined],
  ]);
});

test('connects that were due and begun are a second each of the timeline, and nothing where there were none', () => {
  const timeline = new Timeline();
  timeline.mark(1000, { open: 0, received: 0 }, {});
  timeline.mark(2000, { open: 90, received: 0, connects: { due: 100, sent: 90 } }, {});
  timeline.mark(3000, { open: 150, received: 0, connects: { due: 150, sent: 150 } }, {});
  timeline.mark(4000, { open: 150, received: 0, connects: { due: 150, sent: 150 } }, {});
  expect(
    timeline.points.map(({ connectsDuePerSecond: due, connectsBegunPerSecond: begun }) => [due, begun]),
  ).toEqual([
    [undefined, undefined],
    [100, 90],
    [50, 60],
    [undefined, undefined],
  ]);
});
