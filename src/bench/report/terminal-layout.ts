import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import { printable } from '../../protocol/printable.js';

export interface TerminalStyle {
  readonly colors: ChalkInstance;
  /** Width to keep to. */
  readonly columns: number;
}

/** Longest name in the first column of a table. */
export const NAME_WIDTH = 28;

/** Characters of a table without borders. */
export const NO_BORDER = {
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

/** A table without borders under a title, in two blanks; nothing without rows. */
export function table(
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

/** At most so many characters of a text, an ellipsis for the rest. */
export function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Text from outside as a part of a line, its controls shown instead of obeyed. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' '));
}
