import { stripVTControlCharacters as stripColors } from 'node:util';
import { formatAmount, formatCount, formatDuration, formatSize } from '../../protocol/units.js';
import { comparisonSection } from '../compare/terminal.js';
import {
  byMeaning,
  CHANGES_MAY_FAIL,
  evidenceOf,
  FAILURE_TITLES,
  failuresOf,
  meaningsOf,
  mishapsOf,
} from './failures.js';
import type { JsonResult } from './schema.js';
import {
  changesText,
  deliveriesOf,
  durationCell,
  hasFailed,
  heldText,
  inFlightText,
  metricOf,
  otherMessagesOf,
  outcomesOf,
  PERCENTILE_NAMES,
  repeatRowsOf,
  repeatText,
  SHORT_DELIVERY_NAMES,
  SIGNS,
  scopeText,
  standingOf,
  timingsOf,
} from './tables.js';
import { NAME_WIDTH, oneLine, shorten, type TerminalStyle, table } from './terminal-layout.js';
import { VERDICT_WORDS, type VerdictSentence } from './verdict-sentence.js';
import { wrap } from './wrap.js';

/**
 * The report of a run but for its last line, {@link verdictLine}: each expectation and what was measured, then, where
 * a terminal still shows it when the run is over, what went wrong.
 */
export function terminalReport(result: JsonResult, style: TerminalStyle): string {
  return [
    headline(result, style),
    expectations(result, style),
    repetitions(result, style),
    ledger(result, style),
    cursors(result, style),
    otherMessages(result, style),
    timings(result, style),
    server(result, style),
    generator(result, style),
    result.comparison === undefined ? '' : comparisonSection(result.comparison, style),
    wentWrong(result, style),
    `  again: ${oneLine(result.replay)}`,
  ]
    .filter((section) => section !== '')
    .join('\n\n')
    .concat('\n');
}

/** A verdict in a sentence. */
export function verdictLine({ verdict, subject, rest }: VerdictSentence, { colors }: TerminalStyle): string {
  return `${paintOf(verdict, colors).bold(VERDICT_WORDS[verdict])} ${colors.bold(oneLine(subject))}${rest}\n`;
}

function paintOf(verdict: JsonResult['verdict'], colors: TerminalStyle['colors']) {
  return {
    passed: colors.green,
    failed: colors.red,
    regressed: colors.red,
    invalid: colors.magenta,
    aborted: colors.yellow,
  }[verdict];
}

function headline(result: JsonResult, { colors, columns }: TerminalStyle): string {
  const { verdict, scenario } = result;
  const changes = changesText(result, oneLine);
  const isWhole = verdict !== 'aborted' && verdict !== 'invalid';
  const facts = [
    heldText(result, isWhole ? 'held' : 'hold as far as it got'),
    formatAmount(scenario.clients, 'client'),
    formatDuration(result.durationMs),
  ];
  return [
    `${paintOf(verdict, colors).bold(VERDICT_WORDS[verdict])} ${colors.bold(oneLine(scenario.name))}`,
    ...wrap(oneLine(scenario.summary), columns - 2).map((line) => `  ${colors.dim(line)}`),
    `  ${facts.join(', ')}`,
    ...(changes === undefined ? [] : wrap(changes, columns - 2).map((line) => colors.yellow(`  ${line}`))),
    ...(result.repeat === undefined
      ? []
      : wrap(repeatText(result.repeat), columns - 2).map((line) => `  ${line}`)),
    ...(result.aborted
      ? [colors.yellow('  It was stopped before it was over: the numbers are of a part of it.')]
      : []),
    ...mishaps(result, { colors, columns }),
  ].join('\n');
}

function mishaps(result: JsonResult, { colors, columns }: TerminalStyle): string[] {
  return mishapsOf(result).flatMap((reason) =>
    wrap(oneLine(reason), columns - 4).map((line, index) =>
      colors.red(`${index === 0 ? '  ! ' : '    '}${line}`),
    ),
  );
}

function expectations(result: JsonResult, style: TerminalStyle): string {
  return [style.colors.bold('Expectations'), ...ruleLines(result.expectations, style)].join('\n');
}

/** Rules, each with a sign and what was found; the lines of one are together. */
function ruleLines(rules: JsonResult['expectations'], { colors, columns }: TerminalStyle): string[] {
  const all = rules.map((one) => ({ ...one, rule: oneLine(one.rule) }));
  const suffix = (one: (typeof all)[number]) => {
    const scope = scopeText(one);
    return scope === undefined ? '' : ` (${shorten(oneLine(scope), 24)})`;
  };
  const paints = {
    held: colors.green,
    failed: colors.red,
    'not measurable': colors.yellow,
    'not reached': colors.dim,
  };
  const behind = Math.max(...all.map((one) => one.shown.length + suffix(one).length));
  const longest = Math.max(...all.map(({ rule }) => rule.length));
  const width = Math.max(20, Math.min(columns - 6 - behind, longest));
  return all.flatMap((one) => {
    const { rule, shown } = one;
    const standing = standingOf(one);
    const sign = (hasFailed(one) ? colors.red : paints[standing])(SIGNS[standing]);
    const value = hasFailed(one)
      ? colors.red.bold(shown)
      : standing === 'not reached'
        ? colors.dim(shown)
        : shown;
    const actual = `${value}${colors.dim(suffix(one))}`;
    const parts = wrap(rule, width);
    const told = parts.map((part, index) => {
      const start = `  ${index === 0 ? sign : ' '} `;
      return index < parts.length - 1 ? `${start}${part}` : `${start}${part.padEnd(width)}  ${actual}`;
    });
    const why = one.notMeasurable === undefined ? [] : wrap(oneLine(one.notMeasurable), columns - 6);
    return [...told, ...why.map((line) => `      ${line}`)];
  });
}

/** What did not hold, with what was seen of it and what that usually means. */
function wentWrong(result: JsonResult, style: TerminalStyle): string {
  const { colors, columns } = style;
  // Of a run that was stopped, or says nothing, most rules do not hold for that alone.
  const failures = failuresOf(result).filter(
    ({ evidence }) => result.verdict === 'failed' || evidence !== undefined,
  );
  if (failures.length + mishapsOf(result).length === 0) return '';
  const indented = (text: string) => wrap(oneLine(text), columns - 4).map((line) => `    ${line}`);
  const changes = failures.length === 0 ? undefined : changesText(result, oneLine);
  const groups = byMeaning(failures).map((group) => [
    ...ruleLines(group, style),
    ...evidenceOf(group).flatMap(indented),
    ...meaningsOf(group).flatMap((meaning) => indented(`It usually means: ${meaning}`)),
  ]);
  return [
    colors.bold(FAILURE_TITLES[result.verdict]),
    ...mishaps(result, style),
    ...groups.flat(),
    ...(changes === undefined
      ? []
      : wrap(`${changes}. ${CHANGES_MAY_FAIL}`, columns - 2).map((line) => colors.yellow(`  ${line}`))),
  ].join('\n');
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
  const inFlight = inFlightText(result);
  return [
    table('Cursor deliveries', heads, rows, style, [1, 2, 3, 4, 5, 6, 7, 8]),
    ...(inFlight === undefined ? [] : wrap(inFlight, style.columns - 2).map((line) => `  ${line}`)),
  ].join('\n');
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
    ...fact('eventLoopDelay.max', (ms) => {
      const isTold = metricOf(result, 'server.eventLoopDelay.p99') !== undefined;
      return `${isTold ? 'max' : 'longest event-loop delay'} ${formatDuration(ms)}`;
    }),
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
  ].join('\n');
}
