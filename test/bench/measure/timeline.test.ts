import { describe, expect, test } from 'vitest';
import { Histogram } from '../../../src/bench/measure/histogram.js';
import { Timeline } from '../../../src/bench/measure/measurements.js';

describe('the timeline of a run', () => {
  test('counts the deliveries of each second, however long it took to end', () => {
    const timeline = new Timeline();
    timeline.mark(200, { open: 0, received: 0 }, {});
    timeline.mark(1200, { open: 10, received: 100 }, {});
    timeline.mark(2700, { open: 10, received: 400 }, {});
    expect(timeline.points.map(({ atMs, deliveriesPerSecond }) => [atMs, deliveriesPerSecond])).toEqual([
      [200, 0],
      [1200, 100],
      [2700, 200],
    ]);
  });

  test('takes the rate of a last second that is hardly one together with the second before it', () => {
    const timeline = new Timeline();
    timeline.mark(1000, { open: 10, received: 0 }, {});
    timeline.mark(2000, { open: 10, received: 800 }, {});
    // What workers have had to tell for longer is told at the end.
    timeline.mark(2020, { open: 8, received: 1020 }, {});
    expect(timeline.points.at(-1)).toEqual({ atMs: 2020, open: 8, deliveriesPerSecond: 1000 });
  });

  test('has the latencies and delays of workers in the second in which they were told', () => {
    const timeline = new Timeline();
    const fanout = new Histogram();
    fanout.record(5);
    timeline.addWorker(fanout.toData(), 3);
    timeline.addWorker(new Histogram().toData(), 7);
    timeline.mark(1000, { open: 1, received: 1 }, { rssBytes: 9, delayMaxMs: 2 });
    timeline.mark(2000, { open: 1, received: 1 }, {});
    expect(timeline.points).toEqual([
      {
        atMs: 1000,
        open: 1,
        deliveriesPerSecond: 1,
        fanoutP50Ms: expect.closeTo(5, 1),
        fanoutP99Ms: expect.closeTo(5, 1),
        workerDelayP99Ms: 7,
        serverRssBytes: 9,
        serverDelayMaxMs: 2,
      },
      { atMs: 2000, open: 1, deliveriesPerSecond: 0 },
    ]);
  });
});
