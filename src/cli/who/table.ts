import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import { printable } from '../../text/printable.js';
import { formatAmount, formatCount, formatDuration } from '../../text/units.js';
import { NO_BORDERS } from '../../text/wrap.js';

/** A namespace and how many clients it has now. */
export interface NamespaceCount {
  readonly namespace: string;
  readonly connections: number;
}

/** A client that is connected now. */
export interface Client {
  readonly id: number;
  readonly namespace: string;
  readonly clientId?: string | undefined;
  readonly remoteAddress?: string | undefined;
  /** Milliseconds since it connected. */
  readonly connectedMs: number;
}

/** The first clients of a namespace, and how many there are. */
export interface ClientList {
  readonly total: number;
  readonly clients: readonly Client[];
}

const GAP = 2;
const MIN_NAME = 8;
/** Rows in a table: far more take seconds to lay out. */
const MAX_ROWS = 1000;

/**
 * A table of namespaces, with their sum below.
 *
 * @param columns width to keep to, by breaking long names; `undefined` for a pipe, which gets a line a namespace.
 */
export function namespacesTable(
  namespaces: readonly NamespaceCount[],
  colors: ChalkInstance,
  columns: number | undefined,
): string {
  if (namespaces.length === 0) return 'no clients are connected\n';
  const total = namespaces.reduce((sum, { connections }) => sum + connections, 0);
  const rows = namespaces
    .slice(0, MAX_ROWS)
    .map(({ namespace, connections }) => [printable(namespace), formatCount(connections)]);
  const sum = `${formatAmount(total, 'client')} in ${formatAmount(namespaces.length, 'namespace')}`;
  const more = namespaces.length - MAX_ROWS;
  const rest = more > 0 ? `… and ${formatAmount(more, 'more namespace')}; --json lists all\n` : '';
  return `${grid(['namespace', 'clients'], rows, colors, columns)}\n${rest}\n${sum}\n`;
}

/** A table of clients, with their number below. */
export function clientsTable(
  { clients, total }: ClientList,
  colors: ChalkInstance,
  columns: number | undefined,
): string {
  if (clients.length === 0) return 'no clients are connected\n';
  const rows = clients
    .slice(0, MAX_ROWS)
    .map(({ id, clientId, remoteAddress, connectedMs }) => [
      printable(clientId ?? '-'),
      `#${id}`,
      printable(remoteAddress ?? '-'),
      formatDuration(connectedMs),
    ]);
  const more = total - rows.length;
  const rest = more > 0 ? `… and ${formatAmount(more, 'more client')}\n` : '';
  const heads = ['client id', 'connection', 'address', 'connected for'];
  return `${grid(heads, rows, colors, columns)}\n${rest}\n${formatAmount(total, 'client')}\n`;
}

/** Rows whose first column is a name, which is broken where the width asks for it. */
function grid(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  colors: ChalkInstance,
  columns: number | undefined,
): string {
  const widths = heads.map((head, column) =>
    rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), head.length),
  );
  const [longest = 0, ...others] = widths;
  const taken = others.reduce((sum, width) => sum + width + GAP, 0);
  const nameWidth = columns === undefined ? longest : Math.max(MIN_NAME, columns - taken);
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: ['left', ...others.map(() => 'right' as const)],
    ...(longest > nameWidth
      ? { colWidths: [nameWidth, ...others], wordWrap: true, wrapOnWordBoundary: false }
      : {}),
  });
  table.push(
    heads.map((head) => colors.dim(head)),
    ...rows.map((row) => [...row]),
  );
  return table.toString();
}
