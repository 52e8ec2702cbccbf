import type { Comparison } from '../../compare/comparison.js';
import { hasFailed, scopedRule, standingOf } from '../facts.js';
import type { JsonReport, JsonResult } from '../schema.js';
import { changesOf, summaryText } from './comparison.js';

/** Something that a CI system lists as passed or not: a rule, or anything else that can go wrong. */
export interface Check {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped' | 'error';
  readonly type: string;
  readonly message: string;
  readonly details: readonly string[];
  /** Where its rule stands in the scenario file. */
  readonly line?: number;
}

/** Everything that was checked in a run. What is no rule has a check as well, so that no system shows it as passed. */
export function checksOf(result: JsonResult): Check[] {
  const { expectations, invalidReasons, problems, aborted, verdict, comparison } = result;
  const mishap = (name: string) => (message: string) => errorCheck(name, verdict, message);
  return [
    ...expectations.map(ruleCheck),
    ...(aborted ? [mishap('the run came to its end')('It was stopped before it was over')] : []),
    ...invalidReasons.map(mishap('the result is valid')),
    ...problems.map(mishap('nothing went wrong with the server')),
    ...(comparison === undefined ? [] : [comparisonCheck(comparison)]),
  ];
}

/** The check of a scenario that was not run. */
export function notRunCheck({ reason }: JsonReport['notRun'][number]): Check {
  return errorCheck('the scenario was run', 'not run', `It was not run: ${reason}`);
}

function errorCheck(name: string, type: string, message: string): Check {
  return { name, outcome: 'error', type, message, details: [] };
}

function ruleCheck(one: JsonResult['expectations'][number]): Check {
  const { line, shown, notMeasurable, evidence = [], meaning } = one;
  const name = scopedRule(one);
  const common = { name, type: 'expectation', line, details: [...evidence, ...[meaning ?? []].flat()] };
  if (hasFailed(one)) {
    const why = notMeasurable === undefined ? '' : `: ${notMeasurable}`;
    return { ...common, outcome: 'failed', message: `expected ${name}, got ${shown}${why}` };
  }
  if (standingOf(one) === 'held') return { ...common, outcome: 'passed', message: `got ${shown}` };
  const message = notMeasurable === undefined ? shown : `not measurable: ${notMeasurable}`;
  return { ...common, outcome: 'skipped', message };
}

function comparisonCheck(comparison: Comparison): Check {
  const changes = changesOf(comparison).map(
    ({ verdict, subject, value, why }) => `${verdict}: ${subject} ${value.text}, ${why}`,
  );
  return {
    name: 'nothing is worse than in the baseline',
    outcome: comparison.verdict === 'regressed' ? 'failed' : 'passed',
    type: 'regression',
    message: summaryText(comparison),
    details: [...comparison.problems, ...comparison.warnings, ...changes],
  };
}
