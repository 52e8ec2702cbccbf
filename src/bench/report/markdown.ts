import { printable } from '../../protocol/printable.js';
import { formatCount, formatDuration, formatSize } from '../../protocol/units.js';
import type { JsonReport, JsonResult } from './schema.js';
import { outcomesOf } from './tables.js';

const WORDS = {
  passed: '✅ passed',
  failed: '❌ failed',
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
  const held = expectations.filter(({ passed }) => passed).length;
  const failed = expectations.filter(({ passed }) => !passed);
  const rows = [...failed, ...expectations.filter(({ passed }) => passed)].map(
    ({ rule, phase, passed, shown }) =>
      `| ${passed ? '✓' : '✗'} | ${codeCell(rule)}${phase === undefined ? '' : ` in ${cell(phase)}`} | ${cell(shown)} |`,
  );
  const ledger = result.total.cohorts.flatMap((cohort) =>
    outcomesOf(cohort).map(
      ({ outcome, count }) => `| ${cell(cohort.name)} | ${cell(outcome)} | ${formatCount(count)} |`,
    ),
  );
  const metrics = SHOWN.flatMap((name) =>
    result.total.metrics
      .filter((metric) => metric.name === name && metric.cohort === undefined && metric.key === undefined)
      .map(({ value, unit }) => `| ${code(name)} | ${shownValue(value, unit)} |`),
  );
  return [
    `## ${WORDS[result.verdict]}: ${cell(scenario.name)}`,
    '',
    cell(scenario.summary),
    '',
    `${held} of ${expectations.length} expectations held, ${formatCount(scenario.clients)} clients, ${formatDuration(result.durationMs)}.`,
    ...(result.aborted
      ? ['', '**It was stopped before it was over: the numbers are of a part of it.**']
      : []),
    ...[...result.invalidReasons, ...result.problems].map((why) => `\n> ${cell(why)}`),
    '',
    '| | expectation | actual |',
    '|---|---|---|',
    ...rows,
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
    '</details>',
    '',
    `Again: ${code(result.replay)}`,
    '',
  ].join('\n');
}

function shownValue(value: number, unit: JsonResult['total']['metrics'][number]['unit']): string {
  switch (unit) {
    case 'ms':
      return formatDuration(value);
    case 'bytes':
      return formatSize(value);
    case 'per second':
      return `${formatCount(value)}/s`;
    case 'count':
      return formatCount(value);
  }
}

/** Text from outside as a part of a line, its controls shown instead of obeyed. */
function oneLine(text: string): string {
  return printable(text.toWellFormed().replace(/\s+/g, ' '));
}

/** Text for a cell of a table, or a line: it stays in it, and means nothing to Markdown or HTML. */
function cell(text: string): string {
  return oneLine(text).replace(/[\\`*_{}[\]<>()#+!|~&-]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Text as code; its own backticks are kept from ending it. */
function code(text: string): string {
  const safe = oneLine(text);
  const fence = '`'.repeat(Math.max(0, ...[...safe.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  return fence.length === 1 ? `\`${safe}\`` : `${fence} ${safe} ${fence}`;
}

/** Text as code in a cell, which a pipe would end. */
function codeCell(text: string): string {
  return code(text).replaceAll('|', '\\|');
}
