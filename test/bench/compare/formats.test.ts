import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { compareResults } from '../../../src/bench/compare/compare.js';
import type { Comparison } from '../../../src/bench/compare/comparison.js';
import { annotations } from '../../../src/bench/report/formats/annotations.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { jsonReport, withComparison } from '../../../src/bench/report/json.js';
import { type JsonReport, type JsonResult, reportSchema } from '../../../src/bench/report/schema.js';
import { junitErrors } from '../../support/xml.js';
import { markdownComparison, terminalComparison, terminalReport } from '../rendered.js';
import { failOn, fanoutTimes, repeatedOf, resultOf, tallyOf } from './results.js';

const PLAIN = { colors: new Chalk({ level: 0 }), columns: 80 };
const COLOURED = { colors: new Chalk({ level: 1 }), columns: 80 };

/** A baseline, and a run in which everything that a comparison can tell has happened. */
const base = repeatedOf(...[1, 1.05, 1.1].map(fanoutTimes));
const next = ((): JsonResult => {
  const result = resultOf(
    (all) => {
      fanoutTimes(3)(all);
      tallyOf(all, 'hot').closed.count('4503 Namespace connection limit reached', -1);
      tallyOf(all, 'hot').closed.count(`4000 ${'a reason that goes on and on '.repeat(3).trim()}`, 2);
      tallyOf(all, 'steady').counters.lost -= 3;
      Object.assign(all.server, { rssBytes: 200 * 1024 ** 2 });
      all.convergence.record(5000);
    },
    ['hot.closed[4503] == 10'],
  );
  Object.assign(result.machine, { cores: 8 });
  return { ...result, problems: ['The server under test ended during "emit": exit code 1'] };
})();

const comparisons = {
  regressed: compareResults(base, next, failOn('fanout.p99 +20% +10ms')),
  warned: compareResults(base, resultOf(fanoutTimes(3)), []),
  improved: compareResults(resultOf(fanoutTimes(3)), base, []),
  same: compareResults(base, base, []),
} satisfies Record<Comparison['verdict'], Comparison>;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of colours are what is looked for
const ESCAPE = /\u001b\[[\d;]*m/g;

describe.each(Object.entries(comparisons))('a comparison that came to %s', (verdict, comparison) => {
  test('came to it', () => expect(comparison.verdict).toBe(verdict));

  test('looks like this at 80 columns without colour', async () => {
    await expect(terminalComparison(comparison, PLAIN)).toMatchFileSnapshot(`golden/${verdict}.txt`);
  });

  test('looks like this in Markdown', async () => {
    await expect(markdownComparison(comparison)).toMatchFileSnapshot(`golden/${verdict}.md`);
  });

  test.each([80, 60, 40])('has no line over %i columns', (columns) => {
    for (const line of terminalComparison(comparison, { ...PLAIN, columns }).split('\n'))
      expect(line.length, line).toBeLessThanOrEqual(columns);
  });

  test('says the same with colour as without', () => {
    const coloured = terminalComparison(comparison, COLOURED);
    expect(coloured).toMatch(ESCAPE);
    expect(coloured.replaceAll(ESCAPE, '')).toBe(terminalComparison(comparison, PLAIN));
  });
});

describe('the report of a run that is worse than its baseline', () => {
  const result = withComparison({ ...resultOf(fanoutTimes(3)), verdict: 'passed' }, comparisons.regressed);
  const report: JsonReport = jsonReport([result], []);
  const unescaped = (text: string) =>
    text
      .replace(/<(?!property|failure)[^>]*>/g, ' ')
      .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
      .replaceAll('&quot;', '"')
      .replaceAll('&gt;', '>')
      .replaceAll('&lt;', '<')
      .replaceAll('`', '')
      .replaceAll(/\s+/g, ' ');

  test('has regressed, and not passed', () => {
    expect([result.verdict, report.verdict]).toEqual(['regressed', 'regressed']);
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  test('has failed when it has, whatever its baseline was', () => {
    expect(withComparison({ ...result, verdict: 'failed' }, comparisons.regressed).verdict).toBe('failed');
    expect(withComparison({ ...result, verdict: 'passed' }, comparisons.warned).verdict).toBe('passed');
  });

  test.each<[string, (report: JsonReport) => string]>([
    ['the terminal', ({ results: [one] }) => terminalReport(one as JsonResult, PLAIN)],
    ['Markdown', markdownReport],
    ['HTML', htmlReport],
    ['JUnit XML', junitReport],
  ])('tells every change in %s', (_, format) => {
    const text = unescaped(format(report));
    expect(text).toMatch(/regressed/i);
    expect(text).toContain('The server under test ended during "emit": exit code 1');
    for (const part of [
      'fanout.p99',
      '353 ms',
      '1.01 s',
      'hot.closed[4503 "Namespace connection limit reached"]',
      'beyond fanout.p99 +20% +10ms',
      'steady.cursors.lost',
      'there should be none',
      'Different machines',
    ]) {
      expect(text.replaceAll(' ', ''), part).toContain(part.replaceAll(' ', ''));
    }
  });

  test('has one failed case for it in JUnit XML, which is valid', async () => {
    const xml = junitReport(report);
    expect(await junitErrors(xml)).toEqual([]);
    expect(xml).toContain('<testsuites name="datafn-ws bench" tests="2" failures="1" errors="0"');
    expect(xml).toContain('<testcase name="nothing is worse than in the baseline"');
    const same = junitReport(jsonReport([withComparison(result, comparisons.same)], []));
    expect(same).toContain('tests="2" failures="0"');
    expect(await junitErrors(same)).toEqual([]);
  });

  test('is an error a regression and a warning a warning under GitHub Actions', () => {
    const lines = annotations(report, (source) => source).split('\n');
    expect(lines.filter((line) => line.startsWith('::error') && line.includes('fanout.p99'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('::warning') && line.includes('fanout.p50'))).toHaveLength(
      1,
    );
    expect(lines.filter((line) => line.includes('steady.cursors.lost'))).toEqual([]);
  });

  test('says nothing of a comparison when there was none', () => {
    const plain = jsonReport([resultOf()], []);
    for (const format of [markdownReport, htmlReport, junitReport])
      expect(format(plain)).not.toMatch(/against the baseline|than in the baseline/i);
    expect(terminalReport(plain.results[0] as JsonResult, PLAIN)).not.toMatch(
      /against the baseline|than in the baseline/i,
    );
  });
});

describe('the report of several runs', () => {
  const [result] = jsonReport([base], []).results as [JsonResult];

  test('looks like this at 80 columns without colour', async () => {
    await expect(terminalReport(result, PLAIN)).toMatchFileSnapshot('golden/repeated.txt');
  });

  test.each<[string, string]>([
    ['the terminal', terminalReport(result, PLAIN)],
    ['Markdown', markdownReport(jsonReport([result], []))],
    ['HTML', htmlReport(jsonReport([result], []))],
    ['JUnit XML', junitReport(jsonReport([result], []))],
  ])('has medians and ranges in %s', (_, text) => {
    expect(text.replace(/\s+/g, ' ')).toContain('3 runs, 3 passed; metrics are medians');
    for (const part of ['337 ms', '370 ms']) expect(text).toContain(part);
    expect(text).toMatch(/353 ms|name="fanout.p99 \(ms\)" value="35\d/);
  });

  test('counts the time of all of them in JUnit XML', () => {
    expect(junitReport(jsonReport([result], []))).toContain('time="37.035"');
  });
});
