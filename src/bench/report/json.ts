import type { Histogram } from '../measure/histogram.js';
import type { CohortMeasurement, Measurements } from '../measure/measurements.js';
import { allOutcomes, type RunResult, verdictOf } from '../result.js';
import { METRICS, scopeOf } from '../verdict/metrics.js';
import { replayCommand } from './replay.js';
import type { JsonReport, JsonResult } from './schema.js';

type JsonMeasurements = JsonResult['total'];
type JsonHistogram = JsonMeasurements['histograms'][string];

/** Facts of a run that its result does not know. */
export interface RunContext {
  readonly version: string;
  readonly machine: JsonResult['machine'];
}

const UNITS = { count: 'count', duration: 'ms', rate: 'per second', size: 'bytes' } as const;

/** The report of all that was run, and of what was not. */
export function jsonReport(results: readonly JsonResult[], notRun: JsonReport['notRun']): JsonReport {
  const verdicts = results.map(({ verdict }) => verdict);
  const worst = (['aborted', 'invalid', 'failed'] as const).find((one) => verdicts.includes(one));
  return {
    version: 1,
    verdict: notRun.length > 0 ? 'aborted' : (worst ?? 'passed'),
    results: [...results],
    notRun,
  };
}

/** The result as data: what the other formats are made from, and what is compared later. */
export function jsonResult(result: RunResult, { version, machine }: RunContext): JsonResult {
  const { scenario, target } = result;
  const { name, summary, source, sha256, seed, overrides } = scenario;
  return {
    version: 1,
    tool: { name: 'datafn-ws', version },
    verdict: verdictOf(result),
    aborted: result.aborted,
    invalid: result.invalid.length > 0,
    invalidReasons: [...result.invalid],
    problems: [...result.problems],
    startedAt: result.startedAt.toISOString(),
    durationMs: Math.round(result.durationMs),
    replay: replayCommand(result),
    machine,
    target: { urls: [...target.urls], isOwn: target.isOwn },
    scenario: {
      name,
      summary,
      source,
      sha256,
      seed,
      overrides: [...overrides],
      clients: scenario.cohorts.reduce((total, { clients }) => total + clients, 0),
    },
    expectations: allOutcomes(result).map(({ expectation: { text, line, rule }, phase, ...outcome }) => ({
      rule: text,
      line,
      ...(phase === undefined ? {} : { phase: phase.label }),
      ...(rule.cohort === undefined ? {} : { cohort: rule.cohort }),
      metric: rule.metric,
      ...(rule.key === undefined ? {} : { key: rule.key }),
      operator: rule.operator,
      expected: rule.value,
      passed: outcome.passed,
      ...(outcome.actual === undefined ? {} : { actual: outcome.actual }),
      unit: UNITS[METRICS[rule.metric]?.kind ?? 'count'],
      shown: outcome.shown,
    })),
    total: measurementsOf(result.measurements),
    phases: result.phases.map(({ phase, isFinished, startMs, durationMs, measurements }) => ({
      label: phase.label,
      kind: phase.kind,
      isFinished,
      startMs: Math.round(startMs),
      durationMs: Math.round(durationMs),
      measurements: measurementsOf(measurements),
    })),
    timeline: [...result.timeline],
    generator: result.workers.map(({ maxCpu, maxDelayP99Ms, maxRunQueueWait }) => ({
      maxCpu,
      maxDelayP99Ms,
      ...(maxRunQueueWait === undefined ? {} : { maxRunQueueWait }),
    })),
  };
}

function measurementsOf(measurements: Measurements): JsonMeasurements {
  const { emit, api, skew, convergence } = measurements;
  const scopes = [undefined, ...measurements.cohorts.map(({ name }) => name)].map((cohort) => ({
    cohort,
    scope: scopeOf(measurements, cohort),
  }));
  const metrics = scopes.flatMap(({ cohort, scope }) =>
    Object.entries(METRICS).flatMap(([name, { perCohort, kind, read, keyed }]) => {
      const value = cohort !== undefined && !perCohort ? undefined : read(scope, undefined);
      if (value === undefined) return [];
      const one = { name, ...(cohort === undefined ? {} : { cohort }), unit: UNITS[kind] };
      const each = keyed?.(scope).map(([key, count]) => ({ ...one, key, value: count })) ?? [];
      return [{ ...one, value }, ...each];
    }),
  );
  return {
    cohorts: measurements.cohorts.map(cohortOf),
    metrics,
    histograms: histogramsOf({
      ...scopeOf(measurements, undefined).tally.histograms,
      skew,
      convergence,
      emitLag: emit.lag,
      apiLatency: api.latency,
    }),
  };
}

function cohortOf({
  name,
  behavior,
  clients,
  open,
  tally,
}: CohortMeasurement): JsonMeasurements['cohorts'][number] {
  return {
    name,
    behavior,
    clients,
    open,
    accepted: tally.accepted,
    counters: { ...tally.counters },
    closed: Object.fromEntries(tally.closed.entries()),
    rejected: Object.fromEntries(tally.rejected.entries()),
    errors: Object.fromEntries(tally.errors.entries()),
    histograms: histogramsOf(tally.histograms),
  };
}

function histogramsOf(histograms: Readonly<Record<string, Histogram>>): Record<string, JsonHistogram> {
  return Object.fromEntries(
    Object.entries(histograms)
      .filter(([, { count }]) => count > 0)
      .map(([name, one]) => [name, histogramOf(one)]),
  );
}

function histogramOf(one: Histogram): JsonHistogram {
  const { count, buckets } = one.toData();
  const percentile = (percent: number) => one.percentileMs(percent) ?? 0;
  return {
    unit: 'ms',
    count,
    min: one.minMs ?? 0,
    mean: one.meanMs ?? 0,
    p50: percentile(50),
    p90: percentile(90),
    p99: percentile(99),
    max: one.maxMs ?? 0,
    buckets: [...buckets],
  };
}
