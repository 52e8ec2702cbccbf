import { cell, codeCell, few } from '../report/markdown-text.js';
import type { Comparison } from './comparison.js';
import { CHANGE_SIGNS, COMPARISON_WORDS, sideText, summaryText, toldChanges, toldNumbers } from './told.js';

const ICONS = { regressed: '❌', warned: '⚠️', improved: '✅', same: '✅' } as const;

/** Comparisons as Markdown, for a pull request. */
export function markdownComparisons(comparisons: readonly Comparison[]): string {
  return comparisons
    .map((comparison) => {
      const { verdict, scenario } = comparison;
      const title = `## ${ICONS[verdict]} ${COMPARISON_WORDS[verdict]}: ${cell(scenario)}`;
      return [title, '', ...body(comparison), ''].join('\n');
    })
    .join('\n');
}

/**
 * A comparison as a part of the report of a run.
 *
 * @param most rows of a table and lines of a list; of more, the last says how many. Default: all.
 */
export function markdownComparison(comparison: Comparison, most = Number.POSITIVE_INFINITY): string {
  const { verdict } = comparison;
  return [
    `### ${ICONS[verdict]} Against the baseline: ${COMPARISON_WORDS[verdict]}`,
    '',
    ...body(comparison, most),
  ].join('\n');
}

function body(comparison: Comparison, most = Number.POSITIVE_INFINITY): string[] {
  const { base, new: next, warnings, problems } = comparison;
  const rows = toldChanges(comparison).map(
    ({ verdict, metric, base: then, now, by, why }) =>
      `| ${CHANGE_SIGNS[verdict]} | ${codeCell(metric)} | ${cell(then)} | ${cell(now)}${by === '' ? '' : ` (${cell(by)})`} | ${verdict}: ${cell(why)} |`,
  );
  const numbers = toldNumbers(comparison).map(
    ({ metric, base: then, now, by }) =>
      `| ${codeCell(metric)} | ${cell(then)} | ${cell(now)} | ${cell(by)} |`,
  );
  return [
    `${cell(summaryText(comparison))}.`,
    '',
    `Baseline: ${cell(sideText(base))}. Now: ${cell(sideText(next))}.`,
    ...few([...warnings, ...problems], most, (more) => more).map((text) => `\n> ${cell(text)}`),
    ...(rows.length === 0
      ? []
      : [
          '',
          '| | metric | baseline | now | what it is |',
          '|---|---|---|---|---|',
          ...few(rows, most, (more) => `| | ${more} | | | |`),
        ]),
    ...(numbers.length === 0
      ? []
      : [
          ...['', '<details><summary>The numbers of both</summary>', ''],
          ...['| metric | baseline | now | change |', '|---|---|---|---|'],
          ...few(numbers, most, (more) => `| ${more} | | | |`),
          ...['', '</details>'],
        ]),
  ];
}
