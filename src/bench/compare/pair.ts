import { METRICS } from '../verdict/metrics.js';
import type { ComparedMetric, ComparedResult } from './result-file.js';

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
    return [{ name: nameOf({ name, cohort, key, unit }), base: one, next: other }];
  });
}

/** Whether a server told of a metric: a count that it does not tell is not 0. */
function isMeasured({ total }: ComparedResult, name: string): boolean {
  return total.metrics.some((one) => one.name === name);
}

/** Finds what a rule names; a code without a reason is the sum of what there is under it. */
export function pairOf(name: Name, base: ComparedResult, next: ComparedResult): Pair {
  const [one, other] = [find(base, name), find(next, name)];
  return { name: nameOf({ ...name, unit: (other ?? one)?.unit ?? 'count' }), base: one, next: other };
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

function nameOf({ name, cohort, key, unit }: Pair['name']): Pair['name'] {
  return { name, ...(cohort === undefined ? {} : { cohort }), ...(key === undefined ? {} : { key }), unit };
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
