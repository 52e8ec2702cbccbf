import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Histogram } from '../../../src/bench/measure/histogram.js';

const PERCENTS = [0, 1, 7, 25, 50, 90, 95, 99, 99.9, 100];
/** A microsecond is the smallest difference that a histogram keeps. */
const RESOLUTION_MS = 0.001;

// From fractions of a microsecond to hours, evenly over the orders of magnitude.
const durationArb = fc
  .record({
    exponent: fc.integer({ min: -4, max: 7 }),
    mantissa: fc.double({ min: 1, max: 10, noNaN: true }),
  })
  .map(({ exponent, mantissa }) => mantissa * 10 ** exponent);
const durationsArb = fc.array(durationArb, { minLength: 1, maxLength: 400 });

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** Nearest rank, in whole numbers: `percent / 100 * count` in floating point lands beside them. */
function percentileOf(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((Math.round(percent * 10) * sorted.length) / 1000));
  return sorted[rank - 1] as number;
}

describe('percentiles', () => {
  test('are those of a sorted array, within 1% or a microsecond', () => {
    fc.assert(
      fc.property(durationsArb, fc.constantFrom(...PERCENTS), (values, percent) => {
        const exact = percentileOf(values, percent);
        const actual = histogramOf(values).percentileMs(percent) as number;
        expect(Math.abs(actual - exact)).toBeLessThanOrEqual(Math.max(exact * 0.01, RESOLUTION_MS));
      }),
      { numRuns: 500 },
    );
  });

  test('keep to the rank for every number of samples up to 2,000', () => {
    // Values so far apart that the neighbour of the right rank is off by more than the error allowed.
    for (const percent of [50, 90, 95, 99, 99.9]) {
      const histogram = new Histogram();
      const values: number[] = [];
      for (let count = 1; count <= 2000; count++) {
        const value = 1.02 ** (count % 800);
        histogram.record(value);
        values.push(value);
        if (count % 20 !== 0) continue;
        const exact = percentileOf(values, percent);
        const actual = histogram.percentileMs(percent) as number;
        expect(Math.abs(actual / exact - 1), `p${percent} of ${count}`).toBeLessThan(0.009);
      }
    }
  });

  test('rise with the percentage and stay within the smallest and the largest value', () => {
    fc.assert(
      fc.property(durationsArb, (values) => {
        const histogram = histogramOf(values);
        const found = PERCENTS.map((percent) => histogram.percentileMs(percent) as number);
        expect(found).toEqual(found.toSorted((a, b) => a - b));
        expect(found[0]).toBeGreaterThanOrEqual(Math.min(...values));
        expect(found.at(-1)).toBe(Math.max(...values));
      }),
    );
  });

  test('of a single value are that value, to the last bit', () => {
    expect(PERCENTS.map((percent) => histogramOf([12.345]).percentileMs(percent))).toEqual(
      PERCENTS.map(() => 12.345),
    );
  });
});

test('count, smallest, largest and mean are exact', () => {
  const histogram = histogramOf([4, 1, 7]);
  expect(histogram).toMatchObject({ count: 3, minMs: 1, maxMs: 7, meanMs: 4 });
});

test('an empty one has no percentile, no smallest, no largest and no mean', () => {
  const empty = new Histogram();
  expect(empty.count).toBe(0);
  expect([empty.minMs, empty.maxMs, empty.meanMs, empty.percentileMs(50), empty.percentileMs(100)]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(empty.toData().buckets).toEqual([]);
});

test('a negative duration, of a clock read out of order, counts as zero', () => {
  const histogram = histogramOf([-5]);
  expect(histogram).toMatchObject({ count: 1, minMs: 0, maxMs: 0 });
  expect(histogram.percentileMs(50)).toBe(0);
});

test('durations beyond its bounds are counted, and the largest is still told exactly', () => {
  const dayMs = 24 * 3600 * 1000;
  const histogram = histogramOf([1, 30 * dayMs, 60 * dayMs]);
  expect(histogram.count).toBe(3);
  expect(histogram.percentileMs(100)).toBe(60 * dayMs);
  expect(histogram.percentileMs(66)).toBeGreaterThan(0.5 * dayMs);
  expect(histogram.percentileMs(33)).toBeCloseTo(1, 1);
});

test('every power of two, and its neighbours, are kept within 1%', () => {
  for (let bits = 8; bits <= 36; bits++) {
    for (const us of [2 ** bits - 1, 2 ** bits, 2 ** bits + 1]) {
      const histogram = histogramOf([0, us / 1000, 1e9]);
      const kept = histogram.percentileMs(66) as number;
      expect(Math.abs(kept / (us / 1000) - 1), `${us} µs`).toBeLessThan(0.01);
    }
  }
});

describe('merging', () => {
  test('histograms that were recorded apart, in any parts, add up to the one recorded together', () => {
    fc.assert(
      fc.property(fc.array(fc.array(durationArb, { maxLength: 60 }), { maxLength: 6 }), (parts) => {
        const merged = new Histogram();
        for (const part of parts) merged.add(Histogram.from(histogramOf(part).toData()));
        const together = histogramOf(parts.flat());
        const { sumMs, ...data } = merged.toData();
        const { sumMs: expectedSum, ...expected } = together.toData();
        expect(data).toEqual(expected);
        // Sums of the same numbers in another order.
        expect(sumMs).toBeCloseTo(expectedSum, 3);
        expect(PERCENTS.map((percent) => merged.percentileMs(percent))).toEqual(
          PERCENTS.map((percent) => together.percentileMs(percent)),
        );
      }),
    );
  });

  test('it survives a trip as JSON', () => {
    fc.assert(
      fc.property(fc.array(durationArb, { maxLength: 60 }), (values) => {
        const data = histogramOf(values).toData();
        expect(Histogram.from(JSON.parse(JSON.stringify(data))).toData()).toEqual(data);
      }),
    );
  });

  test('an empty one changes nothing, not even the smallest', () => {
    const histogram = histogramOf([5]);
    histogram.add(new Histogram());
    expect(histogram).toMatchObject({ count: 1, minMs: 5, maxMs: 5 });
  });
});
