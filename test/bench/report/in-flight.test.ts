import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { sumText } from '../../../src/bench/report/sections/connections.js';
import { asJson, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

/** A result in which one cohort had these counts of deliveries. */
function resultOf(counters: Record<string, number>): JsonResult {
  const measurements = emptyMeasurements(filledResult(['hot.accepted == 50']).scenario.cohorts);
  Object.assign(measurements.cohorts[0]?.tally.counters ?? {}, { attempts: 1, ...counters });
  return asJson(filledResult(['hot.accepted == 50'], { measurements }));
}

const COLUMNS = ['lost', 'duplicated', 'leaked', 'conflated', 'late'] as const;

/** How the numbers of one cohort add up; `undefined` where all that was expected was received. */
function sumOf(counters: Record<string, number>): string | undefined {
  return sumText(
    resultOf(counters).total.cohorts.slice(0, 1),
    COLUMNS.filter((name) => (counters[name] ?? 0) > 0),
  );
}

describe('what was received', () => {
  test('beyond what was expected was in flight around a join or a leave', () => {
    expect(sumOf({ expected: 10_850, received: 11_350 })).toBe(
      'Received = expected + in flight. In flight: 500 deliveries to clients that were just joining or leaving, which may arrive or not.',
    );
    expect(sumOf({ expected: 10, received: 11 })).toContain('In flight: 1 delivery to');
    expect(sumOf({ expected: 100, received: 107, lost: 3 })).toContain('− lost + in flight. In flight: 10 ');
  });

  test('and what a slow reader has yet to read is what was expected', () => {
    expect(sumOf({ expected: 100, received: 30, conflated: 60 })).toBe(
      'Received = expected − conflated − not read yet. Not read yet: 10 deliveries to slow readers.',
    );
  });

  test.each([
    ['nothing', { expected: 100, received: 100 }, undefined],
    ['what came twice', { expected: 100, received: 105, duplicated: 5 }, '+ duplicated.'],
    ['what came to the wrong client', { expected: 100, received: 103, leaked: 3 }, '+ leaked.'],
    [
      'what was lost, of which some came after all',
      { expected: 100, received: 98, lost: 4, late: 2 },
      '− lost + late.',
    ],
    ['what a slow reader skipped', { expected: 100, received: 40, conflated: 60 }, '− conflated.'],
  ])('adds up with %s', (_, counters, sum) => {
    expect(sumOf(counters)).toBe(sum && `Received = expected ${sum}`);
  });

  test('is told in every format that shows both numbers', () => {
    const result = resultOf({ expected: 10_850, received: 11_350 });
    const report = jsonReport([result], []);
    const texts = [
      terminalReport(result, { colors: new Chalk({ level: 0 }), columns: 80 }).replace(/\s+/g, ' '),
      markdownReport(report),
      htmlReport(report),
    ];
    for (const text of texts) expect(text).toContain('In flight: 500 deliveries');
    const even = resultOf({ expected: 10, received: 10 });
    expect(terminalReport(even, { colors: new Chalk({ level: 0 }), columns: 80 })).not.toContain('in flight');
  });
});
