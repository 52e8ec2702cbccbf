import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { annotations } from '../../../src/bench/report/formats/annotations.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import { asJson, filledMeasurements, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

const PHASE = 'connect: { cohort: steady }, expect: [steady.opened == 7]';
const RULES = ['hot.accepted == 50', 'cursors.lost == 0'];

/** A run that was stopped in its first phase: `hot` had connected, and nothing had been emitted. */
function stopped() {
  const measurements = emptyMeasurements(filledResult(RULES).scenario.cohorts);
  Object.assign(measurements.cohorts[1]?.tally.counters ?? {}, { attempts: 60, opened: 49 });
  const result = filledResult(RULES, { aborted: true, measurements, phases: [] }, PHASE);
  return jsonReport([asJson(result)], []);
}

const report = stopped();
const terminal = (color: 0 | 1) =>
  terminalReport(report.results[0] as never, { colors: new Chalk({ level: color }), columns: 80 });

describe('a rule that a stopped run did not get to has not failed', () => {
  test('in the data', () => {
    expect(
      report.results[0]?.expectations.map(({ rule, passed, notReached, shown, meaning }) => ({
        ...{ rule, passed, notReached, shown, meaning },
      })),
    ).toEqual([
      {
        rule: 'steady.opened == 7',
        passed: false,
        notReached: true,
        shown: 'not reached',
        meaning: undefined,
      },
      { rule: 'hot.accepted == 50', passed: false, notReached: undefined, shown: '49', meaning: undefined },
      {
        rule: 'cursors.lost == 0',
        passed: false,
        notReached: true,
        shown: 'not reached',
        meaning: undefined,
      },
    ]);
  });

  test('on the terminal, where it is not red', () => {
    expect(terminal(0)).toMatch(/^ {2}– cursors\.lost == 0 +not reached$/m);
    expect(terminal(0)).toMatch(/^ {2}✗ hot\.accepted == 50 +49$/m);
    const [line = ''] = terminal(1)
      .split('\n')
      .filter((one) => one.includes('cursors.lost'));
    expect(line).not.toContain('\u001b[31m');
    expect(terminal(0)).not.toContain('no samples');
  });

  test('in Markdown', () => {
    expect(markdownReport(report)).toContain('| – | `cursors.lost == 0` | not reached |');
    expect(markdownReport(report)).toContain('| ✗ | `hot.accepted == 50` | 49 |');
  });

  test('in JUnit, where it is skipped', () => {
    const xml = junitReport(report);
    expect(xml).toMatch(/name="cursors\.lost == 0"[^>]*>\s*<skipped message="not reached"\/>/);
    expect(xml).toMatch(/<testsuite [^>]*failures="1" errors="1" skipped="2"/);
  });

  test('on the page', () => {
    const html = htmlReport(report);
    expect(html).toMatch(/–<\/span><span class="spoken">not reached<\/span>/);
    expect(html).toContain('0 of 3 rules held when it was stopped');
    expect(html).not.toContain('no samples');
    // What went wrong is only what was measured.
    expect(html.match(/class="finding"/g)).toHaveLength(1);
  });

  test('in annotations, of which it is none', () => {
    const lines = annotations(report, (source) => source);
    expect(lines).toContain('hot.accepted == 50');
    expect(lines).not.toContain('cursors.lost');
  });
});

test('in a run that came to its end, a rule without a sample has failed', () => {
  const [phase] = filledResult(RULES).scenario.phases;
  const whole = {
    isFinished: true,
    startMs: 0,
    durationMs: 1,
    outcomes: [],
    measurements: filledMeasurements(),
  };
  const result = filledResult(RULES, {
    measurements: emptyMeasurements(filledResult(RULES).scenario.cohorts),
    phases: [{ phase: phase as never, ...whole }],
  });
  const [rule] = asJson(result).expectations;
  expect(rule).toMatchObject({ passed: false, shown: 'no samples' });
  expect(rule?.notReached).toBeUndefined();
});
