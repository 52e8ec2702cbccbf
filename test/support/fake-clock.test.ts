import { expect, test } from 'vitest';
import { FakeClock } from './fake-clock.js';

test('timers fire in due order, and in the order they were set when they are due together', () => {
  const clock = new FakeClock();
  const fired: string[] = [];
  clock.setTimeout(() => fired.push(`late at ${clock.nowMs}`), 20);
  clock.setTimeout(() => fired.push(`first at ${clock.nowMs}`), 10);
  clock.setTimeout(() => fired.push(`second at ${clock.nowMs}`), 10);
  clock.advance(9);
  expect(fired).toEqual([]);
  clock.advance(11);
  expect(fired).toEqual(['first at 10', 'second at 10', 'late at 20']);
  expect(clock.nowMs).toBe(20);
});

test('a timer set by a timer fires in the same advance when it falls due in it', () => {
  const clock = new FakeClock();
  const firedAt: number[] = [];
  const beat = () => {
    firedAt.push(clock.nowMs);
    clock.setTimeout(beat, 10);
  };
  clock.setTimeout(beat, 10);
  clock.advance(35);
  expect(firedAt).toEqual([10, 20, 30]);
  expect(clock.pendingTimers).toBe(1);
});

test('immediates run after each timer, before the next one', () => {
  const clock = new FakeClock();
  const order: string[] = [];
  clock.setTimeout(() => {
    order.push('timer 1');
    clock.setImmediate(() => {
      order.push('immediate');
      clock.setImmediate(() => order.push('immediate of the immediate'));
    });
  }, 1);
  clock.setTimeout(() => order.push('timer 2'), 1);
  clock.advance(1);
  expect(order).toEqual(['timer 1', 'immediate', 'immediate of the immediate', 'timer 2']);
});

test('a cleared timer neither fires nor counts, and clearing twice or clearing nothing is harmless', () => {
  const clock = new FakeClock();
  let fired = 0;
  const handle = clock.setTimeout(() => {
    fired += 1;
  }, 5);
  expect(clock.pendingTimers).toBe(1);
  clock.clearTimeout(handle);
  clock.clearTimeout(handle);
  clock.clearTimeout(undefined);
  expect(clock.pendingTimers).toBe(0);
  clock.advance(10);
  expect(fired).toBe(0);
});

test('advancing timers only leaves the immediates waiting, one turn at a time', () => {
  const clock = new FakeClock();
  const order: string[] = [];
  clock.setTimeout(() => {
    clock.setImmediate(() => {
      order.push('turn 1');
      clock.setImmediate(() => order.push('turn 2'));
    });
  }, 1);
  clock.advanceTimersOnly(5);
  expect([clock.nowMs, clock.pendingImmediates, order]).toEqual([5, 1, []]);
  clock.runImmediates();
  expect(order).toEqual(['turn 1']);
  clock.runImmediates();
  expect(order).toEqual(['turn 1', 'turn 2']);
});

test('immediates that set immediates for ever are reported instead of hanging the test', () => {
  const clock = new FakeClock();
  const again = () => clock.setImmediate(again);
  again();
  expect(() => clock.advance(1)).toThrow('never come to an end');
});

test('a delay that no real timer could keep is refused', () => {
  const clock = new FakeClock();
  expect(() => clock.setTimeout(() => {}, 2 ** 31)).toThrow('No timer can wait');
  expect(() => clock.setTimeout(() => {}, Number.NaN)).toThrow('No timer can wait');
});

test('a stall fires nothing by itself; what fell due in it fires late, and counts from then', () => {
  const clock = new FakeClock();
  const fired: number[] = [];
  clock.setTimeout(() => {
    fired.push(clock.nowMs);
    clock.setTimeout(() => fired.push(clock.nowMs), 10);
  }, 10);
  clock.stall(1000);
  expect(fired).toEqual([]);
  clock.advance(0);
  clock.advance(10);
  expect(fired).toEqual([1000, 1010]);
});
