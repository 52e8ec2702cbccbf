import {
  CHANGE_SIGNS,
  COMPARISON_WORDS,
  sideText,
  summaryText,
  toldChanges,
  toldNumbers,
} from '../../compare/told.js';
import type { JsonResult } from '../schema.js';
import { repeatRowsOf } from '../tables.js';
import { escapeHtml, spoken, table } from './markup.js';

const CHANGE_CLASSES = { regression: 'bad', warning: 'warn', improvement: 'good', note: 'muted' } as const;

/** What is different from the baseline. */
export function againstBaseline({ comparison }: JsonResult, level: number): string {
  if (comparison === undefined) return '';
  const rows = toldChanges(comparison).map(({ verdict, metric, base, now, by, why }) => [
    `<span class="${CHANGE_CLASSES[verdict]}" aria-hidden="true">${CHANGE_SIGNS[verdict]}</span>${spoken(verdict)}`,
    `<code>${escapeHtml(metric)}</code>`,
    escapeHtml(base),
    escapeHtml(by === '' ? now : `${now} (${by})`),
    `${verdict}: ${escapeHtml(why)}`,
  ]);
  const numbers = toldNumbers(comparison).map(({ metric, base, now, by }) => [
    { head: `<code>${escapeHtml(metric)}</code>` },
    ...[base, now, by].map(escapeHtml),
  ]);
  const notes = [...comparison.warnings, ...comparison.problems].map(
    (note) => `<li>${escapeHtml(note)}</li>`,
  );
  const heads = [spoken('kind of change'), 'metric', 'baseline', 'now', 'what it is'];
  return `<h${level}>Against the baseline: ${COMPARISON_WORDS[comparison.verdict]}</h${level}>
<p>${escapeHtml(summaryText(comparison))}. <small>Baseline: ${escapeHtml(sideText(comparison.base))}</small></p>
${notes.length === 0 ? '' : `<ul>${notes.join('')}</ul>`}
${rows.length === 0 ? '' : table('What is different from the baseline', heads, rows)}
${numbers.length === 0 ? '' : `<details><summary>The numbers of both as a table</summary>${table('Numbers of the baseline and of this run', ['metric', 'baseline', 'now', 'change'], numbers, 1)}</details>`}`;
}

/** Medians of several runs, and between what the runs were. */
export function repetitions(result: JsonResult, level: number): string {
  const rows = repeatRowsOf(result).map(({ metric, median, low, high }) => [
    { head: `<code>${escapeHtml(metric)}</code>` },
    ...[median, low, high].map(escapeHtml),
  ]);
  if (rows.length === 0) return '';
  return `<h${level}>Runs</h${level}>${table('Medians of all runs', ['metric', 'median', 'least', 'greatest'], rows, 1)}`;
}
