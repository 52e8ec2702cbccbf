import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import { printable } from '../../protocol/printable.js';
import { formatAmount, formatCount } from '../../protocol/units.js';
import { NO_BORDERS } from '../../text/borders.js';

/** A namespace and how many clients it has now. */
export interface NamespaceCount {
  readonly namespace: string;
  readonly connections: number;
}

const COUNT_HEAD = 'clients';
const GAP = 2;
const MIN_NAME = 8;
/** Namespaces in a table: far more take seconds to lay out. */
const MAX_ROWS = 1000;

/**
 * A table of namespaces, with their sum below.
 *
 * @param columns width to keep to, by breaking long names; `undefined` for a pipe, which gets a line a namespace.
 */
export function whoTable(
  namespaces: readonly NamespaceCount[],
  colors: ChalkInstance,
  columns: number | undefined,
): string {
  if (namespaces.length === 0) return 'no clients are connected\n';
  const total = namespaces.reduce((sum, { connections }) => sum + connections, 0);
  const shown = namespaces.slice(0, MAX_ROWS);
  const countWidth = Math.max(
    COUNT_HEAD.length,
    ...shown.map(({ connections }) => formatCount(connections).length),
  );
  const longest = shown.reduce((most, { namespace }) => Math.max(most, printable(namespace).length), 0);
  const nameWidth = columns === undefined ? undefined : Math.max(MIN_NAME, columns - countWidth - GAP);
  const grid = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: ['left', 'right'],
    ...(nameWidth !== undefined && longest > nameWidth
      ? { colWidths: [nameWidth, countWidth], wordWrap: true, wrapOnWordBoundary: false }
      : {}),
  });
  grid.push(['namespace', COUNT_HEAD].map((name) => colors.dim(name)));
  for (const { namespace, connections } of shown) grid.push([printable(namespace), formatCount(connections)]);
  const sum = `${formatAmount(total, 'client')} in ${formatAmount(namespaces.length, 'namespace')}`;
  const more = namespaces.length - MAX_ROWS;
  const rest = more > 0 ? `… and ${formatAmount(more, 'more namespace')}; --json lists all\n` : '';
  return `${grid.toString()}\n${rest}\n${sum}\n`;
}
