import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivalMs, arrivalsWithin } from '../../../src/bench/model/scenario.js';

/** Arrivals in each second, by counting due times. */
function perSecond(arrivals: Parameters<typeof arrivalMs>[0], clients: number): number[] {
  const counts: number[] = [];
  for (let index = 0; index < clients; index++) {
    const second = Math.floor(arrivalMs(arrivals, clients, index) / 1000);
    counts[second] = (counts[second] ?? 0) + 1;
  }
  return counts;
}

describe('arrivals', () => {
  it('come evenly at a constant rate', () => {
    const constant = { fromPerSecond: 100, toPerSecond: 100 };
    expect(perSecond(constant, 300)).toEqual([100, 100, 100]);
  });

  it('all come at the same time when they come at once', () => {
    expect(arrivalMs(undefined, 50, 49)).toBe(0);
  });

  it('come at a rate that rises evenly from the first value to the second, to the last of them', () => {
    // 0.5 s of mean rate each: 100 to 300 over 4 s is 800 arrivals, 125 in the first second, 275 in the last.
    const rising = { fromPerSecond: 100, toPerSecond: 300 };
    expect(arrivalMs(rising, 800, 800)).toBeCloseTo(4000, 6);
    expect(perSecond(rising, 800)).toEqual([125, 175, 225, 275]);
  });

  it('come at a rate that falls as well', () => {
    const falling = { fromPerSecond: 300, toPerSecond: 100 };
    expect(perSecond(falling, 800)).toEqual([275, 225, 175, 125]);
  });

  it('stay at the second rate when the change is over before all have come', () => {
    const brief = { fromPerSecond: 100, toPerSecond: 300, overMs: 2000 };
    expect(perSecond(brief, 1000)).toEqual([150, 250, 300, 300]);
  });

  it('are counted up to any time as many as are due by then, whatever their rates', () => {
    const rate = fc.integer({ min: 1, max: 2000 });
    const arrivals = fc.oneof(
      fc.constant(undefined),
      fc.record({ fromPerSecond: rate, toPerSecond: rate }),
      fc.record({ fromPerSecond: rate, toPerSecond: rate, overMs: fc.integer({ min: 1, max: 5000 }) }),
    );
    fc.assert(
      fc.property(
        arrivals,
        fc.nat(300),
        fc.integer({ min: -10, max: 10_000 }),
        (given, clients, withinMs) => {
          const times = Array.from({ length: clients }, (_, index) => arrivalMs(given, clients, index));
          const due = withinMs < 0 ? 0 : times.filter((ms) => ms <= withinMs).length;
          expect(arrivalsWithin(given, clients, withinMs)).toBe(due);
        },
      ),
    );
  });
});
