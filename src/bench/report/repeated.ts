import { valueText } from '../verdict/metric-kinds.js';
import { standingOf } from './facts.js';
import { worstVerdict } from './json.js';
import type { JsonResult } from './schema.js';

type JsonExpectation = JsonResult['expectations'][number];
type JsonMetric = JsonResult['total']['metrics'][number];

/**
 * Makes one result of several runs of the same scenario: its metrics are medians with the least and the greatest value,
 * and a rule has held if it did in every run. What cannot be a median (phases, charts, ledgers) is that of one run.
 *
 * @param runs at least one; fewer than `times` when it was stopped before it was over.
 */
export function repeatedResult(runs: readonly JsonResult[], times: number): JsonResult {
  const shown = shownRun(runs);
  const one = runs[shown] as JsonResult;
  const aborted = runs.length < times || runs.some((run) => run.aborted);
  const eachOf = (reasons: (run: JsonResult) => readonly string[]) =>
    runs.flatMap((run, index) => reasons(run).map((reason) => `Run ${index + 1}: ${reason}`));
  return {
    ...one,
    verdict: aborted ? 'aborted' : worstVerdict(runs.map(({ verdict }) => verdict)),
    aborted,
    invalid: runs.some(({ invalid }) => invalid),
    invalidReasons: eachOf(({ invalidReasons }) => invalidReasons),
    problems: eachOf(({ problems }) => problems),
    startedAt: runs[0]?.startedAt ?? one.startedAt,
    replay: `${one.replay} --repeat ${times}`,
    repeat: {
      times,
      runs: runs.map(({ verdict, startedAt, durationMs, expectations }) => ({
        verdict,
        startedAt,
        durationMs,
        failed: expectations.filter((one) => standingOf(one) === 'failed').map(({ rule }) => rule),
      })),
      shown: shown + 1,
    },
    expectations: one.expectations.map((expectation) => judgedInAll(expectation, runs)),
    total: { ...one.total, metrics: medians(runs) },
  };
}

/** The first run that did not pass, or the one with the median fan-out latency. */
function shownRun(runs: readonly JsonResult[]): number {
  const failed = runs.findIndex(({ verdict }) => verdict !== 'passed');
  if (failed >= 0) return failed;
  const latencies = runs.map(({ total }) => total.histograms.fanout?.p99 ?? 0);
  return latencies.indexOf(medianOf(latencies));
}

/** An expectation with what was found in all runs, or in the first in which it did not hold. */
function judgedInAll(expectation: JsonExpectation, runs: readonly JsonResult[]): JsonExpectation {
  const { rule, phase, unit } = expectation;
  const each = runs.map(({ expectations }) =>
    expectations.find((one) => one.rule === rule && one.phase === phase),
  );
  const failed = each.findIndex((one) => one?.passed === false);
  const worst = each[failed];
  if (worst !== undefined) return { ...worst, shown: `${worst.shown} in run ${failed + 1}` };
  const values = each.flatMap((one) => one?.actual ?? []);
  if (values.length === 0) return expectation;
  const actual = medianOf(values);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const within = low === high ? '' : ` (${valueText(low, unit)} to ${valueText(high, unit)})`;
  return { ...expectation, actual, shown: `${valueText(actual, unit)}${within}` };
}

/** Every metric that any run has. A run in which a count has no entry counted none. */
function medians(runs: readonly JsonResult[]): JsonMetric[] {
  const byName = new Map<string, JsonMetric[]>();
  for (const { total } of runs) {
    for (const metric of total.metrics) {
      const id = JSON.stringify([metric.cohort, metric.name, metric.key]);
      byName.set(id, [...(byName.get(id) ?? []), metric]);
    }
  }
  return [...byName.values()].map((found) => {
    const values = found.map(({ value }) => value);
    const [first] = found as [JsonMetric];
    if (first.unit === 'count') {
      while (values.length < runs.length) values.push(0);
    }
    return {
      ...first,
      value: medianOf(values),
      spread: { low: Math.min(...values), high: Math.max(...values) },
    };
  });
}

/** The value in the middle; of an even number of them the lower of the two, so that it is one that was measured. */
function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length / 2) - 1] ?? 0;
}
