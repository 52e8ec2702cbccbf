import { type FailRule, parseFailRule } from '../../../src/bench/compare/judge.js';
import { Histogram } from '../../../src/bench/measure/histogram.js';
import type { Measurements } from '../../../src/bench/measure/measurements.js';
import { repeatedResult } from '../../../src/bench/report/repeated.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { asJson, filledMeasurements, filledResult } from '../filled.js';

export const COHORTS = ['steady', 'hot', 'silent'];

/** A result as it would be if `change` had happened. */
export function resultOf(
  change: (measurements: Measurements) => void = () => {},
  rules: readonly string[] = ['steady.accepted == 1000'],
): JsonResult {
  const measurements = filledMeasurements();
  change(measurements);
  return asJson(filledResult(rules, { measurements }));
}

/** One result of several runs, in each of which something else had happened. */
export function repeatedOf(...changes: ((measurements: Measurements) => void)[]): JsonResult {
  return repeatedResult(
    changes.map((change) => resultOf(change)),
    changes.length,
  );
}

/** Rules of `--fail-on`, which must be valid. */
export function failOn(...texts: string[]): FailRule[] {
  return texts.map((text) => {
    const rule = parseFailRule(text, COHORTS);
    if (typeof rule === 'string') throw new Error(rule);
    return rule;
  });
}

/** The tally of a cohort of measurements. */
export function tallyOf(measurements: Measurements, cohort: string) {
  const found = measurements.cohorts.find(({ name }) => name === cohort);
  if (found === undefined) throw new Error(`no cohort ${cohort}`);
  return found.tally;
}

/** Makes every fan-out latency so many times as long. */
export function fanoutTimes(factor: number) {
  return (measurements: Measurements) => {
    for (const { tally } of measurements.cohorts) {
      const fanout = new Histogram();
      // As in the measurements themselves, for a factor of 1.
      for (let sample = 1; sample <= 100; sample++) fanout.record(sample * 2 * 1.7 * factor);
      Object.assign(tally.histograms, { fanout });
    }
  };
}
