import { describe, expect, test } from 'vitest';
import { emptyMeasurements, type Measurements } from '../../../src/bench/measure/measurements.js';
import type { HistogramName } from '../../../src/bench/measure/tally.js';
import { judge, parseRule, type Rule } from '../../../src/bench/verdict/rule.js';

const tallyOf = ({ cohorts: [users] }: Measurements) => (users as Measurements['cohorts'][number]).tally;
const empty = () =>
  emptyMeasurements([
    { name: 'users', clients: 100, behavior: 'healthy' },
    { name: 'silent', clients: 100, behavior: 'silent' },
  ]);
const judged = (text: string, measurements: Measurements) =>
  judge(parseRule(text, ['users', 'silent']) as Rule, measurements);

/** Measurements with so many samples of one value in some histograms. */
function measured(values: Partial<Record<HistogramName, number>>): Measurements {
  const measurements = empty();
  const { histograms } = tallyOf(measurements);
  for (const [name, value] of Object.entries(values)) histograms[name as HistogramName].record(value);
  return measurements;
}

describe('a time that depends on when bench read something', () => {
  const late = measured({ pongTimeout: 891, pongTimeoutLeast: 860, pongTimeoutMost: 931 });
  const wayLate = measured({ pingInterval: 2150, pingIntervalLeast: 1980, pingIntervalMost: 2300 });

  test.each<[string, Measurements, boolean]>([
    ['heartbeat.timeout.p50 > 900ms', late, true],
    ['heartbeat.timeout.p50 >= 900ms', late, true],
    ['heartbeat.timeout.p50 > 950ms', late, false],
    ['heartbeat.timeout.p50 < 870ms', late, true],
    ['heartbeat.timeout.p50 < 850ms', late, false],
    ['heartbeat.timeout.p50 > 800ms', late, true],
    ['heartbeat.interval.p50 < 2100ms', wayLate, true],
    ['heartbeat.interval.p50 < 1900ms', wayLate, false],
    ['heartbeat.interval.p50 == 2300ms', wayLate, false],
  ])('is held against %s with the benefit of the doubt', (text, measurements, passed) => {
    expect(judged(text, measurements).passed).toBe(passed);
  });

  test('is shown as it was measured, with what it may have been where that decided', () => {
    const { actual, shown } = judged('heartbeat.timeout.p50 > 900ms', late);
    expect(actual).toBeCloseTo(891, -1);
    expect(shown).toMatch(/^89\d ms \(93\d ms if bench was late\)$/);
    expect(judged('heartbeat.timeout.p50 > 800ms', late).shown).toMatch(/^89\d ms$/);
    expect(judged('heartbeat.timeout.p50 > 950ms', late).shown).toMatch(/^89\d ms$/);
  });

  test('is taken as it is where bench was not late', () => {
    expect(judged('heartbeat.timeout.p50 > 900ms', measured({ pongTimeout: 891 })).passed).toBe(false);
  });
});

describe('of a server that never pings', () => {
  const measurements = empty();
  for (const cohort of measurements.cohorts) Object.assign(cohort, { open: 60, unpinged: 60 });

  test.each([
    ['heartbeat.neverPinged == 0', '120'],
    ['users.heartbeat.neverPinged == 0', '60'],
    ['heartbeat.undetected == 0', '60'],
  ])('%s tells how many clients that is', (text, shown) => {
    expect(judged(text, measurements)).toMatchObject({ passed: false, shown });
  });

  test('nothing is said of clients that are not there', () => {
    expect(judged('heartbeat.neverPinged == 0', empty()).shown).toBe('no samples');
    expect(judged('heartbeat.falseTimeouts == 0', measurements).shown).toBe('no samples');
    expect(judged('heartbeat.overdue == 0', measurements).shown).toBe('no samples');
  });

  test('those that it closes for a missed heartbeat are counted', () => {
    const killing = empty();
    Object.assign(tallyOf(killing).counters, { falseTimeouts: 3 });
    expect(judged('heartbeat.falseTimeouts == 0', killing)).toMatchObject({ passed: false, shown: '3' });
  });
});
