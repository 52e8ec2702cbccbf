import { oneLine, type TerminalStyle } from '../report/terminal-layout.js';
import { wrap } from '../report/wrap.js';
import type { Comparison } from './comparison.js';
import {
  CHANGE_SIGNS,
  COMPARISON_WORDS,
  sideText,
  summaryText,
  type ToldChange,
  toldChanges,
} from './told.js';

/** A comparison as `compare` prints it: the verdict first, then what was compared, then each change. */
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
  return [
    `${paint.bold(word)} ${colors.bold(oneLine(comparison.scenario))}`,
    ...sides.map((line) => colors.dim(line)),
    ...changesText(comparison, style),
    '',
  ].join('\n');
}

/** A comparison as a section of the report of a run. */
export function comparisonSection(comparison: Comparison, style: TerminalStyle): string {
  const { colors, columns } = style;
  const base = indented(`baseline: ${sideText(comparison.base)}`, columns, '  ', '    ');
  return [
    colors.bold(`Against the baseline: ${COMPARISON_WORDS[comparison.verdict]}`),
    ...base.map((line) => colors.dim(line)),
    ...changesText(comparison, style),
  ].join('\n');
}

function changesText(comparison: Comparison, style: TerminalStyle): string[] {
  const { colors, columns } = style;
  return [
    ...indented(summaryText(comparison), columns, '  ', '  '),
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
