import { expect, test } from 'vitest';
import { Silence } from '../../src/backplane/silence.js';
import { FakeClock } from '../support/fake-clock.js';

function watch() {
  const clock = new FakeClock();
  const reportedAtMs: number[] = [];
  const silence = new Silence(clock, () => reportedAtMs.push(clock.nowMs));
  silence.restart();
  return { clock, silence, reportedAtMs };
}

test('silence is reported after 3.5 s, counted from what was heard last', () => {
  const { clock, silence, reportedAtMs } = watch();
  clock.advance(3000);
  silence.restart();
  clock.advance(10_000);
  expect(reportedAtMs).toEqual([6500]);
});

test('after its end nothing is reported', () => {
  const { clock, silence, reportedAtMs } = watch();
  silence.end();
  clock.advance(10_000);
  expect(reportedAtMs).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

test('a process that stood still gives the engine as long again, and no longer', () => {
  const { clock, reportedAtMs } = watch();
  clock.stall(10_000);
  clock.advance(3000);
  expect(reportedAtMs).toEqual([]);
  clock.stall(10_000);
  clock.advance(0);
  expect(reportedAtMs).toEqual([23_000]);
});

test('a process that stood still and then hears the engine has missed nothing', () => {
  const { clock, silence, reportedAtMs } = watch();
  clock.stall(10_000);
  clock.advance(1);
  silence.restart();
  clock.advance(3499);
  expect(reportedAtMs).toEqual([]);
});
