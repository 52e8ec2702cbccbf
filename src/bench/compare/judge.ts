import { DatafnWsError } from '../../protocol/errors.js';
import { formatCount, parseRate } from '../../text/units.js';
import { BEHAVIORS } from '../behaviors/behaviors.js';
import { actionsOf, type Cohort, type Expectation, type Scenario } from '../model/scenario.js';
import { kindOf } from '../phases/index.js';
import { type Chance, type MetricName, metricText, valueText } from '../verdict/metric-kinds.js';
import { METRICS } from '../verdict/metrics.js';
import { findMetric, type NamedMetric, parseMetricValue } from '../verdict/rule.js';
import { type Change, type ComparedMetric, type ComparedNumber, rangeText, shareText } from './comparison.js';
import { comparedAs, isLimit, isRateLimit } from './found-limits.js';
import { isAbout, type Pair, type RulePair } from './pair.js';

/** `fanout.p99 +20% +10ms`, taken apart: a change beyond all of its limits is a regression. */
export interface FailRule extends NamedMetric {
  readonly text: string;
  /** 1 for a rule about more, -1 for one about less. */
  readonly direction: 1 | -1;
  /** Share of the baseline; 0 where the rule gives none. */
  readonly share: number;
  /** In the unit of the metric; 0 where the rule gives none. */
  readonly amount: number;
}

const RULE = /^([A-Za-z][\w.-]*)\s*(?:\[\s*([^\]]*?)\s*\])?\s+([+-][^\s+-]+)(?:\s+([+-][^\s+-]+))?$/;
const PERCENT = /^(\d+(?:\.\d+)?)%$/;

/**
 * Reads a rule of `--fail-on`.
 *
 * @returns the rule, or what is wrong with the text.
 */
export function parseFailRule(text: string, cohorts: readonly string[]): FailRule | string {
  const match = RULE.exec(text.trim());
  if (match === null) {
    return 'expected a metric and by how much it may change, such as `fanout.p99 +20% +10ms` or `api.rate -20%`';
  }
  const [, path = '', bracket, ...given] = match;
  const named =
    isLimit(path) && bracket === undefined
      ? { metric: path, cohort: undefined, key: undefined }
      : findMetric(path, bracket, cohorts);
  if (typeof named === 'string') return named;
  const limits = given.filter((limit) => limit !== undefined);
  const signs = new Set(limits.map((limit) => limit[0]));
  if (signs.size > 1) return 'expected either + (more is worse) or - (less is worse), got both';
  const shares = limits.filter((limit) => limit.endsWith('%'));
  const amounts = limits.filter((limit) => !limit.endsWith('%'));
  if (shares.length > 1 || amounts.length > 1) {
    return 'expected at most one share in % and one amount, got two of a kind';
  }
  const [share = '+0%'] = shares;
  const percent = PERCENT.exec(share.slice(1))?.[1];
  if (percent === undefined) return `expected a share such as +20%, got \`${share}\``;
  const [amount] = amounts;
  const value =
    amount === undefined
      ? ({ ok: true, value: 0 } as const)
      : isRateLimit(named.metric)
        ? parseRate(amount.slice(1))
        : parseMetricValue(named.metric, amount.slice(1));
  if (!value.ok) return `expected \`${named.metric}\` to change by ${value.expected}, got \`${amount}\``;
  return {
    ...named,
    text: text.trim(),
    direction: signs.has('-') ? -1 : 1,
    share: Number(percent) / 100,
    amount: value.value,
  };
}

/** A scenario, as far as a rule has to know it. */
export interface RuleScope {
  readonly cohorts: readonly string[];
}

/**
 * Reads rules for several scenarios. A rule about a cohort is one for the scenarios that have it.
 *
 * @returns the rules of each scenario, in their order.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION`, with a line for every rule that fits none of them.
 */
export function parseFailRules(texts: readonly string[], scopes: readonly RuleScope[]): FailRule[][] {
  const problems: string[] = [];
  const all = scopes.map((): FailRule[] => []);
  for (const text of texts) {
    const read = scopes.map(({ cohorts }) => parseFailRule(text, cohorts));
    const wrong = read.filter((one) => typeof one === 'string');
    if (wrong.length === read.length) problems.push(`--fail-on ${JSON.stringify(text)}: ${wrong[0]}`);
    for (const [index, one] of read.entries()) if (typeof one !== 'string') all[index]?.push(one);
  }
  if (problems.length > 0) throw new DatafnWsError('ERR_INVALID_OPTION', problems.join('\n'));
  return all;
}

/** What is to be said of a change; `undefined` for nothing. */
export type Judgement = Pick<Change, 'verdict' | 'why' | 'rule'> | undefined;

/** Whether it is a count that is compared exactly: in its smallest parts, since sums would tell the same again. */
export function isExact({ name: { name, cohort, key }, base, next }: Pair): boolean {
  const metric = METRICS[name];
  return (
    metric !== undefined &&
    (metric.compared.as === 'outcome' || metric.compared.as === 'defect') &&
    metric.perCohort === (cohort !== undefined) &&
    (metric.keys !== undefined) === (key !== undefined) &&
    base?.nondeterministic !== true &&
    next?.nondeterministic !== true
  );
}

/** Judges a count: it is the same, or within what the repetitions of the baseline had, or it has changed. */
export function judgeCount(
  { name, base, next }: Pair,
  rules: readonly RulePair[],
  { isSameScenario, hasRecovered }: { readonly isSameScenario: boolean; readonly hasRecovered: boolean },
): Judgement {
  const [before, after] = [rangeOf(base), rangeOf(next)];
  if (after.low >= before.low && after.high <= before.high) return undefined;
  if (METRICS[name.name]?.compared.as === 'defect') {
    return {
      verdict: after.high > before.high ? 'regression' : 'improvement',
      why: 'there should be none',
    };
  }
  const about = rules.filter(({ now }) => isAbout(now, name));
  const change = about.find((rule) => rule.change !== undefined)?.change;
  if (change !== undefined) return change;
  if (about.some(({ isNearer }) => isNearer === true)) {
    return { verdict: 'improvement', why: 'closer to what the scenario expects' };
  }
  if (!isSameScenario) return { verdict: 'note', why: 'different scenarios' };
  // What was right in the baseline is not known: it failed.
  if (hasRecovered) return { verdict: 'note', why: 'the baseline failed, and this run passed' };
  return { verdict: 'regression', why: 'same scenario, different count' };
}

/** Whether it is compared by thresholds: over all cohorts, since each alone would add but noise. */
export function isMeasure({ name: { name, cohort }, base, next }: Pair): boolean {
  const compared = comparedAs(name);
  const isCompared = compared?.as === 'cost' || compared?.as === 'gain';
  return isCompared && cohort === undefined && base !== undefined && next !== undefined;
}

/** Judges a duration, a size or a rate. On a busy machine the cause of a change is unknown. */
export function judgeMeasure(pair: Pair, isBusy: boolean): Judgement {
  const compared = comparedAs(pair.name.name);
  if (compared?.as !== 'cost' && compared?.as !== 'gain') return undefined;
  const limits = { ...compared, direction: compared.as === 'cost' ? 1 : -1 } as const;
  const isWorse = isBeyond(pair, limits);
  // What would be worse the other way round is better.
  const isBetter = isBeyond({ ...pair, base: pair.next, next: pair.base }, limits);
  if (!isWorse && !isBetter) return undefined;
  if (hasSpread(pair) && !isApart(pair)) return undefined;
  if (isBusy) return { verdict: 'note', why: 'the machine was busy' };
  if (!hasSpread(pair)) return { verdict: 'note', why: 'its range is unknown: use --repeat' };
  return { verdict: isWorse ? 'warning' : 'improvement', why: 'beyond its range' };
}

/** Judges a metric by a rule of `--fail-on`. A spread that is not known cannot keep a rule from being broken. */
export function judgeByRule(pair: Pair, rule: FailRule): Judgement {
  if (pair.next === undefined) return { verdict: 'regression', why: `no samples for ${rule.text}` };
  if (!isBeyond(pair, rule) || isWithinRange(pair, rule)) return undefined;
  return { verdict: 'regression', why: `beyond ${rule.text}` };
}

/** Whether it is beyond the limits of a rule of `--fail-on`, which its spread keeps from being broken. */
export function isWithinRange(pair: Pair, rule: FailRule): boolean {
  return isBeyond(pair, rule) && hasSpread(pair) && !isApart(pair);
}

/** Explains that a metric exceeds a limit of `--fail-on`, but not the range of the runs. */
export function withinRangeText(one: ComparedNumber, rule: FailRule): string {
  const { unit, base = 0, new: next = 0, baseSpread, newSpread } = one;
  const share = shareText(base, next);
  const by =
    share === '' || unit === 'count' ? `${valueText(base, unit)} -> ${valueText(next, unit)}` : share;
  const sign = rule.direction > 0 ? '+' : '-';
  const limits = [
    ...(rule.share > 0 ? [`${sign}${formatCount(rule.share * 100)}%`] : []),
    ...(rule.amount > 0 ? [`${sign}${valueText(rule.amount, unit)}`] : []),
  ];
  const isIn = (value: number, range: ComparedNumber['baseSpread']) =>
    range !== undefined && value >= range.low && value <= range.high;
  const ranges = isIn(next, baseSpread)
    ? [baseSpread]
    : isIn(base, newSpread)
      ? [newSpread]
      : [baseSpread, newSpread];
  const told = ranges
    .flatMap((range) => (range === undefined ? [] : [rangeText(range, unit)]))
    .join(', then ');
  const over = limits.length === 0 ? 'over its limit' : `over ${limits.join(' and ')}`;
  return `${metricText(one)} ${by}: ${over}, but within the range of the runs (${told}): use more --repeat`;
}

/** Whether its numbers are worth a look though they should not differ: of all cohorts together, and not just zeros. */
export function isShown({ name: { name, cohort, key }, base, next }: Pair): boolean {
  const compared = comparedAs(name);
  if (compared === undefined || compared.as === 'nothing' || cohort !== undefined || key !== undefined)
    return false;
  return (base?.value ?? 0) !== 0 || (next?.value ?? 0) !== 0;
}

/** Whether it changed for the worse by more than a share of it and by more than an amount. */
function isBeyond(
  { base, next }: Pair,
  { direction, share, amount }: Pick<FailRule, 'direction' | 'share' | 'amount'>,
): boolean {
  if (base === undefined || next === undefined) return false;
  const worse = (next.value - base.value) * direction;
  return worse > amount && worse > share * Math.abs(base.value);
}

function hasSpread({ base, next }: Pair): boolean {
  return base?.spread !== undefined || next?.spread !== undefined;
}

/** Whether the spreads of the two have nothing in common. */
function isApart({ base, next }: Pair): boolean {
  const [before, after] = [rangeOf(base), rangeOf(next)];
  return after.low > before.high || after.high < before.low;
}

/** The spread of a value; of a count without an entry, 0. */
function rangeOf(metric: ComparedMetric | undefined) {
  const value = metric?.value ?? 0;
  return metric?.spread ?? { low: value, high: value };
}

/**
 * Whether a scenario leaves a count to chance, so that two runs of the same code may differ in it. A count that a rule
 * of the scenario pins with `==` is not.
 */
export function isNondeterministic(scenario: Scenario, metric: MetricName): boolean {
  const compared = METRICS[metric.name]?.compared;
  if (compared === undefined || !('unless' in compared)) return false;
  return (
    compared.unless.some((chance) => hasChance(scenario, chance, metric.cohort)) &&
    !scenario.expectations.some((expectation) => pins(expectation, metric))
  );
}

function hasChance(scenario: Scenario, chance: Chance, cohort: string | undefined): boolean {
  if (chance === 'timing') return true;
  const isAsked = ({ name }: Cohort) => cohort === undefined || name === cohort;
  const { cohorts, phases } = scenario;
  if (chance === 'comings' && cohorts.some((one) => isAsked(one) && BEHAVIORS[one.behavior].reconnects))
    return true;
  return phases
    .flatMap((phase) => [...actionsOf(phase)])
    .some((action) => {
      const found = kindOf(action).chance?.(action);
      const owner = found?.cohort === undefined ? undefined : cohorts[found.cohort];
      return found?.of === chance && (owner === undefined || isAsked(owner));
    });
}

/** Whether a rule says what a count is: its own, or that a sum is 0 in which it has a part. */
function pins({ rule }: Expectation, { name, cohort, key }: MetricName): boolean {
  if (rule.operator !== '==' || rule.metric !== name) return false;
  const isNone = rule.value === 0;
  const isOfCohort = rule.cohort === cohort || (isNone && rule.cohort === undefined);
  const isOfKey =
    rule.key === key ||
    (key !== undefined && (rule.key === undefined ? isNone : key.startsWith(`${rule.key} `)));
  return isOfCohort && isOfKey;
}
