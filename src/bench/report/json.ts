import { z } from 'zod';
import { REFUSAL_CODES } from '../../protocol/close-codes.js';
import type { Histogram } from '../measure/histogram.js';
import type { CohortMeasurement, Measurements } from '../measure/measurements.js';
import { allOutcomes, type RunResult, verdictOf } from '../result.js';
import { METRICS, scopeOf } from '../verdict/metrics.js';
import { replayCommand } from './replay.js';

const text = z.string();
const number = z.number();
const count = z.int().nonnegative();
const counts = z.record(text, count);

const histogram = z
  .strictObject({
    unit: z.literal('ms'),
    count,
    min: number,
    mean: number,
    p50: number,
    p90: number,
    p99: number,
    max: number,
    buckets: z
      .array(number)
      .describe(
        'Bucket, count, bucket, count, …: histograms of several runs add up by adding the counts of a bucket.',
      ),
  })
  .describe('Durations. Bucket b below 128 is b µs; above, 128·2^k buckets of 2^k µs for each k from 0.');

const metric = z.strictObject({
  name: text.describe('As a rule names it, without the cohort.'),
  cohort: text.optional().describe('Whose; of all together when it is left out.'),
  unit: z.enum(['count', 'ms', 'per second', 'bytes']),
  value: number,
});

const cohort = z.strictObject({
  name: text,
  behavior: text,
  clients: count,
  open: count.describe('Connected at the end.'),
  accepted: count,
  counters: counts,
  closed: counts.describe('Connections that the server ended, by close code and reason.'),
  rejected: counts.describe('Handshakes answered with an HTTP error, by status.'),
  errors: counts.describe('Handshakes that failed below HTTP, by error code.'),
  histograms: z.record(text, histogram),
});

const measurements = z.strictObject({
  cohorts: z.array(cohort),
  metrics: z.array(metric).describe('Every metric that has samples.'),
  histograms: z.record(text, histogram).describe('Of all cohorts together.'),
});

const expectation = z.strictObject({
  rule: text,
  line: count.describe('Where the rule stands in the scenario file.'),
  phase: text.optional().describe('The phase that it is about; the whole run when it is left out.'),
  passed: z.boolean(),
  actual: number
    .optional()
    .describe('In the unit of the metric; nothing when there were no samples, which fails.'),
  unit: z.enum(['count', 'ms', 'per second', 'bytes']),
  shown: text.describe('The actual value for people.'),
});

/** The JSON result of a run.  */
export const resultSchema = z.strictObject({
  version: z.literal(1).describe('Version of this format.'),
  tool: z.strictObject({ name: z.literal('datafn-ws'), version: text }),
  verdict: z.enum(['passed', 'failed', 'invalid', 'aborted']),
  aborted: z.boolean().describe('Somebody stopped it before it was over: the numbers are of a part of it.'),
  invalid: z.array(text).describe('Why the result says nothing of the server; empty for one that does.'),
  problems: z.array(text).describe('What went wrong with the server besides the expectations.'),
  startedAt: text.describe('ISO 8601.'),
  durationMs: number,
  replay: text.describe('The command that repeats the run, with the same random choices.'),
  machine: z.strictObject({ node: text, platform: text, arch: text, cores: count, memoryBytes: number }),
  target: z.strictObject({ urls: z.array(text), isOwn: z.boolean() }),
  scenario: z.strictObject({
    name: text,
    summary: text,
    source: text,
    sha256: text.describe('Of the scenario file and what was changed with --set.'),
    seed: count,
    overrides: z.array(text),
    clients: count,
  }),
  expectations: z.array(expectation),
  total: measurements,
  phases: z.array(
    z.strictObject({ label: text, kind: text, startMs: number, durationMs: number, measurements }),
  ),
  timeline: z.array(
    z.strictObject({
      atMs: number,
      open: count,
      deliveriesPerSecond: number,
      fanoutP50Ms: number.optional(),
      fanoutP99Ms: number.optional(),
      workerDelayP99Ms: number.optional(),
      serverRssBytes: number.optional(),
      serverDelayMaxMs: number.optional(),
    }),
  ),
  generator: z.array(
    z.strictObject({
      maxCpu: number.describe('Share of a core in the busiest second.'),
      maxDelayP99Ms: number,
      maxRunQueueWait: number.optional().describe('Share of a second spent waiting for a core.'),
    }),
  ),
});

export type JsonResult = z.infer<typeof resultSchema>;

/** The JSON report of one call of bench: a result a scenario. */
export const reportSchema = z.strictObject({
  version: z.literal(1).describe('Version of this format.'),
  verdict: z.enum(['passed', 'failed', 'invalid', 'aborted']).describe('The one verdict of all results.'),
  results: z.array(resultSchema),
  notRun: z.array(text).describe('Scenarios that it did not come to.'),
});

export type JsonReport = z.infer<typeof reportSchema>;

/** Of several verdicts, the one that weighs most. */
export function overallVerdict(verdicts: readonly JsonResult['verdict'][]): JsonResult['verdict'] {
  return (['aborted', 'invalid', 'failed'] as const).find((one) => verdicts.includes(one)) ?? 'passed';
}

/** Facts of a run that its result does not know. */
export interface RunContext {
  readonly version: string;
  readonly machine: JsonResult['machine'];
}

const UNITS = { count: 'count', duration: 'ms', rate: 'per second', size: 'bytes' } as const;

/** The result as data: what the other formats are made from, and what is compared later. */
export function jsonResult(result: RunResult, { version, machine }: RunContext): JsonResult {
  const { scenario, target } = result;
  const { name, summary, source, sha256, seed, overrides } = scenario;
  return {
    version: 1,
    tool: { name: 'datafn-ws', version },
    verdict: verdictOf(result),
    aborted: result.aborted,
    invalid: [...result.invalid],
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
    expectations: allOutcomes(result).map(({ expectation, phase, passed, actual, shown }) => ({
      rule: expectation.text,
      line: expectation.line,
      ...(phase === undefined ? {} : { phase: phase.label }),
      passed,
      ...(actual === undefined ? {} : { actual }),
      unit: UNITS[METRICS[expectation.rule.metric]?.kind ?? 'count'],
      shown,
    })),
    total: measurementsOf(result.measurements),
    phases: result.phases.map(({ phase, startMs, durationMs, measurements }) => ({
      label: phase.label,
      kind: phase.kind,
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

function measurementsOf(measurements: Measurements): JsonResult['total'] {
  const { emit, api, skew, convergence } = measurements;
  const scopes = [undefined, ...measurements.cohorts.map(({ name }) => name)].map((cohort) => ({
    cohort,
    scope: scopeOf(measurements, cohort),
  }));
  const metrics = scopes.flatMap(({ cohort, scope }) =>
    Object.entries(METRICS).flatMap(([name, { perCohort, kind, read }]) => {
      const value = cohort !== undefined && !perCohort ? undefined : read(scope, undefined);
      return value === undefined
        ? []
        : [{ name, ...(cohort === undefined ? {} : { cohort }), unit: UNITS[kind], value }];
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
}: CohortMeasurement): JsonResult['total']['cohorts'][number] {
  const closed = tally.closed.entries();
  const refused = closed.filter(([key]) => REFUSAL_CODES.has(Number(key.split(' ', 1)[0])));
  return {
    name,
    behavior,
    clients,
    open,
    accepted: tally.counters.opened - refused.reduce((total, [, count]) => total + count, 0),
    counters: { ...tally.counters },
    closed: Object.fromEntries(closed),
    rejected: Object.fromEntries(tally.rejected.entries()),
    errors: Object.fromEntries(tally.errors.entries()),
    histograms: histogramsOf(tally.histograms),
  };
}

function histogramsOf(
  histograms: Readonly<Record<string, Histogram>>,
): Record<string, z.infer<typeof histogram>> {
  return Object.fromEntries(
    Object.entries(histograms)
      .filter(([, { count }]) => count > 0)
      .map(([name, one]) => [name, histogramOf(one)]),
  );
}

function histogramOf(one: Histogram): z.infer<typeof histogram> {
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
