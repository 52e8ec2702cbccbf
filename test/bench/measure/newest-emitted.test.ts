import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NewestEmitted } from '../../../src/bench/measure/newest-emitted.js';
import { enumerate, planArb, planOf } from './plans.js';

const client = (parts: { namespace?: number; joinedAtMs?: number; heard?: number }) => ({
  namespace: 0,
  joinedAtMs: 1,
  heard: 0,
  ...parts,
});

/** After ten cursors of one namespace, 1000 to 1009, the last of them due at 10,090 ms. */
function afterTen(failed: readonly number[] = []): NewestEmitted {
  const newest = new NewestEmitted();
  newest.note(planOf({ startMs: 10_000 }), 10, failed);
  return newest;
}

describe('the newest cursor', () => {
  test('is missed by a client that has heard an older one, or none', () => {
    expect(afterTen().isMissedBy(client({ heard: 1008 }))).toBe(true);
    expect(afterTen().isMissedBy(client({}))).toBe(true);
  });

  test('is not missed by a client that has heard it, or a newer one that is not over yet', () => {
    expect(afterTen().isMissedBy(client({ heard: 1009 }))).toBe(false);
    expect(afterTen().isMissedBy(client({ heard: 1010 }))).toBe(false);
  });

  test('is one that the server has accepted', () => {
    expect(afterTen([9, 8]).isMissedBy(client({ heard: 1007 }))).toBe(false);
    expect(afterTen([9, 8]).isMissedBy(client({ heard: 1006 }))).toBe(true);
  });

  test.each([
    ['joined later', { joinedAtMs: 10_091 }],
    ['was just joining', { joinedAtMs: 10_089 }],
    ['does not follow', { joinedAtMs: 0 }],
    ['is of a namespace without a cursor', { namespace: 1 }],
  ])('is not owed to a client that %s', (_, parts) => {
    expect(afterTen().isOwedTo(client(parts))).toBe(false);
    expect(afterTen().isMissedBy(client(parts))).toBe(false);
  });

  test('is owed to one that was there a moment before', () => {
    expect(afterTen().isOwedTo(client({ joinedAtMs: 9000 }))).toBe(true);
  });

  test('is that of the newest plan, in whatever order they end', () => {
    const newest = new NewestEmitted();
    newest.note(planOf({ firstCursor: 2000, startMs: 20_000 }), 5, []);
    newest.note(planOf({ firstCursor: 1000, startMs: 10_000 }), 5, []);
    expect(newest.isMissedBy(client({ heard: 1004 }))).toBe(true);
    expect(newest.isMissedBy(client({ heard: 2004 }))).toBe(false);
  });

  test('of a plan that nothing was emitted of is none', () => {
    const newest = new NewestEmitted();
    newest.note(planOf(), 3, [0, 1, 2]);
    expect(newest.isOwedTo(client({ joinedAtMs: -1 }))).toBe(false);
  });

  test('is the greatest one that was emitted to the namespace, of any plan', () => {
    const play = planArb.chain((plan) =>
      fc.record({
        plan: fc.constant({ ...plan, startMs: plan.startMs + 1000 }),
        emitted: fc.nat({ max: plan.count }),
        failed: fc.uniqueArray(fc.nat({ max: plan.count - 1 })),
      }),
    );
    fc.assert(
      fc.property(play, ({ plan, emitted, failed }) => {
        const newest = new NewestEmitted();
        newest.note(
          plan,
          emitted,
          failed.filter((index) => index < emitted),
        );
        for (const namespace of plan.namespaces) {
          const accepted = enumerate(plan).filter(
            (one) => one.index < emitted && !failed.includes(one.index) && one.namespace === namespace,
          );
          const greatest = Math.max(0, ...accepted.map(({ index }) => plan.firstCursor + index));
          expect(newest.isMissedBy(client({ namespace, heard: greatest }))).toBe(false);
          if (greatest > 0) expect(newest.isMissedBy(client({ namespace, heard: greatest - 1 }))).toBe(true);
        }
      }),
    );
  });
});
