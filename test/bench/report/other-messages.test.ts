import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import type { JsonReport, JsonResult } from '../../../src/bench/report/schema.js';
import { otherMessagesOf } from '../../../src/bench/report/sections/connections.js';
import { insteadOfCursors } from '../../../src/bench/verdict/judge.js';
import { judge, parseRule, type Rule } from '../../../src/bench/verdict/rule.js';
import { asJson, filledReport, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

const COHORTS = [
  { name: 'users', clients: 9, behavior: 'healthy' },
  { name: 'others', clients: 9, behavior: 'healthy' },
] as const;

/** Measurements in which messages that are not cursors came to the first cohort, and nothing else. */
function measured(kinds: Readonly<Record<string, number>>, counters: Readonly<Record<string, number>> = {}) {
  const measurements = emptyMeasurements(COHORTS);
  const [{ tally }] = measurements.cohorts as [(typeof measurements.cohorts)[number]];
  Object.assign(tally.counters, { attempts: 9, expected: 12, ...counters });
  for (const [kind, count] of Object.entries(kinds)) {
    const first = { client: 3, namespace: 'a', text: `{"of":${JSON.stringify(kind)}}` };
    tally.otherMessages.note(kind, 40, () => first, count);
  }
  return measurements;
}

const FORMATS: Readonly<Record<string, (report: JsonReport) => string>> = {
  terminal: ({ results }) =>
    results
      .map((result) => terminalReport(result, { colors: new Chalk({ level: 0 }), columns: 80 }))
      .join('\n'),
  Markdown: markdownReport,
  HTML: htmlReport,
  JUnit: junitReport,
};

/** The words of a report, without marks of its format. */
const wordsOf = (text: string) =>
  text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replace(/\s+/g, ' ');

describe('messages that are not cursors', () => {
  test.each(Object.entries(FORMATS))('are told in %s, with the first of each kind', (_, render) => {
    expect(wordsOf(render(filledReport(['steady.accepted == 1000'])))).toContain(
      'Cohort steady got 1,000 messages (type "welcome"). The first, at 105 ms, to client bench-steady-4 of user:5: {"type":"welcome"}',
    );
  });

  test.each(Object.entries(FORMATS))('are not told of in %s where there were none', (_, render) => {
    const report = filledReport(['steady.accepted == 1000']);
    const without = report.results.map((result) => ({
      ...result,
      total: { ...result.total, cohorts: result.total.cohorts.map(({ otherMessages, ...rest }) => rest) },
    }));
    expect(render({ ...report, results: without })).not.toMatch(/are not cursors/);
  });

  test('are told of in so many words at most, however many cohorts there are', () => {
    const result = asJson(filledResult(['steady.accepted == 1000']));
    const [cohort] = result.total.cohorts as [JsonResult['total']['cohorts'][number]];
    const cohorts = Array.from({ length: 1000 }, (_, index) => ({ ...cohort, name: `c${index}` }));
    const told = otherMessagesOf({ ...result, total: { ...result.total, cohorts } });
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toBe('980 further kinds: see the JSON report');
  });

  test('are a metric, of one cohort or of all', () => {
    const actual = (rule: string) =>
      judge(parseRule(rule, ['users', 'others']) as Rule, measured({ binary: 3, 'type "x"': 4 })).actual;
    expect(actual('messages.other == 0')).toBe(7);
    expect(actual('users.messages.other == 0')).toBe(7);
    expect(actual('others.messages.other == 0')).toBeUndefined();
  });
});

describe('where cursors had to arrive, and nothing that arrived is one', () => {
  const kinds = { 'JSON without a type': 12, 'type "welcome"': 9, binary: 2, 'type "x"': 1, 'type "y"': 1 };

  test('it is said what did, the most frequent first', () => {
    expect(insteadOfCursors(measured(kinds))).toEqual([
      'No cursor arrived, but 12 deliveries should have. What arrived: 12 of JSON without a type, such as {"of":"JSON without a type"}; 9 of type "welcome", such as {"of":"type \\"welcome\\""}; 2 of binary, such as {"of":"binary"}; and 2 other kinds. Clients recognize a cursor by JSON with "type":"cursor" and a "cursor"',
    ]);
  });

  test.each<[string, Parameters<typeof measured>]>([
    ['a cursor arrived', [kinds, { received: 1 }]],
    ['a cursor of somebody else arrived', [kinds, { foreign: 1 }]],
    ['none had to', [kinds, { expected: 0 }]],
    ['nothing arrived at all', [{}]],
  ])('nothing is said where %s', (_, args) => {
    expect(insteadOfCursors(measured(...args))).toEqual([]);
  });

  test('every format says so near its beginning', () => {
    const problems = insteadOfCursors(measured(kinds));
    const report = jsonReport([asJson(filledResult(['steady.accepted == 1000'], { problems }))], []);
    expect(report.verdict).toBe('failed');
    for (const [format, render] of Object.entries(FORMATS)) {
      const words = wordsOf(
        render(report)
          .replace(/<style>.*?<\/style>/s, '')
          .replace(/^ +! /gm, ''),
      );
      expect(words, format).toContain('No cursor arrived');
    }
    const lines = FORMATS.terminal?.(report).split('\n') ?? [];
    expect(lines.findIndex((line) => line.includes('Nothing that arrived'))).toBeLessThan(8);
  });
});
