import { describe, expect, test } from 'vitest';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import type { JsonReport } from '../../../src/bench/report/schema.js';
import { junitErrors } from '../../support/xml.js';
import { filledReport } from '../filled.js';

const RULES = ['steady.accepted == 1000', 'hot.accepted == 51', 'cursors.lost == 0'];
const failed = filledReport(RULES);
const notRun = [{ name: 'later', source: 'later.yaml', reason: 'No server at ws://x' }];

describe('JUnit XML is valid by the schema that CI systems read it with', () => {
  test.each<[string, JsonReport]>([
    ['a run that passed', filledReport(['steady.accepted == 1000'])],
    ['one that failed', failed],
    ['one that is aborted', filledReport(RULES, { aborted: true })],
    [
      'one that is invalid',
      filledReport(RULES, { invalid: ['Worker 1 died'], problems: ['The server ended'] }),
    ],
    ['several scenarios', { ...failed, results: [...failed.results, ...failed.results] }],
    ['scenarios that were not run', { ...failed, notRun }],
    ['none at all that was run', { ...failed, results: [], notRun }],
  ])('for %s', async (_, report) => {
    expect(await junitErrors(junitReport(report))).toEqual([]);
  });

  test.each([
    ['an attribute that it does not know', 'classname="', 'line="3" classname="'],
    ['an element that it does not know', '</testsuites>', '<expectation/></testsuites>'],
    ['a count that is none', 'failures="2"', 'failures="two"'],
    ['a time with a unit', /time="[\d.]+"/, 'time="12 s"'],
    ['an element that is not ended', '</testsuites>', ''],
  ])('and %s is not', async (_, from, to) => {
    expect(await junitErrors(junitReport(failed).replace(from, to))).not.toEqual([]);
  });
});

describe('JUnit XML', () => {
  const xml = junitReport({ ...filledReport(RULES, { problems: ['The server ended'] }), notRun });

  test('has a suite a scenario and a case an expectation, counted in the heads', () => {
    expect(xml).toContain(
      '<testsuites name="datafn-ws bench" tests="5" failures="2" errors="2" time="12.345">',
    );
    expect(xml).toMatch(
      /<testsuite name="sample" tests="4" failures="2" errors="1" skipped="0" time="12\.345"/,
    );
    expect(xml).toMatch(/<testsuite name="later" tests="1" failures="0" errors="1"/);
    expect(xml.match(/<testcase /g)).toHaveLength(5);
  });

  test('has times of the cases that add up to that of the suite', () => {
    const times = [...xml.matchAll(/<testcase [^>]*time="([\d.]+)"/g)].map(([, time]) => Number(time));
    expect(times.reduce((sum, time) => sum + time, 0)).toBeCloseTo(12.345, 2);
  });

  test('names in a failure the rule, the actual value, and where the rule stands', () => {
    expect(xml).toContain(
      '<failure message="expected hot.accepted == 51, got 50" type="expectation">sample.yaml:12: expected hot.accepted == 51, got 50',
    );
  });

  test('has an error for whatever else went wrong, so that no system shows green for it', () => {
    const errors = (report: JsonReport) =>
      [...junitReport(report).matchAll(/<error message="([^"]*)" type="([^"]*)"/g)].map(([, ...one]) => one);
    expect(errors(filledReport(['steady.accepted == 1000'], { invalid: ['Worker 1 died'] }))).toEqual([
      ['Worker 1 died', 'invalid'],
    ]);
    expect(errors(filledReport(['steady.accepted == 1000'], { aborted: true }))).toEqual([
      ['It was stopped before the end', 'aborted'],
    ]);
    expect(errors({ ...failed, results: [], notRun })).toEqual([
      ['It was not run: No server at ws://x', 'not run'],
    ]);
  });
});
