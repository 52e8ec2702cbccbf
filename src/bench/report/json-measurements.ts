import type { Histogram } from '../measure/histogram.js';
import type { CohortMeasurement, Measurements } from '../measure/measurements.js';
import type { Tally } from '../measure/tally.js';
import { type MetricName, scopeOf } from '../verdict/metric-kinds.js';
import { METRICS } from '../verdict/metrics.js';
import type { JsonResult } from './schema.js';

type JsonMeasurements = JsonResult['total'];
type JsonMetric = JsonMeasurements['metrics'][number];
type JsonHistogram = JsonMeasurements['histograms'][string];

const UNITS = { count: 'count', duration: 'ms', rate: 'per second', size: 'bytes' } as const;

/** What else measurements have in a report. */
interface MeasurementsOptions {
  /** Whether a count differs between two runs of the same code; for measurements that are compared with those of another run. */
  readonly isNondeterministic?: (metric: MetricName) => boolean;
  /** Whether they are of a shard, and have all that it takes to merge them. */
  readonly isPart?: boolean;
}

export function unitOf(metric: string): JsonMetric['unit'] {
  return UNITS[METRICS[metric]?.kind ?? 'count'];
}

/** Measurements as a report has them. */
export function measurementsOf(
  measurements: Measurements,
  { isNondeterministic, isPart = false }: MeasurementsOptions,
): JsonMeasurements {
  const { emit, api, skew, convergence, recovery } = measurements;
  const scopes = [undefined, ...measurements.cohorts.map(({ name }) => name)].map((cohort) => ({
    cohort,
    scope: scopeOf(measurements, cohort),
  }));
  const metrics = scopes.flatMap(({ cohort, scope }) =>
    Object.entries(METRICS).flatMap(([name, { perCohort, kind, read, keyed }]) => {
      const value = cohort !== undefined && !perCohort ? undefined : read(scope, undefined);
      if (value === undefined) return [];
      const one = { name, cohort, unit: UNITS[kind] };
      const each = keyed?.(scope).map(([key, count]) => ({ ...one, key, value: count })) ?? [];
      const all: JsonMetric[] = [{ ...one, value }, ...each];
      return all.map(
        (metric): JsonMetric => ({
          ...metric,
          ...(isNondeterministic?.(metric) === true ? { nondeterministic: true } : {}),
        }),
      );
    }),
  );
  return {
    cohorts: measurements.cohorts.map((cohort) => cohortOf(cohort, isPart)),
    metrics,
    histograms: histogramsOf({
      ...reportedHistograms(scopeOf(measurements, undefined).tally),
      skew,
      convergence,
      recovery,
      emitLag: emit.lag,
      emitTime: emit.time,
      apiLatency: api.latency,
    }),
    ...(isPart ? { part: partOf(measurements) } : {}),
  };
}

/** What the rest of the report does not have, for a merge. */
function partOf({ cohorts, emit, emits, unrecovered, server }: Measurements): JsonMeasurements['part'] {
  return {
    cohorts: cohorts.map(({ unpinged, pingsOwed, pingsOverdue, cursorsOwed, leftBehind }) => ({
      ...{ unpinged, pingsOwed, pingsOverdue, cursorsOwed, leftBehind },
    })),
    emit: { broadcasts: emit.broadcasts, failed: emit.failed, delivered: emit.delivered },
    emits: emits.map(({ first, last, ...record }) => ({ ...record, first: [...first], last: [...last] })),
    unrecovered,
    server: { ...server, ...(server.closed === undefined ? {} : { closed: { ...server.closed } }) },
  };
}

function cohortOf(
  { name, behavior, clients, open, tally }: CohortMeasurement,
  isPart: boolean,
): JsonMeasurements['cohorts'][number] {
  const evidence = tally.evidence.entries().map(([counter, sighting]) => ({ counter, ...sighting }));
  const otherMessages = tally.otherMessages.entries();
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
    ...(tally.pullFailures.total === 0
      ? {}
      : { pullFailures: Object.fromEntries(tally.pullFailures.entries()) }),
    histograms: histogramsOf(isPart ? tally.histograms : reportedHistograms(tally)),
    ...(evidence.length === 0 ? {} : { evidence }),
    ...(otherMessages.length === 0 ? {} : { otherMessages }),
  };
}

/** Those that say what was measured, and not what may have been. */
function reportedHistograms({ histograms }: Tally): Record<string, Histogram> {
  return Object.fromEntries(Object.entries(histograms).filter(([name]) => !/(?:Least|Most)$/.test(name)));
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
