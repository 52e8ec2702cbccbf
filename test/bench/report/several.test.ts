import { expect, test } from 'vitest';
import { markdownDocument, markdownReport } from '../../../src/bench/report/formats/markdown.js';
import type { JsonReport, JsonResult } from '../../../src/bench/report/schema.js';
import { reportDocument } from '../../../src/bench/report/sections/document.js';
import { filledReport } from '../filled.js';
import { terminalReport } from '../rendered.js';

/** A report with something changed in its one result. */
function changed(change: (result: JsonResult) => void): { report: JsonReport; result: JsonResult } {
  const report = structuredClone(filledReport(['accepted >= 1']));
  const [result] = report.results as [JsonResult];
  change(result);
  return { report, result };
}

const inOneLine = (text: string) => text.replace(/\s+/g, ' ');

test('pulls that failed in several ways are listed with the most frequent first, those of all cohorts together', () => {
  const { result } = changed(({ total: { cohorts } }) => {
    for (const cohort of cohorts) cohort.pullFailures = { 'HTTP 503': 4, 'not JSON': 9 };
    Object.assign(cohorts[0] ?? {}, { pullFailures: { timeout: 20 } });
  });
  expect(inOneLine(terminalReport(result))).toContain(
    'wrong answers, or none: 20 × timeout, 18 × not JSON, 8 × HTTP 503.',
  );
});

test('phases that are for another target are counted in the report', () => {
  const { report, result } = changed(({ scenario }) => {
    scenario.leftOut = ['kill the engine', 'restart the engine'];
  });
  const words = '2 phases of this scenario did not run: they are for another target.';
  expect(inOneLine(terminalReport(result))).toContain(words);
  expect(markdownReport(report)).toContain(words);
});

test('of many problems, a short report shows the first and counts the rest', () => {
  const { result } = changed((one) => {
    one.problems = Array.from({ length: 12 }, (_, index) => `problem number ${index + 1}`);
  });
  const lines = markdownDocument(reportDocument(result), 5).split('\n');
  const problems = lines.filter((line) => /^> (?:problem number|and )/.test(line));
  expect(problems).toEqual([...[1, 2, 3, 4].map((number) => `> problem number ${number}`), '> and 8 more']);
});
