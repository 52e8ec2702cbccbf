import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countFor, type EmissionPlan } from '../../../src/bench/measure/emission-plan.js';
import { Reception } from '../../../src/bench/measure/reception.js';
import { Tally } from '../../../src/bench/measure/tally.js';
import { enumerate, planArb, planOf } from './plans.js';

const NONE: ReadonlySet<number> = new Set();

interface Play {
  readonly plan: EmissionPlan;
  readonly turn: number;
  /** How many cursors of the plan were meant to go out. */
  readonly emitted: number;
  /** Ordinals of the client's namespace that did not, after all. */
  readonly failed: ReadonlySet<number>;
  readonly first: number;
  /** Ordinals in the order in which they arrive, before the account is settled, and after. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Drops, repeats and reorders what was emitted. */
const playArb: fc.Arbitrary<Play> = planArb
  .chain((plan) =>
    fc.record({
      plan: fc.constant(plan),
      turn: fc.nat({ max: plan.namespaces.length - 1 }),
      emitted: fc.integer({ min: 0, max: plan.count }),
      seed: fc.nat(),
    }),
  )
  .chain(({ plan, turn, emitted }) => {
    const final = countFor(plan, turn, emitted);
    const ordinals = Array.from({ length: final }, (_, ordinal) => ordinal);
    return fc
      .record({
        failed: fc.subarray(ordinals),
        failures: fc.boolean(),
        first: fc.oneof(fc.constant(0), fc.nat({ max: final })),
        lost: fc.subarray(ordinals),
        late: fc.subarray(ordinals),
        again: fc.subarray(ordinals),
        moves: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6 }),
        sharp: fc.boolean(),
      })
      .map(({ failed, failures, first, lost, late, again, moves, sharp }) => {
        const notEmitted = new Set(failures ? failed : []);
        const missing = new Set(sharp ? lost.slice(0, 2) : lost);
        const came = ordinals.filter((ordinal) => !missing.has(ordinal) && !notEmitted.has(ordinal));
        const before = [...came];
        // A copy comes anywhere behind, others swap places.
        for (const ordinal of again) if (came.includes(ordinal)) before.push(ordinal);
        for (const [from, to] of moves) {
          if (before.length === 0) break;
          const [moved] = before.splice(from % before.length, 1);
          before.splice(to % (before.length + 1), 0, moved as number);
        }
        const after = late.filter((ordinal) => missing.has(ordinal) && !notEmitted.has(ordinal));
        return { plan, turn, emitted, failed: notEmitted, first, before, after };
      });
  });

const countersOf = ({
  counters: { expected, lost, duplicated, reordered, conflated, behind, late },
}: Tally) => ({
  expected,
  lost,
  duplicated,
  reordered,
  conflated,
  behind,
  late,
});

/** What the counters have to be, found by looking at everything there is. */
function oracle({ plan, turn, emitted, failed, first, before, after }: Play) {
  const due: number[] = [];
  for (const cursor of enumerate(plan)) {
    if (
      cursor.turn === turn &&
      cursor.index < emitted &&
      cursor.ordinal >= first &&
      !failed.has(cursor.ordinal)
    )
      due.push(cursor.ordinal);
  }
  const lost = due.filter((ordinal) => !before.includes(ordinal));
  let [duplicated, reordered] = [0, 0];
  for (const [at, ordinal] of before.entries()) {
    if (ordinal < first) continue;
    const earlier = before.slice(0, at);
    if (earlier.includes(ordinal)) duplicated += 1;
    else if (earlier.some((other) => other > ordinal)) reordered += 1;
  }
  return {
    expected: due.length,
    lost: lost.length,
    firstLost: lost[0],
    duplicated,
    reordered,
    conflated: 0,
    behind: 0,
    late: after.filter((ordinal) => ordinal >= first).length,
  };
}

function receiver({ plan, turn, first }: Pick<Play, 'plan' | 'turn' | 'first'>, conflates = false) {
  const tally = new Tally();
  const reception = new Reception(plan, turn, first, conflates);
  const indexes = enumerate(plan)
    .filter((cursor) => cursor.turn === turn)
    .map(({ index }) => index);
  const receive = (...ordinals: number[]) => {
    return ordinals.map((ordinal) => reception.receive(indexes[ordinal] as number, tally));
  };
  return { tally, reception, receive };
}

describe('a client that reads everything', () => {
  test('lost, duplicated, reordered and late are what looking at every delivery finds', () => {
    fc.assert(
      fc.property(playArb, (play) => {
        const { tally, reception, receive } = receiver(play);
        const final = countFor(play.plan, play.turn, play.emitted);
        receive(...play.before);
        const { firstLost: wanted, ...expected } = oracle(play);
        expect(reception.isComplete(final, play.failed)).toBe(expected.lost === 0);
        const firstLost = reception.seal(final, play.failed, tally);
        receive(...play.after);
        expect(countersOf(tally)).toEqual(expected);
        expect(firstLost).toBe(wanted);
      }),
      { numRuns: 1000 },
    );
  });

  test('everything in order is nothing but expected', () => {
    const { tally, reception, receive } = receiver({ plan: planOf({ count: 4 }), turn: 0, first: 0 });
    receive(0, 1, 2, 3);
    reception.seal(4, NONE, tally);
    expect(countersOf(tally)).toEqual({
      expected: 4,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      conflated: 0,
      behind: 0,
      late: 0,
    });
  });

  test('a cursor that comes again after it filled a gap is a duplicate', () => {
    const { tally, receive } = receiver({ plan: planOf(), turn: 0, first: 0 });
    const faults = receive(0, 3, 1, 1, 2, 2);
    expect(countersOf(tally)).toMatchObject({ reordered: 2, duplicated: 2 });
    expect(faults).toEqual([undefined, undefined, 'reordered', 'duplicated', 'reordered', 'duplicated']);
  });

  test('a gap made of failed emits alone is no loss, and one beside them is', () => {
    const { tally, reception, receive } = receiver({ plan: planOf(), turn: 0, first: 0 });
    receive(0, 4);
    expect(reception.isComplete(5, new Set([1, 2, 3]))).toBe(true);
    expect(reception.isComplete(5, new Set([1, 3]))).toBe(false);
    reception.seal(5, new Set([1, 3]), tally);
    expect(countersOf(tally)).toMatchObject({ expected: 3, lost: 1 });
  });

  test('under racing emits no order is known, and so none is broken', () => {
    const { tally, receive } = receiver({ plan: planOf({ isOrdered: false }), turn: 0, first: 0 });
    expect(receive(2, 0, 1, 1)).toEqual([undefined, undefined, undefined, 'duplicated']);
    expect(countersOf(tally)).toMatchObject({ reordered: 0, duplicated: 1 });
  });
});

describe('a client that joined late', () => {
  test('need not have what was under way before, and may', () => {
    const { tally, reception, receive } = receiver({ plan: planOf(), turn: 0, first: 3 });
    receive(1, 2, 3, 4);
    reception.seal(6, NONE, tally);
    expect(countersOf(tally)).toMatchObject({ expected: 3, lost: 1, duplicated: 0, reordered: 0 });
  });

  test('after the end is complete without anything', () => {
    const { tally, reception } = receiver({ plan: planOf(), turn: 0, first: Number.POSITIVE_INFINITY });
    expect(reception.isComplete(10, NONE)).toBe(true);
    reception.seal(10, NONE, tally);
    expect(countersOf(tally)).toMatchObject({ expected: 0, lost: 0 });
  });
});

describe('a slow reader', () => {
  test('has lost the newest that was emitted, and got the others out of order or again', () => {
    const { tally, reception, receive } = receiver({ plan: planOf(), turn: 0, first: 0 }, true);
    expect(receive(0, 3, 2, 3)).toEqual([undefined, undefined, 'reordered', 'duplicated']);
    expect(reception.seal(9, new Set([8, 7]), tally)).toBe(6);
    expect(reception.seal(9, NONE, tally)).toBeUndefined();
    expect(countersOf(tally)).toMatchObject({ lost: 1 });
  });

  test('conflates what a newer cursor replaced, and loses at most the newest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }).chain((count) => {
          const all = Array.from({ length: count }, (_, ordinal) => ordinal);
          return fc.record({ count: fc.constant(count), came: fc.subarray(all) });
        }),
        ({ count, came }) => {
          const { tally, reception, receive } = receiver(
            { plan: planOf({ count }), turn: 0, first: 0 },
            true,
          );
          receive(...came);
          const hasNewest = came.at(-1) === count - 1;
          expect(reception.isComplete(count, NONE)).toBe(hasNewest);
          reception.seal(count, NONE, tally);
          const lost = hasNewest ? 0 : 1;
          expect(countersOf(tally)).toEqual({
            expected: count,
            lost,
            duplicated: 0,
            reordered: 0,
            conflated: count - came.length - lost,
            behind: 0,
            late: 0,
          });
        },
      ),
    );
  });

  test('that still reads when nobody waits any more is behind: nothing is lost, and nothing made good', () => {
    const { tally, reception, receive } = receiver({ plan: planOf(), turn: 0, first: 0 }, true);
    receive(0, 1, 4);
    reception.seal(10, NONE, tally, true);
    expect(countersOf(tally)).toEqual({
      expected: 10,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      conflated: 2,
      behind: 1,
      late: 0,
    });
  });

  test('that still reads and has the newest is not behind', () => {
    const { tally, reception, receive } = receiver({ plan: planOf(), turn: 0, first: 0 }, true);
    receive(0, 9);
    reception.seal(10, NONE, tally, true);
    expect(countersOf(tally)).toMatchObject({ lost: 0, behind: 0 });
  });

  test('that gets the newest twice has a duplicate', () => {
    const { tally, receive } = receiver({ plan: planOf(), turn: 0, first: 0 }, true);
    receive(0, 5, 5);
    expect(countersOf(tally)).toMatchObject({ conflated: 4, duplicated: 1 });
  });
});

describe('settling the account', () => {
  test('leaves out what comes after the end that counts, though newer ones have been seen', () => {
    const { tally, reception, receive } = receiver({ plan: planOf(), turn: 0, first: 0 });
    receive(0, 6);
    reception.seal(3, NONE, tally);
    expect(countersOf(tally)).toMatchObject({ expected: 3, lost: 2 });
  });

  test('counts once, however often it is done', () => {
    const { tally, reception } = receiver({ plan: planOf(), turn: 0, first: 0 });
    reception.seal(10, NONE, tally);
    reception.seal(10, NONE, tally);
    expect(countersOf(tally)).toMatchObject({ expected: 10, lost: 10 });
  });

  test('what comes afterwards is late, once, and a copy of it a duplicate', () => {
    const { tally, reception, receive } = receiver({ plan: planOf(), turn: 0, first: 0 });
    receive(0, 2);
    reception.seal(4, NONE, tally);
    receive(1, 3, 3, 2);
    expect(countersOf(tally)).toEqual({
      expected: 4,
      lost: 2,
      duplicated: 2,
      reordered: 0,
      conflated: 0,
      behind: 0,
      late: 2,
    });
  });

  test('it can be asked before anything was emitted', () => {
    const { tally, reception } = receiver({ plan: planOf(), turn: 0, first: 0 });
    expect(reception.isComplete(0, NONE)).toBe(true);
    reception.seal(0, NONE, tally);
    expect(countersOf(tally)).toMatchObject({ expected: 0, lost: 0 });
  });
});
