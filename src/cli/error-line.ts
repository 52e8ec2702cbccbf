import type { ChalkInstance } from 'chalk';
import { printable } from '../text/printable.js';

/**
 * An error or a warning as a line of stderr. It has no period at its end, which would look like a part of the command, path
 * or value that many end with.
 */
export function errorLine(text: string, colors: ChalkInstance, kind: 'error' | 'warning' = 'error'): string {
  const color = kind === 'error' ? colors.red : colors.yellow;
  return `${color(`${kind}:`)} ${withoutPeriod(printable(text))}\n`;
}

/** A text without a period at its end; an ellipsis stays. */
export function withoutPeriod(text: string): string {
  return text.replace(/(?<!\.)\.$/, '');
}
