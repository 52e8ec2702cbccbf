import { describe, expect, test } from 'vitest';
import { checkComparable, readResults } from '../../../src/bench/compare/comparison.js';
import { REPORT_VERSION } from '../../../src/bench/compare/older-versions.js';
import type { JsonReport } from '../../../src/bench/report/schema.js';
import { DatafnWsError } from '../../../src/protocol/errors.js';
import { filledReport } from '../filled.js';

const report = filledReport(['fanout.p99 < 2s']);
const read = (content: unknown) =>
  readResults(typeof content === 'string' ? content : JSON.stringify(content), 'the baseline (base.json)');

/** The message of the error of a call that must throw one of ours. */
function wrong(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(DatafnWsError);
    expect((error as DatafnWsError).code).toBe('ERR_INVALID_OPTION');
    return (error as DatafnWsError).message;
  }
  throw new Error('nothing was thrown');
}

test('a report is read, with every metric and every rule', () => {
  const [result] = read(report);
  expect(result?.scenario.name).toBe('sample');
  expect(result?.total.metrics).toHaveLength(report.results[0]?.total.metrics.length ?? 0);
  expect(result?.expectations).toHaveLength(1);
});

test('a report of a newer tool, with more in it, is read', () => {
  const more = {
    ...report,
    more: 1,
    results: report.results.map((one) => ({ ...one, more: { at: 'all' } })),
  };
  expect(read(more)).toEqual(read(report));
});

describe('what is no report is refused, with what it is instead', () => {
  const result = report.results[0] as JsonReport['results'][number];
  test.each<[string, unknown, string]>([
    ['nothing', '', 'got an empty file.'],
    ['blanks', ' \n', 'got an empty file.'],
    ['text', 'hello', 'got invalid JSON: '],
    ['half of a report', JSON.stringify(report).slice(0, 5000), 'got invalid JSON: '],
    ['a list', [], 'got other JSON; make a report with: npx datafn-ws bench --json FILE.'],
    ['null', 'null', 'got other JSON'],
    ['a package.json', { name: 'x', version: '1.0.0' }, 'got other JSON'],
    [
      'another version',
      { ...report, version: REPORT_VERSION + 1 },
      `got one of version ${REPORT_VERSION + 1} of the format, but this tool reads versions 1 to ${REPORT_VERSION}; update datafn-ws`,
    ],
    ['no results', { ...report, results: [] }, 'got one without results'],
    [
      'a metric without a value',
      { ...report, results: [{ ...result, total: { metrics: [{ name: 'open', unit: 'count' }] } }] },
      'got an invalid one at results.0.total.metrics.0.value: ',
    ],
  ])('%s', (_, content, got) => {
    expect(wrong(() => read(content))).toContain(
      `Expected the baseline (base.json) to be a JSON report of bench, ${got}`,
    );
  });

  test('in one line, whatever is in it', () => {
    expect(wrong(() => read('{"a":\n\n\u001b[31m'))).not.toContain('\n');
  });
});

test.each(['aborted', 'invalid'] as const)('a run that is %s is not compared with', (verdict) => {
  const parts = verdict === 'aborted' ? { aborted: true } : { invalid: ['Worker 1 died'] };
  const [result] = read(filledReport(['fanout.p99 < 2s'], parts));
  if (result === undefined) throw new Error('no result');
  expect(wrong(() => checkComparable(result, '--baseline'))).toMatch(
    /^Expected --baseline to be of complete, valid runs, got a run of sample that was .*\. Run it again\.$/,
  );
});

test('a run that failed is compared with', () => {
  const [result] = read(filledReport(['steady.accepted == 1']));
  expect(result?.verdict).toBe('failed');
  if (result !== undefined) expect(() => checkComparable(result, 'x')).not.toThrow();
});
