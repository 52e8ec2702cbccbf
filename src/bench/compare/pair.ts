import { METRICS } from '../verdict/metrics.js';
import type { Change, ComparedExpectation, ComparedMetric, ComparedResult } from './comparison.js';

/** What a metric is called, apart from its value. */
export type Name = Pick<ComparedMetric, 'name' | 'cohort' | 'key'>;

/** A metric in two results; `undefined` in the one that has no samples of it. */
export interface Pair {
  readonly name: Name & Pick<ComparedMetric, 'unit'>;
  readonly base: ComparedMetric | undefined;
  readonly next: ComparedMetric | undefined;
}

/** Every metric that either result has, but for cohorts and statistics of the server that only one of them has. */
export function pairsOf(base: ComparedResult, next: ComparedResult): Pair[] {
  const before = byId(base);
  const after = byId(next);
  const cohorts = cohortsOf(base).filter((cohort) => cohortsOf(next).includes(cohort));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((id) => {
    const [one, other] = [before.get(id), after.get(id)];
    const { name, cohort, key, unit } = (other ?? one) as ComparedMetric;
    if (cohort !== undefined && !cohorts.includes(cohort)) return [];
    if (METRICS[name]?.statistic !== undefined && !(isMeasured(base, name) && isMeasured(next, name)))
      return [];
    return [{ name: { name, cohort, key, unit }, base: one, next: other }];
  });
}

/** Whether a server reported a metric: a missing count is not 0. */
function isMeasured({ total }: ComparedResult, name: string): boolean {
  return total.metrics.some((one) => one.name === name);
}

/** Finds what a rule names; a code without a reason is the sum of what there is under it. */
export function pairOf(name: Name, base: ComparedResult, next: ComparedResult): Pair {
  const [one, other] = [find(base, name), find(next, name)];
  return { name: { ...name, unit: (other ?? one)?.unit ?? 'count' }, base: one, next: other };
}

/** One text for a name. */
export function idOf({ name, cohort, key }: Name): string {
  return JSON.stringify([cohort ?? null, name, key ?? null]);
}

/** Cohorts that something was measured of. */
export function cohortsOf({ total }: ComparedResult): string[] {
  return [...new Set(total.metrics.flatMap(({ cohort }) => cohort ?? []))];
}

function byId({ total }: ComparedResult): Map<string, ComparedMetric> {
  return new Map(total.metrics.map((metric) => [idOf(metric), metric]));
}

function find({ total }: ComparedResult, name: Name): ComparedMetric | undefined {
  const same = total.metrics.find((one) => idOf(one) === idOf(name));
  const whole = total.metrics.find((one) => idOf(one) === idOf({ ...name, key: undefined }));
  if (same !== undefined || name.key === undefined || whole === undefined) return same;
  // It was counted, and nothing is under this very key.
  const value = total.metrics
    .filter((one) => one.name === name.name && one.cohort === name.cohort)
    .filter(({ key }) => key?.startsWith(`${name.key} `))
    .reduce((sum, one) => sum + one.value, 0);
  return { ...name, unit: whole.unit, value };
}

/** A rule of the scenario that both results were judged by. */
export interface RulePair {
  readonly was: ComparedExpectation;
  readonly now: ComparedExpectation;
  /** When it holds in one of them only. */
  readonly change: Pick<Change, 'verdict' | 'why' | 'rule'> | undefined;
  /** Whether the count that it asks for has come nearer (true) or is farther off (false). */
  readonly isNearer: boolean | undefined;
}

/** The rules that both results have. */
export function rulePairs(base: ComparedResult, next: ComparedResult): RulePair[] {
  return next.expectations.flatMap((now): RulePair[] => {
    const was = base.expectations.find(({ rule, phase }) => rule === now.rule && phase === now.phase);
    return was === undefined ? [] : [{ was, now, change: changeOf(was, now), isNearer: isNearer(was, now) }];
  });
}

/** Whether a rule about the whole run speaks of a metric, or of a sum that it is part of. */
export function isAbout({ metric, phase, cohort, key }: ComparedExpectation, name: Name): boolean {
  return (
    metric === name.name &&
    phase === undefined &&
    (cohort === undefined || cohort === name.cohort) &&
    (key === undefined || key === name.key || name.key?.startsWith(`${key} `) === true)
  );
}

function changeOf(was: ComparedExpectation, now: ComparedExpectation): RulePair['change'] {
  if (was.passed === now.passed || was.notMeasurable !== undefined || now.notMeasurable !== undefined)
    return undefined;
  const where = now.phase === undefined ? now.rule : `${now.rule} in "${now.phase}"`;
  return now.passed
    ? { verdict: 'improvement', rule: now.rule, why: `now holds: ${where}` }
    : { verdict: 'regression', rule: now.rule, why: `no longer holds: ${where}` };
}

function isNearer(was: ComparedExpectation, now: ComparedExpectation): boolean | undefined {
  if (now.operator !== '==' || was.actual === undefined || now.actual === undefined) return undefined;
  const before = Math.abs(was.actual - was.expected);
  const after = Math.abs(now.actual - now.expected);
  return before === after ? undefined : after < before;
}
