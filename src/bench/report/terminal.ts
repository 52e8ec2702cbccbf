import { stripVTControlCharacters as stripColors } from 'node:util';
import { formatAmount, formatCount, formatDuration, formatSize } from '../../protocol/units.js';
import { comparisonSection } from '../compare/terminal.js';
import type { JsonResult } from './schema.js';
import {
  changesText,
  deliveriesOf,
  durationCell,
  metricOf,
  otherMessagesOf,
  outcomesOf,
  PERCENTILE_NAMES,
  repeatRowsOf,
  repeatText,
  SHORT_DELIVERY_NAMES,
  timingsOf,
} from './tables.js';
import { NAME_WIDTH, oneLine, shorten, type TerminalStyle, table } from './terminal-layout.js';
import { wrap } from './wrap.js';

/** Rules and outcomes are marked by a sign as well as a colour: half of all logs have no colours. */
const SIGNS = { passed: '✓', failed: '✗' } as const;

/** The whole report of a run: the verdict first, then each expectation, then what was measured. */
export function terminalReport(result: JsonResult, style: TerminalStyle): string {
  return [
    headline(result, style),
    expectations(result, style),
    result.comparison === undefined ? '' : comparisonSection(result.comparison, style),
    repetitions(result, style),
    ledger(result, style),
    cursors(result, style),
    otherMessages(result, style),
    timings(result, style),
    server(result, style),
    generator(result, style),
  ]
    .filter((section) => section !== '')
    .join('\n\n')
    .concat('\n');
}

const VERDICT_WORDS: Readonly<Record<JsonResult['verdict'], string>> = {
  passed: 'PASSED',
  failed: 'FAILED',
  regressed: 'REGRESSED',
  invalid: 'INVALID',
  aborted: 'ABORTED',
};

function headline(result: JsonResult, { colors, columns }: TerminalStyle): string {
  const { verdict, scenario } = result;
  const paint = {
    passed: colors.green,
    failed: colors.red,
    regressed: colors.red,
    invalid: colors.magenta,
    aborted: colors.yellow,
  }[verdict];
  const held = result.expectations.filter(({ passed }) => passed).length;
  const changes = changesText(result, oneLine);
  const isWhole = verdict !== 'aborted' && verdict !== 'invalid';
  const facts = [
    `${held} of ${result.expectations.length} expectations ${isWhole ? 'held' : 'hold as far as it got'}`,
    formatAmount(scenario.clients, 'client'),
    formatDuration(result.durationMs),
  ];
  return [
    `${paint.bold(VERDICT_WORDS[verdict])} ${colors.bold(oneLine(scenario.name))}`,
    ...wrap(oneLine(scenario.summary), columns - 2).map((line) => `  ${colors.dim(line)}`),
    `  ${facts.join(', ')}`,
    ...(changes === undefined ? [] : wrap(changes, columns - 2).map((line) => colors.yellow(`  ${line}`))),
    ...(result.repeat === undefined
      ? []
      : wrap(repeatText(result.repeat), columns - 2).map((line) => `  ${line}`)),
    ...(result.aborted
      ? [colors.yellow('  It was stopped before it was over: the numbers are of a part of it.')]
      : []),
    ...[...result.invalidReasons, ...result.problems].flatMap((reason) =>
      wrap(oneLine(reason), columns - 4).map((line, index) =>
        colors.red(`${index === 0 ? '  ! ' : '    '}${line}`),
      ),
    ),
  ].join('\n');
}

function expectations(result: JsonResult, { colors, columns }: TerminalStyle): string {
  const all = result.expectations.map((one) => ({ ...one, rule: oneLine(one.rule) }));
  const suffix = ({ phase }: (typeof all)[number]) =>
    phase === undefined ? '' : ` (${shorten(oneLine(phase), 24)})`;
  const behind = Math.max(...all.map((one) => one.shown.length + suffix(one).length));
  const longest = Math.max(...all.map(({ rule }) => rule.length));
  const width = Math.max(20, Math.min(columns - 6 - behind, longest));
  const lines = all.flatMap((one) => {
    const { rule, passed, shown } = one;
    const sign = passed ? colors.green(SIGNS.passed) : colors.red(SIGNS.failed);
    const actual = `${passed ? shown : colors.red.bold(shown)}${colors.dim(suffix(one))}`;
    const parts = wrap(rule, width);
    const told = parts.map((part, index) => {
      const start = `  ${index === 0 ? sign : ' '} `;
      return index < parts.length - 1 ? `${start}${part}` : `${start}${part.padEnd(width)}  ${actual}`;
    });
    const evidence = (one.evidence ?? []).flatMap((first) => wrap(oneLine(first), columns - 6));
    return [...told, ...evidence.map((line) => `      ${line}`)];
  });
  return [colors.bold('Expectations'), ...lines].join('\n');
}

/** Medians of several runs, and between what the runs were. */
function repetitions(result: JsonResult, style: TerminalStyle): string {
  const rows = repeatRowsOf(result).map(({ metric, median, low, high }) => [
    oneLine(metric),
    median,
    low,
    high,
  ]);
  return table('Runs', ['', 'median', 'least', 'greatest'], rows, style, [1, 2, 3]);
}

/** Everything that became of connections, beside what an expectation says should have. */
function ledger({ total, expectations: all }: JsonResult, style: TerminalStyle): string {
  const rows = total.cohorts.flatMap((cohort) =>
    outcomesOf(cohort).map(({ outcome, count, metric, key }) => {
      const wanted = (asked: string | undefined) =>
        all.find(
          (one) =>
            one.phase === undefined &&
            one.cohort === cohort.name &&
            one.metric === metric &&
            one.key === asked &&
            one.operator === '==',
        )?.expected;
      const expected = wanted(key) ?? (key === undefined ? undefined : wanted(key.split(' ', 1)[0]));
      const actual = formatCount(count);
      return [
        oneLine(cohort.name),
        oneLine(outcome),
        expected === undefined ? '' : formatCount(expected),
        expected === undefined || expected === count ? actual : style.colors.red(actual),
      ];
    }),
  );
  // The reason of a close is as long as the server likes: it takes what the other columns leave.
  const widthOf = (column: number, least: number) =>
    Math.max(least, ...rows.map((row) => stripColors(row[column] ?? '').length));
  const names = Math.min(NAME_WIDTH, widthOf(0, 'cohort'.length));
  const others = names + widthOf(2, 'expected'.length) + widthOf(3, 'actual'.length);
  const room = Math.max(10, style.columns - others - 4 * 2);
  for (const row of rows) row[1] = shorten(row[1] ?? '', room);
  return table('Connections', ['cohort', 'outcome', 'expected', 'actual'], rows, style, [2, 3]);
}

function cursors(result: JsonResult, style: TerminalStyle): string {
  const rows = deliveriesOf(result).map(({ cohort, counts }) => [
    oneLine(cohort),
    ...counts.map(({ value, isBad }) => (isBad ? style.colors.red(formatCount(value)) : formatCount(value))),
  ]);
  const heads = ['cohort', ...SHORT_DELIVERY_NAMES];
  return table('Cursor deliveries', heads, rows, style, [1, 2, 3, 4, 5, 6, 7, 8]);
}

/** What came besides cursors. */
function otherMessages(result: JsonResult, { colors, columns }: TerminalStyle): string {
  const lines = otherMessagesOf(result).flatMap((one) =>
    wrap(oneLine(one), columns - 4).map((line, index) => `${index === 0 ? '  ' : '    '}${line}`),
  );
  return lines.length === 0 ? '' : [colors.bold('Messages that are not cursors'), ...lines].join('\n');
}

function timings(result: JsonResult, style: TerminalStyle): string {
  const rows = timingsOf(result).map(({ name, samples, values }) => [
    name,
    formatCount(samples),
    ...values.map(durationCell),
  ]);
  const count = (metric: string) => formatCount(metricOf(result, metric) ?? 0);
  const sections = [table('Timings', ['', 'samples', ...PERCENTILE_NAMES], rows, style, [1, 2, 3, 4, 5])];
  if (metricOf(result, 'emit.broadcasts') !== undefined) {
    sections.push(
      `  ${count('emit.broadcasts')} broadcasts, ${count('emit.delivered')} deliveries by the server's count, ${count('emit.failed')} emits failed`,
    );
  }
  const rate = metricOf(result, 'api.rate');
  if (rate !== undefined) {
    sections.push(
      `  HTTP load: ${count('api.requests')} requests, ${formatCount(Math.round(rate))} requests/s, ${count('api.failed')} failed`,
    );
  }
  return sections.filter((section) => section !== '').join('\n');
}

/** What the server says of itself, when it does. */
function server(result: JsonResult, { colors, columns }: TerminalStyle): string {
  const fact = (metric: string, say: (value: number) => string) => {
    const value = metricOf(result, `server.${metric}`);
    return value === undefined ? [] : [say(value)];
  };
  const facts = [
    ...fact('cpuTime', (ms) => `CPU time ${formatDuration(ms)}`),
    ...fact('rss', (bytes) => `at most ${formatSize(bytes)} resident`),
    ...fact('bytesPerConnection', (bytes) => `${formatSize(bytes)} a connection`),
    ...fact('eventLoopDelay.p99', (ms) => `event-loop delay p99 ${formatDuration(ms)}`),
    ...fact('eventLoopDelay.max', (ms) => `max ${formatDuration(ms)}`),
    ...fact('conflated', (count) => (count === 0 ? '' : `${formatCount(count)} cursors conflated`)),
    ...fact('exitCode', (code) => {
      const took = metricOf(result, 'server.shutdown') ?? 0;
      return `exit code ${code} after ${formatDuration(took)}`;
    }),
  ].filter((one) => one !== '');
  if (facts.length === 0) return '';
  return [colors.bold('Server'), ...wrap(facts.join(', '), columns - 2).map((line) => `  ${line}`)].join(
    '\n',
  );
}

function generator(result: JsonResult, { colors, columns }: TerminalStyle): string {
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const workers = result.generator.map(({ maxCpu, maxDelayP99Ms, maxDelayMs, maxRunQueueWait }, index) => {
    const wait = maxRunQueueWait === undefined ? '' : `, waiting for a core ${percent(maxRunQueueWait)}`;
    return `  worker ${index + 1} at its busiest second: CPU ${percent(maxCpu)}, event-loop delay p99 ${formatDuration(maxDelayP99Ms)}, max ${formatDuration(maxDelayMs)}${wait}`;
  });
  const target = result.target.isOwn ? 'its own server, started for this run' : result.target.urls.join(', ');
  return [
    colors.bold('Load generator'),
    ...workers.flatMap((line) =>
      wrap(line.trimStart(), columns - 2).map((part, index) => `${index === 0 ? '  ' : '    '}${part}`),
    ),
    ...wrap(`target: ${oneLine(target)}`, columns - 2).map((line) => `  ${line}`),
    `  again: ${oneLine(result.replay)}`,
  ].join('\n');
}
