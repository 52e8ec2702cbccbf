import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { Histogram } from '../../../src/bench/measure/histogram.js';
import {
  type JsonReport,
  type JsonResult,
  reportJsonSchema,
  reportSchema,
} from '../../../src/bench/report/schema.js';
import { METRICS } from '../../../src/bench/verdict/metrics.js';
import { filledMeasurements, filledReport } from '../filled.js';

const FILE = join(import.meta.dirname, '../../../schemas/report.schema.json');
const schema = JSON.parse(readFileSync(FILE, 'utf8'));
const validate = new Ajv({ allErrors: true }).compile(schema);

/** What is wrong with a report that was written and read back, as `path: keyword`. */
function errors(report: unknown): string[] {
  validate(JSON.parse(JSON.stringify(report)));
  return (validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath}: ${keyword}`);
}

const RULES = ['hot.closed[4503 "Namespace connection limit reached"] == 11', 'fanout.p99 < 2s'];
const report = filledReport(RULES);
const [result] = report.results as [JsonResult];

test('the schema that ships is what the sources say; `npm run schema` refreshes it', () => {
  expect(schema, 'schemas/report.schema.json is stale: run `npm run schema`').toEqual(
    JSON.parse(JSON.stringify(reportJsonSchema())),
  );
});

test.each<[string, JsonReport]>([
  ['failed', report],
  ['passed', filledReport(['fanout.p99 < 2s'])],
  ['aborted', filledReport(RULES, { aborted: true })],
  ['invalid', filledReport(RULES, { invalid: ['Worker 1 died'] })],
  ['aborted', { ...report, verdict: 'aborted', notRun: [{ name: 'x', source: 'x.yaml', reason: 'y' }] }],
])('a report that is %s is valid by it, and by the types', (verdict, one) => {
  expect(one.verdict).toBe(verdict);
  expect(errors(one)).toEqual([]);
  expect(reportSchema.parse(JSON.parse(JSON.stringify(one)))).toEqual(one);
});

test.each<[string, unknown, string]>([
  ['without a verdict', { ...report, verdict: undefined }, ': required'],
  ['of another version', { ...report, version: 1 }, '/version: const'],
  ['with a key that there is not', { ...report, verdickt: 'passed' }, ': additionalProperties'],
  [
    'with a number that is none',
    { ...report, results: [{ ...result, durationMs: Number.NaN }] },
    '/results/0/durationMs: type',
  ],
])('a report %s is not', (_, one, error) => {
  expect(errors(one)).toEqual([error]);
});

describe('the result as data', () => {
  test('has every metric with its unit, of all cohorts together, of each, and of each phase', () => {
    const { cohorts } = filledMeasurements();
    const perPhase = Object.keys(METRICS).length;
    const perCohort = Object.values(METRICS).filter(({ perCohort }) => perCohort).length;
    for (const { metrics } of [result.total, ...result.phases.map(({ measurements }) => measurements)]) {
      const whole = metrics.filter(({ key }) => key === undefined);
      expect(whole).toHaveLength(perPhase + cohorts.length * perCohort);
      for (const { name, unit } of metrics) {
        const kind = METRICS[name]?.kind;
        expect({ name, unit }).toEqual({
          name,
          unit: { count: 'count', duration: 'ms', rate: 'per second', size: 'bytes' }[kind ?? 'count'],
        });
      }
    }
  });

  test('has what a rule asks for in brackets as a metric with a key', () => {
    expect(result.total.metrics.filter(({ key }) => key !== undefined)).toEqual(
      expect.arrayContaining([
        { name: 'closed', key: '1006', unit: 'count', value: 3 },
        {
          name: 'closed',
          cohort: 'hot',
          key: '4503 Namespace connection limit reached',
          unit: 'count',
          value: 10,
        },
        { name: 'rejected', cohort: 'hot', key: '503', unit: 'count', value: 3 },
        { name: 'errors', cohort: 'silent', key: 'ECONNRESET', unit: 'count', value: 2 },
        { name: 'server.closed', key: '1001', unit: 'count', value: 49 },
      ]),
    );
  });

  test('has each rule taken apart, with what was found', () => {
    expect(result.expectations[0]).toEqual({
      rule: RULES[0],
      line: 11,
      cohort: 'hot',
      metric: 'closed',
      key: '4503 Namespace connection limit reached',
      operator: '==',
      expected: 11,
      passed: false,
      actual: 10,
      unit: 'count',
      shown: '10',
      meaning: expect.stringMatching(/^The server refused too few clients/),
    });
  });

  test('has histograms that add up to that of all, bucket by bucket', () => {
    const merged = new Histogram();
    for (const { histograms } of result.total.cohorts) {
      const { count, min, mean, max, buckets } = histograms.fanout as NonNullable<typeof histograms.fanout>;
      merged.add(Histogram.from({ count, sumMs: mean * count, minMs: min, maxMs: max, buckets }));
    }
    const all = result.total.histograms.fanout;
    expect(all?.buckets).toEqual(merged.toData().buckets);
    expect(all?.p99).toBe(merged.percentileMs(99));
    expect(all?.count).toBe(300);
  });

  test('has buckets that cover what the schema says they do', () => {
    const histogram = new Histogram();
    for (const ms of [0.1, 0.5, 3, 47.3, 900, 12_345]) histogram.record(ms);
    const { buckets } = histogram.toData();
    const from = buckets
      .filter((_, index) => index % 2 === 0)
      .map((bucket) => {
        if (bucket < 128) return { us: bucket, width: 1 };
        const k = Math.floor(bucket / 128) - 1;
        return { us: ((bucket % 128) + 128) * 2 ** k, width: 2 ** k };
      });
    for (const [index, ms] of [0.1, 0.5, 3, 47.3, 900, 12_345].entries()) {
      const { us = 0, width = 0 } = from[index] ?? {};
      expect(ms * 1000).toBeGreaterThanOrEqual(us);
      expect(ms * 1000).toBeLessThan(us + width);
    }
  });

  test('says of an aborted or invalid run that it is one', () => {
    const [aborted] = filledReport(RULES, { aborted: true }).results;
    expect([aborted?.aborted, aborted?.invalid, aborted?.invalidReasons]).toEqual([true, false, []]);
    const [invalid] = filledReport(RULES, { invalid: ['Worker 1 died'] }).results;
    expect([invalid?.aborted, invalid?.invalid, invalid?.invalidReasons]).toEqual([
      false,
      true,
      ['Worker 1 died'],
    ]);
  });
});

describe('a rule of a phase', () => {
  const phase = 'connect: { cohort: steady }, expect: [steady.accepted == 1000]';

  test('that was not reached is there, and has not held', () => {
    const { expectations } = filledReport(['hot.accepted == 50'], { phases: [] }, phase)
      .results[0] as JsonResult;
    expect(expectations.map(({ rule, phase, passed, shown }) => ({ rule, phase, passed, shown }))).toEqual([
      {
        rule: 'steady.accepted == 1000',
        phase: 'connect 1,000 clients (steady) at 1,000/s',
        passed: false,
        shown: 'not reached',
      },
      { rule: 'hot.accepted == 50', phase: undefined, passed: true, shown: '50' },
    ]);
    expect(expectations[0]?.actual).toBeUndefined();
  });
});
