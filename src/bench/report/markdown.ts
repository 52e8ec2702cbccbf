import { formatCount, formatDuration, formatSize } from '../../protocol/units.js';
import type { JsonResult } from './json.js';

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
export function markdownReport(results: readonly JsonResult[]): string {
  return results.map(section).join('\n');
}

function section(result: JsonResult): string {
  const { scenario, expectations } = result;
  const held = expectations.filter(({ passed }) => passed).length;
  const failed = expectations.filter(({ passed }) => !passed);
  const rows = [...failed, ...expectations.filter(({ passed }) => passed)].map(
    ({ rule, phase, passed, shown }) =>
      `| ${passed ? '✓' : '✗'} | ${code(rule)}${phase === undefined ? '' : ` in ${cell(phase)}`} | ${cell(shown)} |`,
  );
  const ledger = result.total.cohorts.flatMap(({ name, accepted, open, closed, rejected, errors }) => [
    `| ${cell(name)} | accepted | ${formatCount(accepted)} |`,
    ...Object.entries(closed).map(
      ([key, count]) => `| ${cell(name)} | closed ${cell(key)} | ${formatCount(count)} |`,
    ),
    ...Object.entries(rejected).map(
      ([key, count]) => `| ${cell(name)} | HTTP ${cell(key)} | ${formatCount(count)} |`,
    ),
    ...Object.entries(errors).map(
      ([key, count]) => `| ${cell(name)} | ${cell(key)} | ${formatCount(count)} |`,
    ),
    ...(open === 0 ? [] : [`| ${cell(name)} | open at the end | ${formatCount(open)} |`]),
  ]);
  const metrics = SHOWN.flatMap((name) =>
    result.total.metrics
      .filter((metric) => metric.name === name && metric.cohort === undefined)
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
    ...[...result.invalid, ...result.problems].map((why) => `\n> ${cell(why)}`),
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

/** Text for a cell of a table, or a line: it stays in it, and means nothing to Markdown or HTML. */
function cell(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]<>()#+!|~&-]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/\p{Cc}/gu, '\ufffd');
}

/** Text as code; its own backticks and pipes are kept from ending it. */
function code(text: string): string {
  const safe = text
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '\ufffd')
    .replaceAll('|', '\\|');
  const fence = '`'.repeat(Math.max(0, ...[...safe.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  return fence.length === 1 ? `\`${safe}\`` : `${fence} ${safe} ${fence}`;
}
