import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { METRICS } from '../../../src/bench/verdict/metrics.js';
import { judge, type Operator, parseRule, type Rule } from '../../../src/bench/verdict/rule.js';
import { filledMeasurements } from '../filled.js';

const COHORTS = ['steady', 'hot', 'silent'];

function rule(text: string): Rule {
  const parsed = parseRule(text, COHORTS);
  if (typeof parsed === 'string') throw new Error(`${text}: ${parsed}`);
  return parsed;
}

describe('reading a rule', () => {
  test.each<[string, Partial<Rule>]>([
    ['cursors.lost == 0', { cohort: undefined, metric: 'cursors.lost', operator: '==', value: 0 }],
    ['hot.accepted == 50', { cohort: 'hot', metric: 'accepted', value: 50 }],
    ['hot.closed[4503] == 10', { cohort: 'hot', metric: 'closed', key: '4503', value: 10 }],
    ['hot.closed[4503 "Connection limit reached"] == 10', { key: '4503 Connection limit reached' }],
    ['closed[ 1006 ] != 1', { cohort: undefined, metric: 'closed', key: '1006', operator: '!=' }],
    ['errors[ECONNRESET] <= 3', { metric: 'errors', key: 'ECONNRESET', operator: '<=' }],
    ['rejected >= 1_000', { metric: 'rejected', key: undefined, operator: '>=', value: 1000 }],
    ['fanout.p99 < 2s', { metric: 'fanout.p99', operator: '<', value: 2000 }],
    ['steady.fanout.p99.9<500ms', { cohort: 'steady', metric: 'fanout.p99.9', operator: '<', value: 500 }],
    ['  api.rate   >   300/m  ', { metric: 'api.rate', operator: '>', value: 5 }],
    ['heartbeat.timeout.max < 1.5s', { metric: 'heartbeat.timeout.max', value: 1500 }],
  ])('%s', (text, expected) => {
    expect(rule(text)).toMatchObject(expected);
  });

  test('every metric can be named, for each cohort where it is measured for one, and only there', () => {
    for (const [name, { kind, perCohort }] of Object.entries(METRICS)) {
      const value = { count: '1', duration: '1ms', rate: '1/s', size: '1B' }[kind];
      expect(rule(`${name} < ${value}`)).toMatchObject({ metric: name, cohort: undefined });
      const ofCohort = parseRule(`hot.${name} < ${value}`, COHORTS);
      if (perCohort) expect(ofCohort).toMatchObject({ metric: name, cohort: 'hot' });
      else expect(ofCohort).toEqual(expect.any(String));
    }
  });

  test.each([
    ['', 'expected a rule'],
    ['cursors.lost', 'expected a rule'],
    ['== 0', 'expected a rule'],
    ['cursors.lost = 0', 'unknown comparison `=`: expected ==, !=, <=, >=, < or >'],
    ['fanout.p99 << 2s', 'unknown comparison `<<`'],
    ['fanout.p99 => 2s', 'unknown comparison `=>`'],
    ['cursors.lost ==', 'expected a rule'],
    ['cursors.lots == 0', 'Did you mean `cursors.lost`?'],
    ['hot.acepted == 0', 'Did you mean `hot.accepted`?'],
    ['hto.accepted == 0', 'Did you mean `hot.accepted`?'],
    ['p99 < 2s', 'unknown metric `p99`. Did you mean `handshake.p99`, `fanout.p99` or `reconnect.p99`?'],
    ['lost == 0', 'unknown metric `lost`. Did you mean `cursors.lost`?'],
    ['constructor == 0', 'unknown metric `constructor`'],
    ['hot.toString == 0', 'unknown metric `hot.toString`'],
    ['cursors.lost == 0ms', 'whole number'],
    ['cursors.lost == 0.5', 'whole number'],
    ['cursors.lost == many', 'whole number'],
    ['fanout.p99 < 2', 'duration'],
    ['fanout.p99 < 0', 'duration'],
    ['api.rate > 50', 'rate'],
    ['cursors.lost[1] == 0', 'takes no brackets'],
    ['closed[x] == 0', 'one of its close codes'],
    ['closed[1O06] == 0', 'one of its close codes'],
    ['closed[99999] == 0', 'one of its close codes'],
    ['hot.rejected[foo] == 0', 'one of its HTTP statuses'],
    ['rejected[503 "a reason"] == 0', 'one of its HTTP statuses'],
    ['errors[404] == 0', 'one of its error codes'],
    ['server.closed[foo] == 0', 'one of its close codes'],
    ['closed[] == 0', 'close codes'],
    ['closed[4503 reason] == 0', 'close codes'],
    ['hot.emit.broadcasts == 1', 'without `hot.`'],
  ])('%j is refused: %s', (text, hint) => {
    expect(parseRule(text, COHORTS)).toEqual(expect.stringContaining(hint));
  });

  test('no text whatever makes it do anything but read or refuse', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(['string', 'object']).toContain(typeof parseRule(text, COHORTS));
      }),
    );
  });
});

describe('judging', () => {
  test('compares as the operator says', () => {
    const measurements = filledMeasurements();
    const opened = 1000;
    const held: Record<Operator, [number, boolean][]> = {
      '==': [
        [999, false],
        [1000, true],
        [1001, false],
      ],
      '!=': [
        [999, true],
        [1000, false],
        [1001, true],
      ],
      '<=': [
        [999, false],
        [1000, true],
        [1001, true],
      ],
      '>=': [
        [999, true],
        [1000, true],
        [1001, false],
      ],
      '<': [
        [999, false],
        [1000, false],
        [1001, true],
      ],
      '>': [
        [999, true],
        [1000, false],
        [1001, false],
      ],
    };
    for (const [operator, cases] of Object.entries(held)) {
      for (const [value, passed] of cases) {
        const text = `steady.opened ${operator} ${value}`;
        expect(judge(rule(text), measurements), text).toEqual({ passed, actual: opened, shown: '1,000' });
      }
    }
  });

  test('a rule for one cohort sees that cohort alone, and one for none sees all of them together', () => {
    const measurements = filledMeasurements();
    expect(judge(rule('hot.opened == 60'), measurements).passed).toBe(true);
    expect(judge(rule('opened == 1110'), measurements).passed).toBe(true);
    expect(judge(rule('rejected[503] == 9'), measurements).passed).toBe(true);
    expect(judge(rule('steady.open == 980'), measurements).passed).toBe(true);
  });

  test('a close code alone takes all of its reasons, one with a reason that one only, and no other code', () => {
    const measurements = filledMeasurements();
    measurements.cohorts[1]?.tally.closed.count('4503 Connection limit reached', 5);
    measurements.cohorts[1]?.tally.closed.count('45030', 100);
    expect(judge(rule('hot.closed[4503] == 15'), measurements).actual).toBe(15);
    expect(judge(rule('hot.closed[4503 "Connection limit reached"] == 5'), measurements).actual).toBe(5);
    expect(judge(rule('hot.closed == 116'), measurements).actual).toBe(116);
    expect(judge(rule('hot.closed[4401] == 0'), measurements)).toMatchObject({ passed: true, actual: 0 });
  });

  test('who was refused after the handshake was not accepted', () => {
    expect(judge(rule('hot.accepted == 50'), filledMeasurements())).toMatchObject({
      passed: true,
      actual: 50,
    });
  });

  test('silent clients that are still open at the end were missed', () => {
    expect(judge(rule('heartbeat.undetected == 30'), filledMeasurements())).toMatchObject({ passed: true });
    expect(judge(rule('steady.heartbeat.undetected == 0'), filledMeasurements())).toMatchObject({
      passed: true,
    });
  });

  test('the actual value is shown with its unit', () => {
    const measurements = filledMeasurements();
    expect(judge(rule('emit.delivered > 0'), measurements).shown).toBe('11,990');
    expect(judge(rule('api.rate > 1/s'), measurements).shown).toBe('5,000/s');
    expect(judge(rule('fanout.skew.max < 1s'), measurements).shown).toBe('33.3 ms');
  });
});

describe('every metric', () => {
  const empty = emptyMeasurements([
    { name: 'steady', clients: 5, behavior: 'healthy' },
    { name: 'hot', clients: 5, behavior: 'healthy' },
  ]);
  const textOf = (name: string, operator: string) =>
    `${name} ${operator} ${{ count: '0', duration: '0ms', rate: '1/h', size: '0B' }[METRICS[name]?.kind ?? 'count']}`;

  test.each(Object.keys(METRICS))(
    '%s reads a number where there is one, and fails where there is none',
    (name) => {
      const outcome = judge(rule(textOf(name, '>=')), filledMeasurements());
      expect(outcome.actual).toEqual(expect.any(Number));
      expect(outcome.actual).toBeGreaterThan(0);
      expect(outcome.passed).toBe(true);
      // Without a single sample no comparison holds, not even "is not" and "at most".
      for (const operator of ['==', '!=', '<=', '>=', '<', '>']) {
        expect(judge(rule(textOf(name, operator)), empty)).toEqual({
          passed: false,
          actual: undefined,
          shown: 'no samples',
        });
      }
    },
  );

  test('has a sentence that says what it is', () => {
    for (const [name, { summary }] of Object.entries(METRICS)) expect(summary, name).toMatch(/^[A-Z1].*\.$/);
  });
});
