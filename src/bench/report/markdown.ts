import { formatAmount, formatCount, formatDuration } from '../../protocol/units.js';
import { markdownComparison } from '../compare/markdown.js';
import { valueText } from '../verdict/metric-text.js';
import { byMeaning, evidenceOf, failuresOf, meaningsOf } from './failures.js';
import { cell, code, codeCell, few } from './markdown-text.js';
import type { JsonReport, JsonResult } from './schema.js';
import {
  changesText,
  heldText,
  inFlightText,
  otherMessagesOf,
  outcomesOf,
  repeatText,
  SIGNS,
  standingOf,
} from './tables.js';

const WORDS = {
  passed: '✅ passed',
  failed: '❌ failed',
  regressed: '❌ regressed',
  invalid: '⚠️ invalid',
  aborted: '⏹️ aborted',
} as const;

/** Metrics that a pull request wants to see, in the order in which they are shown. */
const SHOWN = [
  'fanout.p50',
  'fanout.p99',
  'fanout.skew.p99',
  'handshake.p99',
  'convergence.max',
  'cursors.expected',
  'cursors.received',
  'cursors.lost',
  'emit.broadcasts',
  'emit.delivered',
  'heartbeat.timeout.p50',
  'api.rate',
  'server.cpuTime',
  'server.rss',
  'server.eventLoopDelay.p99',
];

/**
 * The result as Markdown, for a pull request or a job summary: the verdict, what failed, then the numbers.
 *
 * @param most rows of a table and lines of a list; of more, the last says how many. Default: all.
 */
export function markdownReport({ results, notRun }: JsonReport, most = Number.POSITIVE_INFINITY): string {
  const missing = notRun.map(
    ({ name, reason }) => `## ${WORDS.aborted}: ${cell(name)} was not run\n\n> ${cell(reason)}\n`,
  );
  return [...results.map((result) => section(result, most)), ...missing].join('\n');
}

function section(result: JsonResult, most: number): string {
  const { scenario, expectations } = result;
  const changes = changesText(result, code);
  const failed = failuresOf(result);
  const inFlight = inFlightText(result);
  const rows = [...failed, ...expectations.filter((one) => !failed.includes(one))].map((one) => {
    const { rule, phase, implicit, shown } = one;
    const scope = implicit === true ? ' (implicit)' : phase === undefined ? '' : ` in ${cell(phase)}`;
    return `| ${SIGNS[standingOf(one)]} | ${codeCell(rule)}${scope} | ${cell(shown)} |`;
  });
  const unmeasured = expectations.flatMap(({ rule, notMeasurable }) =>
    notMeasurable === undefined ? [] : [`- ${code(rule)} is not measurable: ${cell(notMeasurable)}`],
  );
  const causes = byMeaning(failed).flatMap((group) => {
    const [meanings, evidence] = [meaningsOf(group), evidenceOf(group)];
    if (meanings.length + evidence.length === 0) return [];
    const rules = few(
      group.map(({ rule }) => code(rule)),
      most,
      (more) => more,
    ).join(', ');
    return [
      `- ${[rules, ...meanings.map(cell)].join(': ')}`,
      ...few(evidence, most, (more) => more).map((one) => `  - ${cell(one)}`),
    ];
  });
  const ledger = result.total.cohorts.flatMap((cohort) =>
    outcomesOf(cohort).map(
      ({ outcome, count }) => `| ${cell(cohort.name)} | ${cell(outcome)} | ${formatCount(count)} |`,
    ),
  );
  const others = otherMessagesOf(result).map((one) => `- ${cell(one)}`);
  const metrics = SHOWN.flatMap((name) =>
    result.total.metrics
      .filter((metric) => metric.name === name && metric.cohort === undefined && metric.key === undefined)
      .map(({ value, unit, spread }) =>
        result.repeat === undefined || spread === undefined
          ? `| ${code(name)} | ${valueText(value, unit)} |`
          : `| ${code(name)} | ${valueText(value, unit)} (${valueText(spread.low, unit)} to ${valueText(spread.high, unit)}) |`,
      ),
  );
  return [
    `## ${WORDS[result.verdict]}: ${cell(scenario.name)}`,
    '',
    cell(scenario.summary),
    '',
    `${heldText(result)}, ${formatAmount(scenario.clients, 'client')}, ${formatDuration(result.durationMs)}.`,
    ...(changes === undefined ? [] : ['', `**${changes.replace(': ', ':** ')}.`]),
    ...(result.repeat === undefined ? [] : ['', `${repeatText(result.repeat)}.`]),
    ...(result.aborted
      ? ['', '**It was stopped before it was over: the numbers are of a part of it.**']
      : []),
    ...few([...result.invalidReasons, ...result.problems], most, (more) => more).map(
      (why) => `\n> ${cell(why)}`,
    ),
    '',
    ...(result.comparison === undefined ? [] : [markdownComparison(result.comparison, most), '']),
    '| | expectation | actual |',
    '|---|---|---|',
    ...few(rows, most, (more) => `| | ${more} | |`),
    '',
    ...few(causes, most, (more) => `- ${more}`),
    ...few(unmeasured, most, (more) => `- ${more}`),
    '',
    '<details><summary>Connections and numbers</summary>',
    '',
    '| cohort | outcome | clients |',
    '|---|---|---|',
    ...few(ledger, most, (more) => `| | ${more} | |`),
    '',
    '| metric | value |',
    '|---|---|',
    ...metrics,
    '',
    ...(inFlight === undefined ? [] : [inFlight, '']),
    ...(others.length === 0 ? [] : ['Messages that are not cursors:', '', ...others, '']),
    '</details>',
    '',
    `Again: ${code(result.replay)}`,
    '',
  ].join('\n');
}
