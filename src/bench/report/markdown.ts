import { formatAmount, formatCount, formatDuration } from '../../protocol/units.js';
import { markdownComparison } from '../compare/markdown.js';
import { valueText } from '../verdict/metric-text.js';
import { cell, code, codeCell } from './markdown-text.js';
import type { JsonReport, JsonResult } from './schema.js';
import { changesText, otherMessagesOf, outcomesOf, repeatText } from './tables.js';

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
  'cursors.lost',
  'emit.broadcasts',
  'emit.delivered',
  'heartbeat.timeout.p50',
  'api.rate',
  'server.cpuTime',
  'server.rss',
  'server.eventLoopDelay.p99',
];

/** The result as Markdown, for a pull request or a job summary: the verdict, what failed, then the numbers. */
export function markdownReport({ results, notRun }: JsonReport): string {
  const missing = notRun.map(
    ({ name, reason }) => `## ${WORDS.aborted}: ${cell(name)} was not run\n\n> ${cell(reason)}\n`,
  );
  return [...results.map(section), ...missing].join('\n');
}

function section(result: JsonResult): string {
  const { scenario, expectations } = result;
  const changes = changesText(result, code);
  const held = expectations.filter(({ passed }) => passed).length;
  const failed = expectations.filter(({ passed }) => !passed);
  const meanings = [...new Set(failed.flatMap(({ meaning }) => meaning ?? []))];
  const rows = [...failed, ...expectations.filter(({ passed }) => passed)].map(
    ({ rule, phase, passed, shown }) =>
      `| ${passed ? '✓' : '✗'} | ${codeCell(rule)}${phase === undefined ? '' : ` in ${cell(phase)}`} | ${cell(shown)} |`,
  );
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
    `${held} of ${expectations.length} expectations held, ${formatAmount(scenario.clients, 'client')}, ${formatDuration(result.durationMs)}.`,
    ...(changes === undefined ? [] : ['', `**${changes.replace(': ', ':** ')}.`]),
    ...(result.repeat === undefined ? [] : ['', `${repeatText(result.repeat)}.`]),
    ...(result.aborted
      ? ['', '**It was stopped before it was over: the numbers are of a part of it.**']
      : []),
    ...[...result.invalidReasons, ...result.problems].map((why) => `\n> ${cell(why)}`),
    '',
    ...(result.comparison === undefined ? [] : [markdownComparison(result.comparison), '']),
    '| | expectation | actual |',
    '|---|---|---|',
    ...rows,
    '',
    ...meanings.map(
      (meaning) =>
        `- ${failed.flatMap((one) => (one.meaning === meaning ? [code(one.rule)] : [])).join(', ')}: ${cell(meaning)}`,
    ),
    ...failed.flatMap(({ rule, evidence = [] }) => evidence.map((one) => `- ${code(rule)}: ${cell(one)}`)),
    '',
    '<details><summary>Connections and numbers</summary>',
    '',
    '| cohort | outcome | clients |',
    '|---|---|---|',
    ...ledger,
    '',
    '| metric | value |',
    '|---|---|',
    ...metrics,
    '',
    ...(others.length === 0 ? [] : ['Messages that are not cursors:', '', ...others, '']),
    '</details>',
    '',
    `Again: ${code(result.replay)}`,
    '',
  ].join('\n');
}
