import { stripVTControlCharacters as stripColors } from 'node:util';
import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import { printable } from '../../protocol/printable.js';
import { formatCount, formatDuration, formatSize } from '../../protocol/units.js';
import type { Histogram } from '../measure/histogram.js';
import type { Tally } from '../measure/tally.js';
import { allOutcomes, type RunResult, type Verdict, verdictOf } from '../result.js';
import { scopeOf } from '../verdict/metrics.js';
import { replayCommand } from './replay.js';

export interface TerminalStyle {
  readonly colors: ChalkInstance;
  /** Width to keep to. */
  readonly columns: number;
}

/** Rules and outcomes are marked by a sign as well as a colour: half of all logs have no colours. */
const SIGNS = { passed: '✓', failed: '✗' } as const;

/** Longest name in the first column of a table. */
const NAME_WIDTH = 28;

/** The whole report of a run: the verdict first, then each expectation, then what was measured. */
export function terminalReport(result: RunResult, style: TerminalStyle): string {
  return [
    headline(result, style),
    expectations(result, style),
    ledger(result, style),
    cursors(result, style),
    timings(result, style),
    server(result, style),
    generator(result, style),
  ]
    .filter((section) => section !== '')
    .join('\n\n')
    .concat('\n');
}

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  passed: 'PASSED',
  failed: 'FAILED',
  invalid: 'INVALID',
  aborted: 'ABORTED',
};

function headline(result: RunResult, { colors, columns }: TerminalStyle): string {
  const verdict = verdictOf(result);
  const paint = { passed: colors.green, failed: colors.red, invalid: colors.magenta, aborted: colors.yellow }[
    verdict
  ];
  const { scenario } = result;
  const outcomes = allOutcomes(result);
  const held = outcomes.filter(({ passed }) => passed).length;
  const clients = scenario.cohorts.reduce((total, cohort) => total + cohort.clients, 0);
  const isWhole = verdict === 'passed' || verdict === 'failed';
  const facts = [
    `${held} of ${outcomes.length} expectations ${isWhole ? 'held' : 'hold as far as it got'}`,
    `${formatCount(clients)} clients`,
    formatDuration(result.durationMs),
  ];
  return [
    `${paint.bold(VERDICT_WORDS[verdict])} ${colors.bold(scenario.name)}`,
    ...wrap(scenario.summary, columns - 2).map((line) => `  ${colors.dim(line)}`),
    `  ${facts.join(', ')}`,
    ...(result.aborted
      ? [colors.yellow('  It was stopped before it was over: the numbers are of a part of it.')]
      : []),
    ...[...result.invalid, ...result.problems].flatMap((reason) =>
      wrap(printable(reason), columns - 4).map((line, index) =>
        colors.red(`${index === 0 ? '  ! ' : '    '}${line}`),
      ),
    ),
  ].join('\n');
}

function expectations(result: RunResult, { colors, columns }: TerminalStyle): string {
  const all = allOutcomes(result);
  const suffix = ({ phase }: (typeof all)[number]) =>
    phase === undefined ? '' : ` (${shorten(phase.label, 24)})`;
  const behind = Math.max(...all.map((outcome) => outcome.shown.length + suffix(outcome).length));
  const longest = Math.max(...all.map(({ expectation }) => expectation.text.length));
  const width = Math.max(20, Math.min(columns - 6 - behind, longest));
  const lines = all.flatMap((outcome) => {
    const { expectation, passed, shown } = outcome;
    const sign = passed ? colors.green(SIGNS.passed) : colors.red(SIGNS.failed);
    const actual = `${passed ? shown : colors.red.bold(shown)}${colors.dim(suffix(outcome))}`;
    const parts = wrap(expectation.text, width);
    return parts.map((part, index) => {
      const start = `  ${index === 0 ? sign : ' '} `;
      return index < parts.length - 1 ? `${start}${part}` : `${start}${part.padEnd(width)}  ${actual}`;
    });
  });
  return [colors.bold('Expectations'), ...lines].join('\n');
}

/** Everything that became of connections, beside what an expectation says should have. */
function ledger(result: RunResult, style: TerminalStyle): string {
  const rows: string[][] = [];
  for (const { name, tally, open } of result.measurements.cohorts) {
    const wanted = (metric: string, key?: string) => {
      const match = result.outcomes.find(
        ({ expectation: { rule } }) =>
          rule.cohort === name && rule.metric === metric && rule.key === key && rule.operator === '==',
      );
      return match === undefined ? '' : formatCount(match.expectation.rule.value);
    };
    const row = (outcome: string, expected: string, actual: number) => {
      const isOff = expected !== '' && expected !== formatCount(actual);
      rows.push([
        name,
        printable(outcome),
        expected,
        isOff ? style.colors.red(formatCount(actual)) : formatCount(actual),
      ]);
    };
    const accepted = tally.counters.opened - countRefused(tally);
    if (tally.counters.attempts > 0) row('accepted', wanted('accepted'), accepted);
    for (const [key, count] of tally.closed.entries()) {
      row(`closed ${key}`, wanted('closed', key) || wanted('closed', key.split(' ', 1)[0]), count);
    }
    for (const [key, count] of tally.rejected.entries()) row(`HTTP ${key}`, wanted('rejected', key), count);
    for (const [key, count] of tally.errors.entries()) row(key, wanted('errors', key), count);
    if (tally.counters.timeouts > 0) row('handshake timeout', wanted('timeouts'), tally.counters.timeouts);
    if (tally.counters.left > 0) row('left by themselves', wanted('left'), tally.counters.left);
    if (open > 0) row('open at the end', wanted('open'), open);
  }
  // The reason of a close is as long as the server likes: it takes what the other columns leave.
  const widthOf = (column: number, least: number) =>
    Math.max(least, ...rows.map((row) => stripColors(row[column] ?? '').length));
  const names = Math.min(NAME_WIDTH, widthOf(0, 'cohort'.length));
  const others = names + widthOf(2, 'expected'.length) + widthOf(3, 'actual'.length);
  const room = Math.max(10, style.columns - others - 4 * 2);
  for (const row of rows) row[1] = shorten(row[1] ?? '', room);
  return table('Connections', ['cohort', 'outcome', 'expected', 'actual'], rows, style, [2, 3]);
}

function countRefused(tally: Tally): number {
  return tally.closed
    .entries()
    .filter(([key]) => /^(4401|4503)\b/.test(key))
    .reduce((total, [, count]) => total + count, 0);
}

function cursors(result: RunResult, style: TerminalStyle): string {
  const names = [
    'expected',
    'received',
    'lost',
    'duplicated',
    'reordered',
    'leaked',
    'foreign',
    'conflated',
  ] as const;
  const rows = result.measurements.cohorts
    .filter(({ tally: { counters } }) => names.some((name) => counters[name] > 0))
    .map(({ name, tally: { counters } }) => [
      name,
      ...names.map((counter, index) => {
        const shown = formatCount(counters[counter]);
        const isBad = index >= 2 && counter !== 'conflated' && counters[counter] > 0;
        return isBad ? style.colors.red(shown) : shown;
      }),
    ]);
  // Seven columns of numbers do not fit 80 columns under their full names.
  const heads = ['cohort', 'expected', 'received', 'lost', 'dupl.', 'reord.', 'leaked', 'foreign', 'confl.'];
  return table('Cursor deliveries', heads, rows, style, [1, 2, 3, 4, 5, 6, 7, 8]);
}

function timings(result: RunResult, style: TerminalStyle): string {
  const { tally } = scopeOf(result.measurements, undefined);
  const { emit, api, skew, convergence } = result.measurements;
  const { handshake, fanout, pingInterval, pongTimeout, reconnect } = tally.histograms;
  const rows = (
    [
      ['handshake', handshake],
      ['fan-out latency', fanout],
      ['fan-out skew, first to last', skew],
      ['convergence after last emit', convergence],
      ['end to reconnected', reconnect],
      ['heartbeat: ping to ping', pingInterval],
      ['heartbeat: ping to 1001', pongTimeout],
      ['emitter behind schedule', emit.lag],
      ['HTTP load: latency', api.latency],
    ] as const
  )
    .filter(([, histogram]) => histogram.count > 0)
    .map(([name, histogram]) => [name, formatCount(histogram.count), ...quantiles(histogram)]);
  const sections = [
    table('Timings', ['', 'samples', 'p50', 'p90', 'p99', 'max'], rows, style, [1, 2, 3, 4, 5]),
  ];
  if (emit.broadcasts + emit.failed > 0) {
    sections.push(
      `  ${formatCount(emit.broadcasts)} broadcasts, ${formatCount(emit.delivered)} deliveries by the server's count, ${formatCount(emit.failed)} emits failed`,
    );
  }
  if (api.durationMs > 0) {
    const rate = (api.requests * 1000) / api.durationMs;
    sections.push(
      `  HTTP load: ${formatCount(api.requests)} requests, ${formatCount(Math.round(rate))} requests/s, ${formatCount(api.failed)} failed`,
    );
  }
  return sections.join('\n');
}

function quantiles(histogram: Histogram): string[] {
  return [50, 90, 99, 100].map((percent) => formatDuration(histogram.percentileMs(percent) ?? 0));
}

/** What the server says of itself, when it does. */
function server(result: RunResult, { colors, columns }: TerminalStyle): string {
  const { server } = result.measurements;
  const facts = [
    server.cpuMs === undefined ? '' : `CPU time ${formatDuration(server.cpuMs)}`,
    server.rssBytes === undefined ? '' : `at most ${formatSize(server.rssBytes)} resident`,
    server.bytesPerConnection === undefined ? '' : `${formatSize(server.bytesPerConnection)} a connection`,
    server.delayP99Ms === undefined ? '' : `event-loop delay p99 ${formatDuration(server.delayP99Ms)}`,
    server.delayMaxMs === undefined ? '' : `max ${formatDuration(server.delayMaxMs)}`,
    server.conflated ? `${formatCount(server.conflated)} cursors conflated` : '',
    server.exitCode === undefined
      ? ''
      : `exit code ${server.exitCode} after ${formatDuration(server.shutdownMs ?? 0)}`,
  ].filter((fact) => fact !== '');
  if (facts.length === 0) return '';
  return [colors.bold('Server'), ...wrap(facts.join(', '), columns - 2).map((line) => `  ${line}`)].join(
    '\n',
  );
}

function generator(result: RunResult, { colors, columns }: TerminalStyle): string {
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const workers = result.workers.map(({ maxCpu, maxDelayP99Ms, maxRunQueueWait }, index) => {
    const wait = maxRunQueueWait === undefined ? '' : `, waiting for a core ${percent(maxRunQueueWait)}`;
    return `  worker ${index + 1} at its busiest second: CPU ${percent(maxCpu)}, event-loop delay p99 ${formatDuration(maxDelayP99Ms)}${wait}`;
  });
  const target = result.target.isOwn ? 'its own server, started for this run' : result.target.urls.join(', ');
  return [
    colors.bold('Load generator'),
    ...workers.flatMap((line) =>
      wrap(line.trimStart(), columns - 2).map((part, index) => `${index === 0 ? '  ' : '    '}${part}`),
    ),
    ...wrap(`target: ${target}`, columns - 2).map((line) => `  ${line}`),
    `  again: ${replayCommand(result)}`,
  ].join('\n');
}

const NO_BORDER = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const;

function table(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { colors }: TerminalStyle,
  numbers: readonly number[],
): string {
  if (rows.length === 0) return '';
  const grid = new Table({
    chars: NO_BORDER,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: head.map((_, index) => (numbers.includes(index) ? 'right' : 'left')),
  });
  grid.push(head.map((name) => colors.dim(name)));
  for (const row of rows)
    grid.push(row.map((cell, index) => (index === 0 ? shorten(cell, NAME_WIDTH) : cell)));
  const lines = grid
    .toString()
    .split('\n')
    .map((line) => `  ${line.trimEnd()}`);
  return [colors.bold(title), ...lines].join('\n');
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Breaks a text at blanks into lines of at most `width`. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
