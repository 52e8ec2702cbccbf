import type { Change } from './comparison.js';
import type { Name } from './pair.js';
import type { ComparedExpectation, ComparedResult } from './result-file.js';

/** A rule of the scenario that both results were judged by. */
export interface RulePair {
  readonly was: ComparedExpectation;
  readonly now: ComparedExpectation;
  /** When it holds in one of them only. */
  readonly turn: Pick<Change, 'verdict' | 'why' | 'rule'> | undefined;
  /** Whether the count that it asks for has come nearer (true) or is farther off (false). */
  readonly isNearer: boolean | undefined;
}

/** The rules that both results have. */
export function rulePairs(base: ComparedResult, next: ComparedResult): RulePair[] {
  return next.expectations.flatMap((now): RulePair[] => {
    const was = base.expectations.find(({ rule, phase }) => rule === now.rule && phase === now.phase);
    return was === undefined ? [] : [{ was, now, turn: turnOf(was, now), isNearer: isNearer(was, now) }];
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

function turnOf(was: ComparedExpectation, now: ComparedExpectation): RulePair['turn'] {
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
