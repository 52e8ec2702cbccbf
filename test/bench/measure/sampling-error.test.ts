import { describe, expect, test } from 'vitest';
import { Histogram } from '../../../src/bench/measure/histogram.js';
import { seededRandom } from '../../../src/bench/measure/random.js';
import { percentileSpread } from '../../../src/bench/measure/sampling-error.js';

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** 1 to `count` milliseconds. */
const upTo = (count: number) => histogramOf(Array.from({ length: count }, (_, index) => index + 1));

test('the spread of a percentile is between two others around it', () => {
  // 50 ± 1.96 · √(0.5 · 0.5 / 100) · 100, and 99 ± 1.95: beyond 100 there is nothing.
  const near = (spread: ReturnType<typeof percentileSpread>) =>
    [spread?.low, spread?.high].map((value) => Math.round((value ?? 0) / 10));
  expect(near(percentileSpread(upTo(1000), 50))).toEqual([40, 60]);
  expect(near(percentileSpread(upTo(1000), 99))).toEqual([97, 100]);
});

test('a hundred thousand samples are no surer than a hundred: they are not independent', () => {
  const few = percentileSpread(upTo(100), 50);
  const many = percentileSpread(upTo(100_000), 50);
  expect((many?.low ?? 0) / 1000).toBeCloseTo(few?.low ?? 0, -1);
  expect((many?.high ?? 0) / 1000).toBeCloseTo(few?.high ?? 0, -1);
});

test('fewer samples are less sure, and very few say nothing', () => {
  const width = (count: number) => {
    const spread = percentileSpread(upTo(count), 50);
    return spread === undefined ? undefined : (spread.high - spread.low) / count;
  };
  expect(width(25) ?? 0).toBeGreaterThan((width(100) ?? 0) * 1.5);
  expect(width(20)).toBeDefined();
  expect(width(19)).toBeUndefined();
  expect(percentileSpread(new Histogram(), 99)).toBeUndefined();
});

describe('of many runs that measure the same', () => {
  test.each([50, 90])('the true p%i is in the spread of nearly all', (percent) => {
    let hits = 0;
    for (let run = 0; run < 400; run++) {
      const { low, high } = percentileSpread(
        histogramOf(Array.from({ length: 100 }, (_, draw) => seededRandom(7, run, draw) * 1000)),
        percent,
      ) ?? { low: 0, high: 0 };
      if (low <= percent * 10 && percent * 10 <= high) hits += 1;
    }
    expect(hits / 400).toBeGreaterThan(0.9);
    expect(hits / 400).toBeLessThan(0.99);
  });
});
