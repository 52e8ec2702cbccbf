import { describe, expect, test } from 'vitest';
import { jsonReport } from '../../../src/bench/report/json.js';
import { repeatedResult } from '../../../src/bench/report/repeated.js';
import { type JsonResult, reportSchema } from '../../../src/bench/report/schema.js';
import { fanoutTimes, resultOf, tallyOf } from '../compare/results.js';
import { asJson, filledResult } from '../filled.js';

const metric = ({ total }: JsonResult, name: string, cohort?: string, key?: string) =>
  total.metrics.find((one) => one.name === name && one.cohort === cohort && one.key === key);

const slowdowns = (factors: readonly number[], rules?: readonly string[]) =>
  factors.map((factor) => resultOf(fanoutTimes(factor), rules));

describe('the result of several runs', () => {
  const runs = slowdowns([3, 1, 2]);
  const result = repeatedResult(runs, 3);

  test('is valid by the schema of the report', () => {
    const report = jsonReport([result], []);
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  test('has the median of each metric, with the least and the greatest', () => {
    const p99 = runs.map((run) => metric(run, 'fanout.p99')?.value ?? 0);
    expect(metric(result, 'fanout.p99')).toEqual({
      name: 'fanout.p99',
      unit: 'ms',
      value: p99[2],
      spread: { low: p99[1], high: p99[0] },
    });
    expect(metric(result, 'handshake.p99')).toMatchObject({
      spread: { low: metric(result, 'handshake.p99')?.value, high: metric(result, 'handshake.p99')?.value },
    });
  });

  test('has a value that was measured for an even number of runs: the lower of the two in the middle', () => {
    const [one, two] = slowdowns([1, 2]) as [JsonResult, JsonResult];
    expect(metric(repeatedResult([two, one], 2), 'fanout.p50')?.value).toBe(metric(one, 'fanout.p50')?.value);
  });

  test('has the phases and the ledgers of the run in the middle, and says which', () => {
    expect(result.repeat?.shown).toBe(3);
    expect(result.total.histograms).toEqual(runs[2]?.total.histograms);
    expect(result.total.cohorts).toEqual(runs[2]?.total.cohorts);
  });

  test('says how each run went, and how to do it again', () => {
    expect(result.repeat).toMatchObject({
      times: 3,
      runs: [
        { verdict: 'passed', durationMs: 12_345, failed: [] },
        { verdict: 'passed' },
        { verdict: 'passed' },
      ],
    });
    expect(result.replay).toMatch(/ --repeat 3$/);
  });

  test('counts 0 for a run in which a close code did not occur', () => {
    const odd = resultOf((all) => tallyOf(all, 'hot').closed.count('1011 oh no', 4));
    expect(
      metric(repeatedResult([resultOf(), odd, resultOf()], 3), 'closed', 'hot', '1011 oh no'),
    ).toMatchObject({
      value: 0,
      spread: { low: 0, high: 4 },
    });
  });

  test('has for a duration only the runs that had samples of it', () => {
    const none = resultOf((all) => {
      all.unconverged = 1;
    });
    expect(metric(repeatedResult([none, resultOf()], 2), 'convergence.max')).toMatchObject({
      value: 12.5,
      spread: { low: 12.5, high: 12.5 },
    });
  });
});

describe('an expectation of several runs', () => {
  const rules = ['fanout.p99 < 900ms', 'hot.accepted == 50'];

  test('holds when it does in each, and shows the median and the range', () => {
    const { expectations, verdict } = repeatedResult(slowdowns([1, 2, 2.5], rules), 3);
    expect(verdict).toBe('passed');
    expect(expectations.map(({ passed, shown }) => [passed, shown])).toEqual([
      [true, '674 ms (337 ms to 842 ms)'],
      [true, '50'],
    ]);
  });

  test('does not when it fails in a single one, whose value it shows', () => {
    const result = repeatedResult(slowdowns([1, 3, 1], rules), 3);
    expect(result.verdict).toBe('failed');
    expect(result.expectations[0]).toMatchObject({ passed: false, shown: '1.01 s in run 2' });
    expect(result.expectations[0]?.actual).toBeCloseTo(1010, -1);
    expect(result.repeat).toMatchObject({
      shown: 2,
      runs: [{ failed: [] }, { verdict: 'failed', failed: [rules[0]] }, { failed: [] }],
    });
  });
});

describe('what went wrong in a run', () => {
  const run = (parts: Parameters<typeof filledResult>[1]) =>
    asJson(filledResult(['steady.accepted == 1000'], parts));

  test('is told with its number', () => {
    const bad = run({ problems: ['The server ended'], invalid: ['Worker 1 died'] });
    const result = repeatedResult([run({}), bad], 2);
    expect(result).toMatchObject({
      verdict: 'invalid',
      invalid: true,
      invalidReasons: ['Run 2: Worker 1 died'],
      problems: ['Run 2: The server ended'],
      repeat: { shown: 2 },
    });
  });

  test('makes it aborted when that is how one of them ended', () => {
    expect(repeatedResult([run({}), run({ aborted: true })], 2)).toMatchObject({
      verdict: 'aborted',
      aborted: true,
    });
  });

  test('makes it aborted when there are fewer runs than there were to be', () => {
    expect(repeatedResult([run({}), run({})], 5)).toMatchObject({ verdict: 'aborted', aborted: true });
  });
});
