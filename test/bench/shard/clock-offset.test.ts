import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { uncertaintyAcross } from '../../../src/bench/merge/uncertain.js';
import { middleOf, offsetOf, uncertaintyOf } from '../../../src/bench/shard/clock-offset.js';

describe('the difference between two clocks', () => {
  const requests = fc.array(
    fc.record({
      there: fc.double({ min: 0.01, max: 500, noNaN: true }),
      back: fc.double({ min: 0.01, max: 500, noNaN: true }),
    }),
    { minLength: 1, maxLength: 30 },
  );

  test('is in the range that requests of any round trips give, however uneven their two ways are', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), requests, (difference, trips) => {
        let now = 1000;
        const samples = trips.map(({ there, back }) => {
          const sentMs = now;
          now += there + back;
          return { sentMs, theirMs: sentMs + there + difference, receivedMs: now };
        });
        const range = offsetOf(samples);
        if (range === undefined) throw new Error('no range');
        // Rounding of doubles near 1e9.
        expect(range.lowMs).toBeLessThanOrEqual(difference + 1e-6);
        expect(range.highMs).toBeGreaterThanOrEqual(difference - 1e-6);
        const shortest = Math.min(...trips.map(({ there, back }) => there + back));
        expect(range.highMs - range.lowMs).toBeLessThanOrEqual(shortest + 1e-6);
        expect(Math.abs(middleOf(range) - difference)).toBeLessThanOrEqual(
          uncertaintyOf(middleOf(range), [range]) + 1e-6,
        );
      }),
    );
  });

  test('is not known without a request', () => {
    expect(offsetOf([])).toBeUndefined();
  });

  test('of a clock that jumped between requests is anywhere from one range to the other', () => {
    const samples = [
      { sentMs: 0, theirMs: 101, receivedMs: 2 },
      { sentMs: 10, theirMs: 161, receivedMs: 12 },
    ];
    expect(offsetOf(samples)).toEqual({ lowMs: 99, highMs: 151 });
  });

  test('that was assumed before a run is as uncertain as the range after it says', () => {
    const before = { lowMs: 99, highMs: 101 };
    expect(uncertaintyOf(100, [before])).toBe(1);
    expect(uncertaintyOf(100, [before, { lowMs: 103, highMs: 105 }])).toBe(5);
    expect(uncertaintyOf(100, [before, { lowMs: 92, highMs: 94 }])).toBe(8);
  });
});

describe('the uncertainty between shards', () => {
  test.each([
    ['of two is the sum of both', [2, 3], 5],
    ['of several is that of the two worst', [1, 4, 2, 3], 7],
    ['of a single one is none: all of its times are of one clock', [9], 0],
    ['is not known where one clock is not', [1, undefined, 2], undefined],
  ])('%s', (_, each, uncertainty) => {
    expect(uncertaintyAcross(each)).toBe(uncertainty);
  });
});
