import { expect, test } from 'vitest';
import { compareResults } from '../../../src/bench/compare/compare.js';
import { overallText } from '../../../src/bench/report/facts.js';
import { jsonReport, withComparison } from '../../../src/bench/report/json.js';
import { repeatedResult } from '../../../src/bench/report/repeated.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { asJson, filledResult } from '../filled.js';
import { verdictText } from '../rendered.js';

const HOLDS = ['hot.accepted == 50', 'fanout.p99 < 2s'];
const FAILS = ['steady.accepted == 999', 'cursors.lost == 0'];
const result = (rules: readonly string[], parts: Parameters<typeof filledResult>[1] = {}) =>
  asJson(filledResult(rules, parts));

const passed = result(HOLDS);
const failed = result([...HOLDS, ...FAILS]);

test.each<[string, JsonResult, string]>([
  ['passed', passed, 'PASSED sample: 2 of 2 rules held in 12.3 s'],
  ['failed', failed, 'FAILED sample: 2 of 4 rules failed in 12.3 s'],
  [
    'failed without a rule that did',
    result(HOLDS, { problems: ['the server ended'] }),
    'FAILED sample: 2 of 2 rules held in 12.3 s, but 1 other thing went wrong',
  ],
  [
    'is invalid',
    result(HOLDS, { invalid: ['Worker 1 died'] }),
    'INVALID sample: this run of 12.3 s says nothing about the server',
  ],
  [
    'was stopped',
    result([...HOLDS, ...FAILS], { aborted: true }),
    'ABORTED sample: 2 of 4 rules held when it was stopped after 12.3 s',
  ],
  [
    'passed each time',
    repeatedResult([passed, passed, passed], 3),
    'PASSED sample: 2 of 2 rules held in 3 runs, 37 s',
  ],
])('a run that %s is told in a sentence', (_, one, sentence) => {
  expect(verdictText(one)).toBe(sentence);
});

test('a run that is worse than its baseline says by how many regressions', () => {
  const worse = result(['hot.accepted == 50']);
  for (const metric of worse.total.metrics)
    if (metric.name === 'cursors.lost' && metric.cohort === 'hot') metric.value += 1;
  const compared = withComparison(worse, compareResults(result(['hot.accepted == 50']), worse, []));
  expect(verdictText(compared)).toBe(
    'REGRESSED sample: 1 regression against the baseline, 1 of 1 rule held in 12.3 s',
  );
});

test('several scenarios are told as their sum', () => {
  expect(overallText(jsonReport([passed, passed], []))).toBe('4 of 4 rules held in 24.7 s');
  expect(overallText(jsonReport([passed, failed, passed], []))).toBe(
    '2 passed, 1 failed; 6 of 8 rules held in 37 s',
  );
  const notRun = [{ name: 'later', source: 'later.yaml', reason: 'stopped' }];
  expect(overallText(jsonReport([failed], notRun))).toBe('1 failed, 1 not run; 2 of 4 rules held in 12.3 s');
  expect(overallText(jsonReport([], notRun))).toBe('1 not run');
});
