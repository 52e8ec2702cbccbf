import { formatAmount } from '../../../text/units.js';
import type { Comparison } from '../../compare/comparison.js';
import {
  changesText,
  hasFailed,
  leftOutText,
  outcomeText,
  repeatText,
  scopedRule,
  standingOf,
  targetText,
  uncertaintyText,
} from '../facts.js';
import { limitText } from '../limit-text.js';
import { aside, type Block, capitalized, type Paragraph, paragraph, type ReportDocument } from '../model.js';
import type { JsonReport, JsonResult } from '../schema.js';
import { MEANINGS } from '../verdict-words.js';
import { againstBaseline, changesOf, summaryText } from './comparison.js';
import { connections, deliveries, otherMessages } from './connections.js';
import { expectations, failures } from './failures.js';
import { limitCharts, limitFound } from './limit.js';
import { mergedShards } from './merged-shards.js';
import { overTime } from './over-time.js';
import { pulls } from './pulls.js';
import { generator, runs, server, timings } from './timings.js';

/** The report of a scenario, before it has a format. */
export function reportDocument(result: JsonResult): ReportDocument {
  return {
    verdict: result.verdict,
    name: result.scenario.name,
    sentence: outcomeText(result),
    intro: intro(result),
    alerts: alerts(result),
    sections: [
      ...limitFound(result),
      ...failures(result),
      ...expectations(result),
      ...againstBaseline(result.comparison),
      ...runs(result),
      ...connections(result),
      ...deliveries(result),
      ...otherMessages(result),
      ...limitCharts(result),
      ...pulls(result),
      ...overTime(result),
      ...timings(result),
      ...server(result),
      ...mergedShards(result),
      ...generator(result),
    ],
    replay: result.replay,
  };
}

function intro(result: JsonResult): Block[] {
  const { verdict, scenario, startedAt, repeat, find } = result;
  const leftOut = leftOutText(result);
  const across = uncertaintyText(result);
  const facts = [
    `${formatAmount(scenario.clients, 'client')} against ${targetText(result)}`,
    startedAt.replace(/\.\d+Z$/, 'Z'),
  ];
  return [
    ...(scenario.summary === '' ? [] : [paragraph(scenario.summary, 'muted')]),
    paragraph(
      find !== undefined
        ? `${capitalized(outcomeText(result))}. The numbers that follow are of the last run${find.limit === undefined ? '' : ' at the limit'}.`
        : `${MEANINGS[verdict]}${verdict === 'invalid' ? '.' : `: ${outcomeText(result)}.`}`,
      verdict === 'invalid' || verdict === 'aborted' ? 'warn' : undefined,
    ),
    paragraph([aside(capitalized(facts.join(', ')))]),
    ...(leftOut === undefined ? [] : [paragraph(leftOut)]),
    ...(across === undefined ? [] : [paragraph(across)]),
    ...(repeat === undefined ? [] : [paragraph(`${repeatText(repeat)}.`)]),
  ];
}

function alerts(result: JsonResult): Paragraph[] {
  const changes = changesText(result);
  // Often enough, that is all that is wrong.
  const hint = result.expectations.some(hasFailed)
    ? ' A rule that was written for the values in the file can fail for that reason alone.'
    : '';
  return [
    ...(changes === undefined ? [] : [paragraph([...changes, `.${hint}`], 'warn')]),
    ...[...result.invalidReasons, ...result.problems].map((text) => paragraph(text, 'bad')),
  ];
}

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

/** Everything that was checked in a run. What is not a rule has a check as well, so that no system shows it as passed. */
export function checksOf(result: JsonResult): Check[] {
  const { expectations, invalidReasons, problems, aborted, verdict, comparison, find } = result;
  const mishap = (name: string) => (message: string) => errorCheck(name, verdict, message);
  return [
    ...(find === undefined ? [] : [limitCheck(find, verdict)]),
    ...expectations.map(ruleCheck),
    ...(aborted ? [mishap('the run came to its end')('It was stopped before the end')] : []),
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

function limitCheck(find: NonNullable<JsonResult['find']>, verdict: JsonResult['verdict']): Check {
  const { of, atLeast, brokenBy } = find;
  const name = atLeast === undefined ? `the limit of ${of}` : `the limit of ${of} is at least ${atLeast}`;
  const details = brokenBy?.meaning === undefined ? [] : [brokenBy.meaning];
  const outcome =
    verdict === 'failed' ? 'failed' : verdict === 'invalid' || verdict === 'aborted' ? 'error' : 'passed';
  return { name, outcome, type: 'limit', message: limitText(find), details };
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
