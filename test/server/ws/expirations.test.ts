import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Expirations } from '../../../src/server/ws/expirations.js';
import { FakeClock } from '../../support/fake-clock.js';

const DAY_MS = 24 * 3600_000;

function setUp() {
  const clock = new FakeClock();
  const expired: string[] = [];
  /** How far the time of day is ahead of the timers. */
  const day = { offsetMs: 1_700_000_000_000 };
  const now = () => clock.nowMs + day.offsetMs;
  const expirations = new Expirations<string>((item) => expired.push(item), clock, now);
  const add = (item: string, inMs: number) => expirations.add(item, now() + inMs);
  return { clock, expired, day, expirations, add };
}

test('each is over at its own time, in order, with one timer for all', () => {
  const { clock, expired, expirations, add } = setUp();
  for (const inMs of [300, 100, 500, 200, 400]) add(String(inMs), inMs);
  expect(clock.pendingTimers).toBe(1);
  clock.advance(99);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['100']);
  clock.advance(250);
  expect(expired).toEqual(['100', '200', '300']);
  expect(expirations.size).toBe(2);
  clock.advance(1000);
  expect(expired).toEqual(['100', '200', '300', '400', '500']);
  expect([expirations.size, clock.pendingTimers]).toEqual([0, 0]);
});

test('one that was over before it came is over at the next turn', () => {
  const { clock, expired, add } = setUp();
  add('late', -5);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['late']);
});

test('one that is removed leaves nothing behind, no timer either', () => {
  const { clock, expired, expirations, add } = setUp();
  add('a', 100);
  add('b', 200);
  expirations.remove('a');
  expirations.remove('a');
  expirations.remove('stranger');
  clock.advance(150);
  expect(expired).toEqual([]);
  expirations.remove('b');
  expect([expirations.size, clock.pendingTimers]).toEqual([0, 0]);
  clock.advance(1000);
  expect(expired).toEqual([]);
});

test('removing some keeps the others in order, wherever in the heap the gaps are', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 8, maxLength: 40 }),
      fc.infiniteStream(fc.boolean()),
      (times, stays) => {
        const { clock, expired, expirations, add } = setUp();
        for (const inMs of times) add(String(inMs), inMs);
        const left = times.filter(() => stays.next().value);
        for (const inMs of times) if (!left.includes(inMs)) expirations.remove(String(inMs));
        for (let ms = 1; ms <= 100; ms++) {
          clock.advance(1);
          expect(expired).toHaveLength(left.filter((inMs) => inMs <= ms).length);
        }
        expect(expired).toEqual(left.sort((a, b) => a - b).map(String));
      },
    ),
  );
});

test.each([25, 30, 400])(
  'one that is over in %i days, longer than a timer can wait, is not over before',
  (days) => {
    const { clock, expired, add } = setUp();
    // The clock throws for a wait that Node.js would cut to a millisecond.
    add('far', days * DAY_MS);
    clock.advance(days * DAY_MS - 1);
    expect(expired).toEqual([]);
    clock.advance(1);
    expect(expired).toEqual(['far']);
  },
);

test('when the time of day is set forward, or the machine has slept, it takes a minute at most to notice', () => {
  const { clock, expired, day, add } = setUp();
  add('a', DAY_MS);
  clock.advance(1000);
  day.offsetMs += DAY_MS;
  clock.advance(60_000);
  expect(expired).toEqual(['a']);
});

test('when the time of day is set back, it is over at its time of day all the same', () => {
  const { clock, expired, day, add } = setUp();
  add('a', 1000);
  day.offsetMs -= 5000;
  clock.advance(5999);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['a']);
});

test('thousands at once are ended in slices, with room for others in between', () => {
  const { clock, expired, add } = setUp();
  for (let index = 0; index < 1000; index++) add(String(index), 100);
  clock.advanceTimersOnly(100);
  expect(expired).toHaveLength(200);
  clock.runImmediates();
  expect(expired).toHaveLength(400);
  clock.drainImmediates();
  expect(new Set(expired).size).toBe(1000);
  expect(clock.pendingTimers).toBe(0);
});

describe('what happens while they are being ended', () => {
  test('one that removes others and adds another one is obeyed', () => {
    const clock = new FakeClock();
    const expired: string[] = [];
    const expirations: Expirations<string> = new Expirations(
      (item) => {
        expired.push(item);
        if (item !== 'a') return;
        expirations.remove('a');
        expirations.remove('b');
        expirations.add('d', 50);
      },
      clock,
      () => clock.nowMs,
    );
    for (const [index, item] of ['a', 'b', 'c'].entries()) expirations.add(item, 10 + index);
    clock.advance(20);
    expect(expired).toEqual(['a', 'c']);
    clock.advance(29);
    expect(expired).toEqual(['a', 'c']);
    clock.advance(1);
    expect(expired).toEqual(['a', 'c', 'd']);
  });

  test('those that leave between two slices are not ended', () => {
    const { clock, expired, expirations, add } = setUp();
    for (let index = 0; index < 300; index++) add(String(index), 100);
    clock.advanceTimersOnly(100);
    for (let index = 0; index < 300; index++) expirations.remove(String(index));
    add('later', 50);
    clock.drainImmediates();
    expect(expired).toHaveLength(200);
    clock.advance(50);
    expect(expired.at(-1)).toBe('later');
  });
});

test('whoever comes and goes in whatever order, each is ended once, in time, or removed', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), inMs: fc.integer({ min: 0, max: 100 }) }),
    fc.record({ do: fc.constant('remove' as const), which: fc.nat(50) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const clock = new FakeClock();
      const due = new Map<number, number>();
      const expirations = new Expirations<number>(
        (item) => {
          const atMs = due.get(item);
          if (atMs === undefined) throw new Error(`${item} is not here`);
          expect(clock.nowMs).toBeGreaterThanOrEqual(atMs);
          expect(clock.nowMs - atMs).toBeLessThanOrEqual(1);
          due.delete(item);
        },
        clock,
        () => clock.nowMs,
      );
      for (const [item, one] of steps.entries()) {
        if (one.do === 'wait') {
          clock.advance(one.ms);
        } else if (one.do === 'remove') {
          due.delete(one.which);
          expirations.remove(one.which);
        } else {
          due.set(item, clock.nowMs + one.inMs);
          expirations.add(item, clock.nowMs + one.inMs);
        }
        expect(expirations.size).toBe(due.size);
        expect(clock.pendingTimers).toBeLessThanOrEqual(1);
      }
      clock.advance(200);
      expect([due.size, expirations.size, clock.pendingTimers]).toEqual([0, 0, 0]);
    }),
  );
});
