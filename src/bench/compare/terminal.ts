import { stripVTControlCharacters } from 'node:util';
import { oneLine, type TerminalStyle, table } from '../report/terminal-layout.js';
import { wrap } from '../report/wrap.js';
import type { Comparison } from './comparison.js';
import {
  CHANGE_SIGNS,
  COMPARISON_WORDS,
  sideText,
  summaryText,
  type ToldChange,
  toldChanges,
  toldNumbers,
} from './told.js';

/** A comparison as `compare` prints it: what was compared, the numbers, each change, and the verdict in a sentence. */
export function terminalComparison(comparison: Comparison, style: TerminalStyle): string {
  const { colors, columns } = style;
  const paint = {
    regressed: colors.red,
    warned: colors.yellow,
    improved: colors.green,
    same: colors.green,
  }[comparison.verdict];
  const word = COMPARISON_WORDS[comparison.verdict].toUpperCase();
  const sides = [`baseline: ${sideText(comparison.base)}`, `now:      ${sideText(comparison.new)}`].flatMap(
    (side) => indented(side, columns, '  ', '    '),
  );
  const verdict = `${paint.bold(word)} ${colors.bold(oneLine(comparison.scenario))}`;
  const changes = changesText(comparison, style);
  const isChanged = comparison.changes.length + comparison.problems.length > 0;
  return [
    [verdict, ...sides.map((line) => colors.dim(line))].join('\n'),
    numbersTable(comparison, style),
    changes.length === 0 ? '' : [colors.bold(isChanged ? 'Changes' : 'Notes'), ...changes].join('\n'),
    `${verdict}:${summaryBehind(`${word} ${oneLine(comparison.scenario)}:`, comparison, columns)}\n`,
  ]
    .filter((section) => section !== '')
    .join('\n\n');
}

/** How much has changed, on the line that it is to stand behind if it fits there. */
function summaryBehind(start: string, comparison: Comparison, columns: number): string {
  const summary = summaryText(comparison);
  return start.length + 1 + summary.length <= columns
    ? ` ${summary}`
    : ['', ...indented(summary, columns, '  ', '  ')].join('\n');
}

/** The numbers of both, whether they differ or not. */
function numbersTable(comparison: Comparison, style: TerminalStyle): string {
  const rows = toldNumbers(comparison).map(({ metric, base, now, by }) => [oneLine(metric), base, now, by]);
  const heads = ['', 'baseline', 'now', 'change'];
  const wide = table('Numbers', heads, rows, style, [1, 2, 3]);
  if (
    stripVTControlCharacters(wide)
      .split('\n')
      .every(({ length }) => length <= style.columns)
  )
    return wide;
  const lines = rows.flatMap(([metric = '', base, now, by]) => [
    ...indented(metric, style.columns, '  ', '  '),
    ...indented(`${base} -> ${now} (${by})`, style.columns, '    ', '    '),
  ]);
  return [style.colors.bold('Numbers'), ...lines].join('\n');
}

/** A comparison as a section of the report of a run. */
export function comparisonSection(comparison: Comparison, style: TerminalStyle): string {
  const { colors, columns } = style;
  const base = indented(`baseline: ${sideText(comparison.base)}`, columns, '  ', '    ');
  return [
    colors.bold(`Against the baseline: ${COMPARISON_WORDS[comparison.verdict]}`),
    ...base.map((line) => colors.dim(line)),
    ...indented(summaryText(comparison), columns, '  ', '  '),
    ...changesText(comparison, style),
  ].join('\n');
}

function changesText(comparison: Comparison, style: TerminalStyle): string[] {
  const { colors, columns } = style;
  return [
    ...comparison.warnings.flatMap((warning) =>
      indented(warning, columns, '  ! ', '    ').map((line) => colors.yellow(line)),
    ),
    ...comparison.problems.flatMap((problem) =>
      indented(problem, columns, `  ${CHANGE_SIGNS.regression} `, '    ').map((line) => colors.red(line)),
    ),
    ...toldChanges(comparison).flatMap((change) => changeText(change, style)),
  ];
}

/** One change: the metric and its values in a line if they fit, and why it counts as what it does below. */
function changeText({ verdict, metric, base, now, by, why }: ToldChange, { colors, columns }: TerminalStyle) {
  const paint = {
    regression: colors.red,
    warning: colors.yellow,
    improvement: colors.green,
    note: colors.dim,
  }[verdict];
  const values = `${base} -> ${now}${by === '' ? '' : ` (${by})`}`;
  const [first = '', ...more] = wrap(oneLine(metric), columns - 4);
  const fits = more.length === 0 && first.length + 2 + values.length <= columns - 4;
  return [
    `  ${paint(CHANGE_SIGNS[verdict])} ${first}${fits ? `  ${paint(values)}` : ''}`,
    ...more.map((line) => `    ${line}`),
    ...(fits ? [] : indented(values, columns, '    ', '    ').map((line) => paint(line))),
    ...indented(why, columns, '      ', '      ').map((line) => colors.dim(line)),
  ];
}

/** A text from anywhere in lines that fit, the first of which may begin with a sign. */
function indented(text: string, columns: number, first: string, rest: string): string[] {
  return wrap(oneLine(text), columns - rest.length).map(
    (line, index) => `${index === 0 ? first : rest}${line}`,
  );
}
