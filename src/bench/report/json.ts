import { maskedUrl } from '../../options/urls.js';
import { shellWord } from '../../text/shell.js';
import type { Comparison } from '../compare/comparison.js';
import { isNondeterministic } from '../compare/judge.js';
import { REPORT_VERSION } from '../compare/older-versions.js';
import type { Histogram } from '../measure/histogram.js';
import type { CohortMeasurement, Measurements } from '../measure/measurements.js';
import type { Tally } from '../measure/tally.js';
import { allOutcomes, type RunOutcome, type RunResult, verdictOf } from '../model/result.js';
import { clientCount, type Scenario } from '../model/scenario.js';
import { scopeOf } from '../verdict/metric-kinds.js';
import { METRICS } from '../verdict/metrics.js';
import { evidenceFor, refusalsFor, settingsAsked } from './evidence.js';
import { meaningOf } from './explanation.js';
import type { JsonReport, JsonResult } from './schema.js';

type JsonMeasurements = JsonResult['total'];
type JsonMetric = JsonMeasurements['metrics'][number];
type JsonHistogram = JsonMeasurements['histograms'][string];

/** Facts of a run that its result does not know. */
export interface RunContext {
  readonly version: string;
  readonly machine: JsonResult['machine'];
  /** The commit that is tested, if it is known. */
  readonly revision?: string | undefined;
}

const UNITS = { count: 'count', duration: 'ms', rate: 'per second', size: 'bytes' } as const;

/** The report of all that was run, and of what was not. */
export function jsonReport(results: readonly JsonResult[], notRun: JsonReport['notRun']): JsonReport {
  return {
    version: REPORT_VERSION,
    verdict: notRun.length > 0 ? 'aborted' : worstVerdict(results.map(({ verdict }) => verdict)),
    results: [...results],
    notRun,
  };
}

/** Of several verdicts, the one that weighs most. */
export function worstVerdict(verdicts: readonly JsonResult['verdict'][]): JsonResult['verdict'] {
  const order = ['aborted', 'invalid', 'failed', 'regressed'] as const;
  return order.find((one) => verdicts.includes(one)) ?? 'passed';
}

/** A result with what is different from the baseline. One that passed, and is worse, has regressed. */
export function withComparison(result: JsonResult, comparison: Comparison): JsonResult {
  const isWorse = result.verdict === 'passed' && comparison.verdict === 'regressed';
  return { ...result, ...(isWorse ? { verdict: 'regressed' } : {}), comparison };
}

/** The result as data: what the other formats are made from, and what is compared later. */
export function jsonResult(result: RunResult, { version, machine, revision }: RunContext): JsonResult {
  const { scenario, target } = result;
  const { name, summary, source, sha256, seed, overrides, changes } = scenario;
  const verdict = verdictOf(result);
  return {
    version: REPORT_VERSION,
    tool: { name: 'datafn-ws', version },
    verdict,
    aborted: result.aborted,
    invalid: result.invalid.length > 0,
    invalidReasons: [...result.invalid],
    problems: [...result.problems],
    startedAt: result.startedAt.toISOString(),
    durationMs: Math.round(result.durationMs),
    ...(revision === undefined ? {} : { revision }),
    replay: replayCommand(result),
    machine,
    target: {
      urls: target.urls.map(maskedUrl),
      isOwn: target.isOwn,
      ...(target.cluster === undefined ? {} : { cluster: target.cluster }),
      ...(target.namespacePrefix ? { namespacePrefix: target.namespacePrefix } : {}),
    },
    scenario: {
      name,
      summary,
      source,
      sha256,
      seed,
      overrides: [...overrides],
      changes: changes.map(({ path, value, before }) => ({
        path,
        value,
        before,
      })),
      clients: clientCount(scenario),
      serverFlags: [...scenario.serverFlags],
      ...(scenario.leftOut === undefined ? {} : { leftOut: [...scenario.leftOut] }),
    },
    expectations: expectationsOf(result, verdict),
    total: measurementsOf(result.measurements, scenario),
    phases: result.phases.map(({ phase, isFinished, startMs, durationMs, measurements }) => ({
      label: phase.label,
      kind: phase.kind,
      isFinished,
      startMs: Math.round(startMs),
      durationMs: Math.round(durationMs),
      measurements: measurementsOf(measurements),
    })),
    timeline: [...result.timeline],
    generator: result.workers.map(({ maxCpu, maxDelayP99Ms, maxDelayMs, maxRunQueueWait }) => ({
      maxCpu,
      maxDelayP99Ms,
      maxDelayMs,
      maxRunQueueWait,
    })),
  };
}

function expectationsOf(result: RunResult, verdict: JsonResult['verdict']): JsonResult['expectations'] {
  const all = allOutcomes(result);
  const judged = all.map((outcome) => ({ ...outcome, rule: outcome.expectation.rule }));
  return all.map((outcome) => expectationOf(outcome, judged, result, verdict));
}

function expectationOf(
  outcome: RunOutcome,
  all: Parameters<typeof refusalsFor>[1],
  { measurements, phases, scenario, target }: RunResult,
  verdict: JsonResult['verdict'],
): JsonResult['expectations'][number] {
  const { phase, passed, actual, shown, isReached, notMeasurable } = outcome;
  const { text, line, rule, isImplicit } = outcome.expectation;
  // Where the run was stopped early, or tells nothing of the server, that is what it means.
  const isTelling = verdict === 'failed' && !passed && isReached;
  const said =
    notMeasurable === undefined
      ? [meaningOf(rule, actual), target.isOwn ? undefined : settingsAsked(rule, scenario)]
      : [`With --strict, a rule that is not measurable fails: ${notMeasurable}.`];
  const meaning = isTelling ? said.filter((one) => one !== undefined).join(' ') || undefined : undefined;
  const ofPhase = phases.find((one) => one.phase === phase);
  const seen = ofPhase?.measurements ?? measurements;
  const evidence =
    passed || !isReached || notMeasurable !== undefined
      ? []
      : [...evidenceFor(rule, seen), ...refusalsFor({ ...outcome, rule }, all, seen)];
  return {
    rule: text,
    line,
    ...(isImplicit === true ? { implicit: true } : {}),
    phase: phase?.label,
    cohort: rule.cohort,
    metric: rule.metric,
    key: rule.key,
    operator: rule.operator,
    expected: rule.value,
    passed,
    notMeasurable,
    ...(isReached ? {} : { notReached: true }),
    actual,
    unit: UNITS[METRICS[rule.metric]?.kind ?? 'count'],
    shown,
    meaning,
    ...(evidence.length === 0 ? {} : { evidence }),
  };
}

/** With a scenario, metrics also have what it takes to compare them with those of another run. */
function measurementsOf(measurements: Measurements, scenario?: Scenario): JsonMeasurements {
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
      if (scenario === undefined) return all;
      return all.map(
        (metric): JsonMetric => ({
          ...metric,
          ...(isNondeterministic(scenario, metric) ? { nondeterministic: true } : {}),
        }),
      );
    }),
  );
  return {
    cohorts: measurements.cohorts.map(cohortOf),
    metrics,
    histograms: histogramsOf({
      ...reportedHistograms(scopeOf(measurements, undefined).tally),
      skew,
      convergence,
      recovery,
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
    histograms: histogramsOf(reportedHistograms(tally)),
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

/** The command that repeats a run, with the same random choices. */
export function replayCommand({ scenario, target }: RunResult): string {
  const name = /[\\/]scenarios[\\/][\w-]+\.yaml$/.test(scenario.source) ? scenario.name : scenario.source;
  return [
    'npx datafn-ws bench',
    shellWord(name),
    `--seed ${scenario.seed}`,
    ...scenario.overrides.map((override) => `--set ${shellWord(override)}`),
    ...(target.isOwn ? [] : target.urls.map((url) => `--url ${shellWord(maskedUrl(url))}`)),
    ...(target.serverCommand === undefined ? [] : [`--server-command ${shellWord(target.serverCommand)}`]),
    ...(target.flags ?? []),
  ].join(' ');
}
