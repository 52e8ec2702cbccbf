import { describe, expect, test } from 'vitest';
import { machineCpu, shareOfOthers } from '../../../src/bench/fleet/generator-health.js';
import { disturbance } from '../../../src/bench/verdict/judge.js';
import { filledResult } from '../filled.js';

const outcomes = (...rules: string[]) => filledResult(rules).outcomes;

describe('a machine of which others take a good part', () => {
  test.each(['fanout.p99 < 1ms', 'handshake.max <= 1ms', 'timeouts == 0', 'heartbeat.falseTimeouts == 0'])(
    'makes a run that fails %s one that says nothing',
    (rule) => {
      expect(disturbance(outcomes('hot.accepted == 50', rule), 0.6)).toEqual([
        expect.stringMatching(/other processes took 60% of its CPU.*does not hold/),
      ]);
    },
  );

  test.each([
    // Nothing that a lack of time explains.
    'cursors.leaked == 0',
    'cursors.duplicated == 0',
    'hot.accepted == 51',
    // Too soon is not too late.
    'fanout.p99 > 10s',
    // These hold.
    'fanout.p99 < 10s',
    'hot.accepted == 50',
  ])('has no part in the outcome of %s', (rule) => {
    expect(disturbance(outcomes(rule), 0.9)).toEqual([]);
  });
});

test('a machine that is quiet excuses nothing', () => {
  expect(disturbance(outcomes('fanout.p99 < 1ms'), 0.2)).toEqual([]);
});

describe('the share of others', () => {
  const at = (busyMs: number, totalMs: number) => ({ busyMs, totalMs });

  test('is what was used, less what is our own, of all that there was', () => {
    expect(shareOfOthers(at(100, 1000), at(1300, 3000), 200)).toBe(0.5);
    expect(shareOfOthers(at(0, 0), at(1000, 1000), 0)).toBe(1);
  });

  test('is none where all was our own, more was counted than there was, or no time has passed', () => {
    expect(shareOfOthers(at(0, 0), at(500, 1000), 500)).toBe(0);
    expect(shareOfOthers(at(0, 0), at(500, 1000), 900)).toBe(0);
    expect(shareOfOthers(at(0, 0), at(0, 0), 0)).toBe(0);
  });
});

test('the CPU time of the machine grows while a process spins, and never beyond all that there is', () => {
  const from = machineCpu();
  const endMs = performance.now() + 100;
  while (performance.now() < endMs);
  const to = machineCpu();
  expect(to.busyMs - from.busyMs).toBeGreaterThan(0);
  expect(to.totalMs - from.totalMs).toBeGreaterThanOrEqual(to.busyMs - from.busyMs);
});
