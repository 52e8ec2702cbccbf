import { maskedUrl } from '../../options/urls.js';
import { shellWord } from '../../text/shell.js';
import type { Comparison } from '../compare/comparison.js';
import { isNondeterministic } from '../compare/judge.js';
import { REPORT_VERSION } from '../compare/older-versions.js';
import type { Measurements } from '../measure/measurements.js';
import {
  allOutcomes,
  type RunOutcome,
  type RunResult,
  type ShardResult,
  verdictOf,
} from '../model/result.js';
import { clientCount } from '../model/scenario.js';
import type { MetricName } from '../verdict/metric-kinds.js';
import { evidenceFor, refusalsFor, settingsAsked } from './evidence.js';
import { meaningOf } from './explanation.js';
import { measurementsOf, unitOf } from './json-measurements.js';
import type { JsonReport, JsonResult } from './schema.js';

/** Facts of a run that its result does not know. */
export interface RunContext {
  readonly version: string;
  readonly machine: JsonResult['machine'];
  /** The commit that is tested, if it is known. */
  readonly revision?: string | undefined;
}

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
  const { scenario, target, shard } = result;
  const isPart = shard !== undefined;
  const isChance = (metric: MetricName) => isNondeterministic(scenario, metric);
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
    replay: `${replayCommand(result)}${shard === undefined ? '' : shardFlags(`${shard.index}/${shard.of}`)}`,
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
    ...(shard === undefined ? {} : { shard: jsonShard(shard) }),
    total: measurementsOf(result.measurements, { isNondeterministic: isChance, isPart }),
    phases: result.phases.map(({ phase, isFinished, startMs, durationMs, measurements }) => ({
      label: phase.label,
      kind: phase.kind,
      isFinished,
      startMs: Math.round(startMs),
      durationMs: Math.round(durationMs),
      measurements: measurementsOf(measurements, { isPart }),
    })),
    timeline: [...result.timeline],
    generator: result.workers.map(({ cpuMs, maxCpu, maxDelayP99Ms, maxDelayMs, maxRunQueueWait }) => ({
      cpuMs: Math.round(cpuMs),
      maxCpu,
      maxDelayP99Ms,
      maxDelayMs,
      maxRunQueueWait,
    })),
  };
}

function expectationsOf(result: RunResult, verdict: JsonResult['verdict']): JsonResult['expectations'] {
  const { measurements, phases, scenario, target, shard } = result;
  const outcomes = allOutcomes(result);
  const all = expectationsWith(outcomes, verdict, {
    measurementsOf: (phase) => phases.find((one) => one.phase === phase)?.measurements ?? measurements,
    serverFlags: target.isOwn ? undefined : scenario.serverFlags,
  });
  if (shard === undefined) return all;
  // Two phases may have the same label.
  return all.map((one, index) => {
    const phase = outcomes[index]?.phase;
    return phase === undefined ? one : { ...one, phaseIndex: scenario.phases.indexOf(phase) };
  });
}

/** A rule that was judged, and the phase that it is about. */
type ReportedOutcome<Phase> = Omit<RunOutcome, 'phase'> & { readonly phase: Phase | undefined };

/** What explains why a rule did not hold. */
interface Grounds<Phase> {
  measurementsOf(phase: Phase | undefined): Measurements;
  /** Settings that the server may not have; `undefined` where it has them. */
  readonly serverFlags: readonly string[] | undefined;
}

/** Rules with what became of them, and why. */
export function expectationsWith<Phase extends { readonly label: string }>(
  all: readonly ReportedOutcome<Phase>[],
  verdict: JsonResult['verdict'],
  grounds: Grounds<Phase>,
): JsonResult['expectations'] {
  const judged = all.map((outcome) => ({ ...outcome, rule: outcome.expectation.rule }));
  return all.map((outcome) => expectationOf(outcome, judged, grounds, verdict));
}

function expectationOf<Phase extends { readonly label: string }>(
  outcome: ReportedOutcome<Phase>,
  all: Parameters<typeof refusalsFor>[1],
  { measurementsOf, serverFlags }: Grounds<Phase>,
  verdict: JsonResult['verdict'],
): JsonResult['expectations'][number] {
  const { phase, passed, actual, shown, isReached, isDeferred, notMeasurable } = outcome;
  const { text, line, rule, isImplicit } = outcome.expectation;
  // Where the run was stopped early, or tells nothing of the server, that is what it means.
  const isTelling = verdict === 'failed' && !passed && isReached;
  const said =
    notMeasurable === undefined
      ? [meaningOf(rule, actual), serverFlags && settingsAsked(rule, serverFlags)]
      : [`With --strict, a rule that is not measurable fails: ${notMeasurable}.`];
  const meaning = isTelling ? said.filter((one) => one !== undefined).join(' ') || undefined : undefined;
  const seen = measurementsOf(phase);
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
    ...(isDeferred === true ? { deferred: true } : {}),
    actual,
    unit: unitOf(rule.metric),
    shown,
    meaning,
    ...(evidence.length === 0 ? {} : { evidence }),
  };
}

/** What is added to a command for a shard. Every run of shards begins at a time of its own. */
export function shardFlags(shard: string): string {
  return ` --shard ${shard} --start-at TIME`;
}

function jsonShard({
  startAtMs,
  uncertaintyMs,
  clockOffsetMs,
  ...shard
}: ShardResult): NonNullable<JsonResult['shard']> {
  const startAt = new Date(startAtMs).toISOString();
  return {
    ...shard,
    startAt,
    ...(uncertaintyMs === undefined ? {} : { uncertaintyMs }),
    ...(clockOffsetMs === undefined ? {} : { clockOffsetMs: Math.round(clockOffsetMs) }),
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
