import { formatAmount } from '../../text/units.js';
import type { Measurements } from '../measure/measurements.js';
import type { Expectation } from '../model/scenario.js';
import { expectationsWith, shardFlags } from '../report/json.js';
import { measurementsOf } from '../report/json-measurements.js';
import type { JsonResult } from '../report/schema.js';
import { insteadOfCursors } from '../verdict/judge.js';
import { type MetricName, metricText } from '../verdict/metric-kinds.js';
import { METRICS } from '../verdict/metrics.js';
import type { Outcome } from '../verdict/rule.js';
import { mergedMeasurements } from './measurements-of.js';
import type { ShardReport } from './read-shards.js';
import { mergedTimeline } from './timeline.js';
import { judgeAcross, uncertaintyAcross } from './uncertain.js';

type JsonExpectation = JsonResult['expectations'][number];

/** A phase of the whole run. */
interface WholePhase {
  readonly label: string;
  readonly measurements: Measurements;
}

/**
 * Makes the result of a run from those of all of its shards, as if one machine had made it: counts and histograms are
 * added, and the rules are judged on the sums.
 *
 * @param shards all of them, in order.
 * @param isStrict whether rules that are not measurable fail.
 */
export function mergedResult(shards: readonly ShardReport[], isStrict: boolean): JsonResult {
  const [first] = shards as readonly [ShardReport, ...ShardReport[]];
  const { shard: _, ...one } = first;
  const total = mergedMeasurements(shards.map((shard) => shard.total));
  const phases = mergedPhases(shards);
  const uncertaintyMs = uncertaintyAcross(shards.map(({ shard }) => shard.uncertaintyMs));
  const eachOf = (reasons: (shard: JsonResult) => readonly string[]) =>
    shards.flatMap((shard, index) => reasons(shard).map((reason) => `Shard ${index + 1}: ${reason}`));
  const invalidReasons = [...eachOf((shard) => shard.invalidReasons), ...failedEmits(total, shards.length)];
  const problems = [
    ...eachOf((shard) => shard.problems.filter((text) => !text.startsWith('No cursor arrived'))),
    ...insteadOfCursors(total),
  ];
  const aborted = shards.some((shard) => shard.aborted);
  const outcomes = first.expectations
    .map((expectation) => {
      const phase = phases[expectation.phaseIndex ?? -1];
      const rule = ruleOf(expectation);
      const judged =
        whyOfTarget(expectation, shards, isStrict) ??
        judgeAcross(rule.rule, phase?.measurements ?? total, uncertaintyMs, isStrict);
      const isLeftOut = expectation.phase !== undefined && phase === undefined;
      const isReached =
        (!aborted && !isLeftOut) || judged.actual !== undefined || judged.notMeasurable !== undefined;
      return { ...judged, expectation: rule, phase, isReached };
    })
    .filter(({ expectation, actual }) => expectation.isImplicit !== true || actual !== undefined);
  const passed = problems.length === 0 && outcomes.every((outcome) => outcome.passed);
  const verdict = aborted ? 'aborted' : invalidReasons.length > 0 ? 'invalid' : passed ? 'passed' : 'failed';
  const nondeterministic = new Set(
    shards.flatMap((shard) => shard.total.metrics.filter((metric) => metric.nondeterministic)).map(nameOf),
  );
  return {
    ...one,
    verdict,
    aborted,
    replay: first.replay.replace(shardFlags(`1/${shards.length}`), shardFlags(`N/${shards.length}`)),
    invalid: invalidReasons.length > 0,
    invalidReasons,
    problems,
    durationMs: Math.max(...shards.map(({ durationMs }) => durationMs)),
    merged: {
      run: first.shard.run,
      ...(uncertaintyMs === undefined ? {} : { uncertaintyMs }),
      shards: shards.map((shard) => ({
        clients: shard.shard.clients,
        machine: machineText(shard),
        ...(shard.shard.uncertaintyMs === undefined ? {} : { uncertaintyMs: shard.shard.uncertaintyMs }),
        generators: shard.generator.length,
      })),
    },
    expectations: expectationsWith<WholePhase>(outcomes, verdict, {
      measurementsOf: (phase) => phase?.measurements ?? total,
      serverFlags: first.scenario.serverFlags,
    }),
    total: measurementsOf(total, {
      isNondeterministic: (metric) => nondeterministic.has(nameOf(metric)),
    }),
    phases: phases.map(({ measurements, ...phase }) => ({
      ...phase,
      measurements: measurementsOf(measurements, {}),
    })),
    timeline: mergedTimeline(shards.map(({ timeline }) => timeline)),
    generator: shards.flatMap(({ generator }) => generator),
  };
}

function mergedPhases(shards: readonly ShardReport[]) {
  const count = Math.min(...shards.map(({ phases }) => phases.length));
  const [first] = shards as [ShardReport];
  return first.phases.slice(0, count).map(({ label, kind, startMs }, index) => {
    const each = shards.flatMap(({ phases }) => phases[index] ?? []);
    return {
      label,
      kind,
      startMs,
      isFinished: each.every(({ isFinished }) => isFinished),
      durationMs: Math.max(...each.map(({ durationMs }) => durationMs)),
      measurements: mergedMeasurements(each.map(({ measurements }) => measurements)),
    };
  });
}

/** What only the first shard knows: the others have counted a cursor that was not emitted as lost. */
function failedEmits({ emit }: Measurements, shards: number): string[] {
  if (emit.failed === 0 || shards === 1) return [];
  return [
    `The server did not accept ${formatAmount(emit.failed, 'cursor')}, which all shards but the first have counted as lost`,
  ];
}

function ruleOf({
  rule: text,
  line,
  implicit,
  cohort,
  metric,
  key,
  operator,
  expected,
}: JsonExpectation): Expectation {
  return {
    text,
    line,
    ...(implicit === true ? { isImplicit: true } : {}),
    rule: { cohort, metric, key, operator, value: expected },
  };
}

/** A rule that says nothing about the target, if it does not: what the server says is asked by the first shard. */
function whyOfTarget(
  expectation: JsonExpectation,
  shards: readonly ShardReport[],
  isStrict: boolean,
): Outcome | undefined {
  const { rule, phase, notMeasurable } = expectation;
  if (notMeasurable === undefined) return undefined;
  const isOfServer = METRICS[expectation.metric]?.statistic !== undefined;
  const isAgreed = shards.every(({ expectations }) =>
    expectations.some((one) => one.rule === rule && one.phase === phase && one.notMeasurable !== undefined),
  );
  if (!isOfServer && !isAgreed) return undefined;
  return { passed: !isStrict, actual: undefined, shown: 'not measurable', notMeasurable };
}

function nameOf({ name, cohort, key }: MetricName): string {
  return metricText({ name, cohort, key });
}

function machineText({ machine: { cores, platform, arch, node } }: JsonResult): string {
  return `${formatAmount(cores, 'core')}, ${platform} ${arch}, Node.js ${node}`;
}
