import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { inFlightText } from '../../../src/bench/report/sections/connections.js';
import { asJson, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

/** A result in which one cohort had these counts of deliveries. */
function resultOf(counters: Record<string, number>): JsonResult {
  const measurements = emptyMeasurements(filledResult(['hot.accepted == 50']).scenario.cohorts);
  Object.assign(measurements.cohorts[0]?.tally.counters ?? {}, { attempts: 1, ...counters });
  return asJson(filledResult(['hot.accepted == 50'], { measurements }));
}

describe('more received than expected', () => {
  test('is what was in flight around a join or a leave', () => {
    expect(inFlightText(resultOf({ expected: 10_850, received: 11_350 }))).toMatch(/^500 deliveries were/);
    expect(inFlightText(resultOf({ expected: 10, received: 11 }))).toMatch(/^1 delivery was/);
  });

  test.each([
    ['nothing', { expected: 100, received: 100 }],
    ['what came twice', { expected: 100, received: 105, duplicated: 5 }],
    ['what came to the wrong client', { expected: 100, received: 103, leaked: 3 }],
    ['what was lost, and came after all', { expected: 100, received: 100, lost: 4, late: 4 }],
    ['what a slow reader skipped', { expected: 100, received: 40, conflated: 60 }],
  ])('is not %s', (_, counters) => {
    expect(inFlightText(resultOf(counters))).toBeUndefined();
  });

  test('is found beside what was lost meanwhile', () => {
    expect(inFlightText(resultOf({ expected: 100, received: 107, lost: 3 }))).toMatch(/^10 deliveries/);
  });

  test('is told in every format that shows both numbers', () => {
    const result = resultOf({ expected: 10_850, received: 11_350 });
    const report = jsonReport([result], []);
    const texts = [
      terminalReport(result, { colors: new Chalk({ level: 0 }), columns: 80 }).replace(/\s+/g, ' '),
      markdownReport(report),
      htmlReport(report),
    ];
    for (const text of texts) expect(text).toContain(inFlightText(result));
    const even = resultOf({ expected: 10, received: 10 });
    expect(terminalReport(even, { colors: new Chalk({ level: 0 }), columns: 80 })).not.toContain('in flight');
  });
});
