import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FanoutSkew } from '../../../src/bench/measure/emission-plan.js';
import { Histogram } from '../../../src/bench/measure/histogram.js';

// Times of one machine since it started: never 0.
const receiptsArb = fc.array(
  fc.record({ index: fc.nat({ max: 200 }), atMs: fc.integer({ min: 1000, max: 9000 }) }),
  { maxLength: 150 },
);

test('receipts of several processes add up to the times from first to last of each broadcast', () => {
  fc.assert(
    fc.property(fc.array(receiptsArb, { minLength: 1, maxLength: 4 }), (processes) => {
      const all = new FanoutSkew();
      for (const receipts of processes) {
        const skew = new FanoutSkew();
        for (const { index, atMs } of receipts) skew.record(index, atMs);
        all.add(skew.toData());
      }
      const timesOf = new Map<number, number[]>();
      for (const { index, atMs } of processes.flat())
        timesOf.set(index, [...(timesOf.get(index) ?? []), atMs]);
      const expected = new Histogram();
      for (const index of [...timesOf.keys()].toSorted((a, b) => a - b)) {
        const times = timesOf.get(index) as number[];
        expected.record(Math.max(...times) - Math.min(...times));
      }
      expect(all.toHistogram().toData()).toEqual(expected.toData());
    }),
  );
});

test('a broadcast with one receiver has no skew, and one that nobody got none at all', () => {
  const skew = new FanoutSkew();
  skew.record(5, 1234);
  expect(skew.toHistogram()).toMatchObject({ count: 1, maxMs: 0 });
  expect(new FanoutSkew().toHistogram().count).toBe(0);
});

test('it follows a great many broadcasts, and lets those beyond go without growing', () => {
  const skew = new FanoutSkew();
  for (const index of [0, 199_999, 200_000, 50_000_000]) skew.record(index, 1000 + (index % 7));
  expect(skew.toHistogram().count).toBe(2);
  expect(skew.toData().first.length).toBe(200_000);
});
