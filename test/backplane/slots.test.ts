import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Slots } from '../../src/backplane/slots.js';

describe('slots', () => {
  test('the limit of a namespace and that of all are exact, and the limit of all is named first', () => {
    const slots = new Slots<string>(5);
    expect(slots.claim('a', 'x', 2, 3)).toEqual({ granted: 2, isTotal: false });
    expect(slots.claim('b', 'x', 2, 3)).toEqual({ granted: 1, isTotal: false });
    expect(slots.claim('b', 'y', 9, 3)).toEqual({ granted: 2, isTotal: true });
    expect(slots.claim('a', 'y', 1, 3)).toEqual({ granted: 0, isTotal: true });
    // Both are full: the limit of all is looked at first.
    expect(slots.claim('a', 'x', 3, 3)).toEqual({ granted: 2, isTotal: true });
    expect([slots.total, slots.in('x'), slots.of('a'), slots.of('b')]).toEqual([5, 3, 2, 3]);
  });

  test('what a holder has is not taken away by a limit that is lower', () => {
    const slots = new Slots<string>(Number.POSITIVE_INFINITY);
    slots.claim('a', 'x', 10, Number.POSITIVE_INFINITY);
    expect(slots.claim('a', 'x', 12, 3)).toEqual({ granted: 10, isTotal: false });
    expect(slots.claim('a', 'x', 8, 3)).toEqual({ granted: 8, isTotal: false });
    expect(slots.claim('a', 'x', 9, 3)).toEqual({ granted: 8, isTotal: false });
  });

  test('a holder that ends frees all of its slots, and leaves nothing behind', () => {
    const slots = new Slots<string>(10);
    slots.claim('a', 'x', 4, 5);
    slots.claim('a', 'y', 4, 5);
    slots.claim('b', 'x', 1, 5);
    slots.release('a');
    expect([slots.total, slots.namespaces, slots.of('a')]).toEqual([1, 1, 0]);
    expect(slots.claim('b', 'x', 9, 5)).toEqual({ granted: 5, isTotal: false });
  });

  test('no interleaving of claims, releases and restarts overshoots a limit or refuses where there is room', () => {
    const step = fc.record({
      holder: fc.integer({ min: 0, max: 3 }),
      namespace: fc.integer({ min: 0, max: 2 }),
      change: fc.oneof(fc.integer({ min: -4, max: 6 }), fc.constant('end' as const)),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const [maxTotal, limit] = [20, 9];
        const slots = new Slots<number>(maxTotal);
        const has = new Map<string, number>();
        const sum = (matches: (key: string) => boolean) =>
          [...has].reduce((total, [key, count]) => (matches(key) ? total + count : total), 0);
        for (const { holder, namespace, change } of steps) {
          if (change === 'end') {
            slots.release(holder);
            for (const key of has.keys()) if (key.startsWith(`${holder}/`)) has.delete(key);
          } else {
            const key = `${holder}/${namespace}`;
            const had = has.get(key) ?? 0;
            const wanted = Math.max(0, had + change);
            const inNamespace = sum((one) => one.endsWith(`/${namespace}`));
            const room = Math.min(maxTotal - sum(() => true), limit - inNamespace);
            const { granted } = slots.claim(holder, `n${namespace}`, wanted, limit);
            expect(granted).toBe(Math.min(wanted, had + room));
            has.set(key, granted);
          }
          expect(slots.total).toBe(sum(() => true));
          expect(slots.total).toBeLessThanOrEqual(maxTotal);
          for (const one of [0, 1, 2])
            expect(slots.in(`n${one}`)).toBe(sum((key) => key.endsWith(`/${one}`)));
        }
      }),
      { seed: 16, numRuns: 300 },
    );
  });
});
