import { formatAmount, formatCount, formatDuration } from '../../text/units.js';
import { shorten } from '../../text/wrap.js';
import { limitText } from './limit-text.js';
import { code, type Span, type Text } from './model.js';
import type { JsonReport, JsonResult } from './schema.js';

export type Expectation = JsonResult['expectations'][number];
export type JsonCohort = JsonResult['total']['cohorts'][number];

/** What became of a rule. One that is not measurable fails with `--strict` only. */
export type Standing = 'held' | 'failed' | 'not measurable' | 'not reached' | 'deferred';

export function standingOf({ passed, notMeasurable, notReached, deferred }: Expectation): Standing {
  if (deferred === true) return 'deferred';
  if (notMeasurable !== undefined) return 'not measurable';
  return passed ? 'held' : notReached === true ? 'not reached' : 'failed';
}

/** Whether a rule did not hold. */
export function hasFailed(expectation: Expectation): boolean {
  return !expectation.passed && standingOf(expectation) !== 'not reached';
}

/** The sign of a rule. */
export function signOf(expectation: Expectation): Span {
  const standing = standingOf(expectation);
  const [text, tone] = (
    {
      held: ['✓', 'good'],
      failed: ['✗', 'bad'],
      'not measurable': ['–', 'warn'],
      'not reached': ['–', 'muted'],
      deferred: ['–', 'muted'],
    } as const
  )[standing];
  return { text, tone: hasFailed(expectation) ? 'bad' : tone, spoken: standing };
}

/** Behind a rule: that it is implicit, or the phase that it is about. */
export function scopeText({ phase, implicit }: Expectation): string | undefined {
  if (implicit === true) return '(implicit)';
  return phase === undefined ? undefined : `in "${phase}"`;
}

/** A rule with its scope. */
export function scopedRule(expectation: Expectation): string {
  return [expectation.rule, scopeText(expectation) ?? []].flat().join(' ');
}

/** A value may be as long as a whole scenario. */
const MAX_VALUE_LENGTH = 80;

/** What `--set` has changed; `undefined` for nothing. */
export function changesText({ scenario: { changes } }: JsonResult): Text | undefined {
  if (changes.length === 0) return undefined;
  const written = (text: string) => (text === '' ? 'empty' : code(shorten(text, MAX_VALUE_LENGTH)));
  const said = changes.flatMap(({ path, value, before }, index) => [
    ...(index === 0 ? [] : ['; ']),
    ...[code(path), ' is ', written(value)],
    ...(before === undefined ? [' (the file does not set it)'] : [' (the file has ', written(before), ')']),
  ]);
  return ['This run changed the scenario: ', ...said];
}

/** What was tested, in words. */
export function targetText({ target: { urls, isOwn, cluster } }: JsonResult): string {
  if (!isOwn) return urls.join(', ');
  if (cluster === undefined) return 'a server that bench started';
  return cluster.engine
    ? `${formatAmount(cluster.nodes, 'node')} and a Redis that bench started`
    : `a server with ${formatAmount(cluster.workers, 'worker')} that bench started`;
}

/** The phases that were left out; `undefined` for none. */
export function leftOutText({ scenario: { leftOut = [] } }: JsonResult): string | undefined {
  if (leftOut.length === 0) return undefined;
  return `${formatAmount(leftOut.length, 'phase')} of this scenario did not run: they are for another target.`;
}

/** The value of a metric of all cohorts together, if it has one. */
export function metricOf({ total }: JsonResult, name: string): number | undefined {
  return total.metrics.find(
    (metric) => metric.name === name && metric.cohort === undefined && metric.key === undefined,
  )?.value;
}

/** How long all runs of a result took. */
export function wholeMs({ durationMs, repeat }: JsonResult): number {
  return repeat === undefined ? durationMs : repeat.runs.reduce((sum, run) => sum + run.durationMs, 0);
}

/** How the runs of `--repeat` went. */
export function repeatText({ times, runs, shown }: NonNullable<JsonResult['repeat']>): string {
  const passed = runs.filter(({ verdict }) => verdict === 'passed').length;
  const had = runs.length < times ? `${runs.length} of ${times} runs` : formatAmount(times, 'run');
  return `${had}, ${passed} passed; metrics are medians, phases and connections those of run ${shown}`;
}

/** How many rules held, did not, and are not measurable, of how many. */
export function rulesOf(results: readonly Pick<JsonResult, 'expectations'>[]) {
  const all = results.flatMap(({ expectations }) => expectations);
  const count = (standing: Standing) => all.filter((one) => standingOf(one) === standing).length;
  return { held: count('held'), unmeasured: count('not measurable'), all: all.length };
}

/** `16 of 16 rules`, and how many of the others could not be measured. */
function rulesText(results: readonly Pick<JsonResult, 'expectations'>[]): string {
  const { held, unmeasured, all } = rulesOf(results);
  const rest = unmeasured === 0 ? '' : ` (${formatCount(unmeasured)} not measurable)`;
  return `${formatCount(held)} of ${formatAmount(all, 'rule')}${rest}`;
}

/** What there is to say of a shard: no rule is judged yet. */
function shardText(result: JsonResult, { index, of, clients }: NonNullable<JsonResult['shard']>): string {
  return `shard ${index} of ${of} has measured its ${formatAmount(clients, 'client')} in ${formatDuration(wholeMs(result))}; datafn-ws merge judges the rules`;
}

/** How exact the latencies of merged shards are; `undefined` for a result that is not of several shards. */
export function uncertaintyText({ merged }: JsonResult): string | undefined {
  if (merged === undefined || merged.shards.length < 2) return undefined;
  const { uncertaintyMs } = merged;
  return uncertaintyMs === undefined
    ? 'Fan-out latency, fan-out skew and convergence are not known: the target does not tell its time, so the clocks of the shards cannot be compared.'
    : `Fan-out latency, fan-out skew and convergence are within ± ${formatDuration(uncertaintyMs)}: every shard has a clock of its own.`;
}

/** The verdict on a scenario, to be read behind its name: `16 of 16 rules in 8.5 s`. */
export function outcomeText(result: JsonResult): string {
  if (result.find !== undefined) return limitText(result.find);
  if (result.shard !== undefined && result.verdict === 'passed') return shardText(result, result.shard);
  const { verdict, problems, repeat, comparison } = result;
  const failed = result.expectations.filter(hasFailed).length;
  const took = formatDuration(wholeMs(result));
  const inAll =
    repeat === undefined ? `in ${took}` : `in ${formatAmount(repeat.runs.length, 'run')}, ${took}`;
  const rules = rulesText([result]);
  switch (verdict) {
    case 'passed':
      return `${rules} held ${inAll}`;
    case 'failed': {
      if (failed === 0)
        return `${rules} held ${inAll}, but ${formatAmount(problems.length, 'other thing')} went wrong`;
      return `${formatCount(failed)} of ${formatAmount(result.expectations.length, 'rule')} failed ${inAll}`;
    }
    case 'regressed': {
      const worse = comparison?.changes.filter((change) => change.verdict === 'regression').length ?? 0;
      const many = formatAmount(worse + (comparison?.problems.length ?? 0), 'regression');
      return `${many} against the baseline, ${rules} held ${inAll}`;
    }
    case 'invalid':
      return `this run of ${took} says nothing about the server`;
    case 'aborted':
      return `${rules} held when it was stopped after ${took}`;
  }
}

/** The verdict on several scenarios, to be read behind how many they are. */
export function overallText({ verdict, results, notRun }: JsonReport): string {
  const took = formatDuration(results.reduce((sum, result) => sum + wholeMs(result), 0));
  const words = ['passed', 'failed', 'regressed', 'invalid', 'aborted', 'not run'];
  const counts = words.flatMap((word) => {
    const { length } = word === 'not run' ? notRun : results.filter((result) => result.verdict === word);
    return length === 0 ? [] : [`${length} ${word}`];
  });
  return [
    ...(verdict === 'passed' ? [] : [counts.join(', ')]),
    ...(results.length === 0 ? [] : [`${rulesText(results)} held in ${took}`]),
  ].join('; ');
}
