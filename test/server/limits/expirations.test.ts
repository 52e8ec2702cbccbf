import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Expirations } from '../../../src/server/limits/deadlines.js';
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

test('each is over at its own time or up to a second later, with one timer for all', () => {
  const { clock, expired, expirations, add } = setUp();
  for (const inMs of [3500, 1500, 5000, 2000]) add(String(inMs), inMs);
  expect(clock.pendingTimers).toBe(1);
  clock.advance(1499);
  expect(expired).toEqual([]);
  clock.advance(501);
  expect(expired).toEqual(['1500', '2000']);
  clock.advance(2000);
  expect(expired).toEqual(['1500', '2000', '3500']);
  expect(expirations.size).toBe(1);
  clock.advance(1000);
  expect(expired).toEqual(['1500', '2000', '3500', '5000']);
  expect([expirations.size, clock.pendingTimers]).toEqual([0, 0]);
});

test('one that was over before it came is over within a second, and not at once', () => {
  const { clock, expired, add } = setUp();
  add('late', -5);
  expect(expired).toEqual([]);
  clock.advance(1000);
  expect(expired).toEqual(['late']);
});

test('one that is removed leaves nothing behind, no timer either', () => {
  const { clock, expired, expirations, add } = setUp();
  add('a', 100);
  add('b', 200);
  for (const item of ['a', 'a', 'stranger', 'b']) expirations.delete(item);
  expect(expirations.size).toBe(0);
  clock.advance(1000);
  expect([expired, clock.pendingTimers]).toEqual([[], 0]);
});

test.each([25, 30, 400])(
  'one that is over in %i days, longer than a timer can wait, is not over before',
  (days) => {
    const { clock, expired, day, add } = setUp();
    add('far', days * DAY_MS);
    // The machine sleeps, so that nobody has to wait for a million sweeps.
    day.offsetMs += days * DAY_MS - 1500;
    clock.advance(1000);
    expect(expired).toEqual([]);
    clock.advance(1000);
    expect(expired).toEqual(['far']);
  },
);

test('when the time of day is set forward, or the machine has slept, it takes a second to notice', () => {
  const { clock, expired, day, add } = setUp();
  add('a', DAY_MS);
  clock.advance(1000);
  day.offsetMs += DAY_MS;
  clock.advance(1000);
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
  clock.advanceTimersOnly(1000);
  expect(expired).toHaveLength(200);
  clock.runImmediates();
  expect(expired).toHaveLength(400);
  clock.drainImmediates();
  expect(new Set(expired).size).toBe(1000);
  expect(clock.pendingTimers).toBe(0);
});

test('those that leave between two slices are not ended, and one that comes then is', () => {
  const { clock, expired, expirations, add } = setUp();
  for (let index = 0; index < 300; index++) add(String(index), 100);
  clock.advanceTimersOnly(1000);
  for (let index = 0; index < 300; index++) expirations.delete(String(index));
  add('later', 50);
  clock.drainImmediates();
  expect(expired).toHaveLength(200);
  clock.advance(1000);
  expect(expired.at(-1)).toBe('later');
});

test('one that removes others and adds another one while it is ended is obeyed', () => {
  const clock = new FakeClock();
  const expired: string[] = [];
  const expirations: Expirations<string> = new Expirations(
    (item) => {
      expired.push(item);
      if (item !== 'a') return;
      expirations.delete('a');
      expirations.delete('b');
      expirations.add('d', clock.nowMs + 1500);
    },
    clock,
    () => clock.nowMs,
  );
  for (const item of ['a', 'b', 'c']) expirations.add(item, 10);
  clock.advance(1000);
  expect(expired).toEqual(['a', 'c']);
  clock.advance(1499);
  expect(expired).toEqual(['a', 'c']);
  clock.advance(501);
  expect(expired).toEqual(['a', 'c', 'd']);
});

test('whatever comes and goes in whatever order, each is ended once, in time, or removed', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), inMs: fc.integer({ min: 0, max: 4000 }) }),
    fc.record({ do: fc.constant('remove' as const), which: fc.nat(50) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 1500 }) }),
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
          expect(clock.nowMs - atMs).toBeLessThanOrEqual(1000);
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
          expirations.delete(one.which);
        } else {
          due.set(item, clock.nowMs + one.inMs);
          expirations.add(item, clock.nowMs + one.inMs);
        }
        expect(expirations.size).toBe(due.size);
        expect(clock.pendingTimers).toBeLessThanOrEqual(1);
      }
      clock.advance(6000);
      expect([due.size, expirations.size, clock.pendingTimers]).toEqual([0, 0, 0]);
    }),
  );
});
