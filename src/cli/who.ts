import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import { whoOptions } from '../options/listen.js';
import { resolveOptions } from '../options/spec.js';
import { DatafnWsError, invalidOption } from '../protocol/errors.js';
import type { ConnectedClient } from '../server/events/clients.js';
import { printable, printableJson } from '../text/printable.js';
import { formatAmount, formatCount, formatDuration } from '../text/units.js';
import { NO_BORDERS, widthOf } from '../text/wrap.js';
import { runApiCommand } from './api-command.js';
import { colorsFor } from './color.js';
import type { Io } from './io.js';

/** A namespace and how many clients it has now. */
interface NamespaceCount {
  readonly namespace: string;
  readonly connections: number;
}

/** The first clients of a namespace, and how many there are. */
interface ClientList {
  readonly total: number;
  readonly clients: readonly ConnectedClient[];
}

/** Prints the namespaces of a server and how many clients each has, or the clients of one. Returns the exit code. */
export async function who(flags: Readonly<Record<string, string>>, io: Io): Promise<number> {
  const options = resolveOptions(whoOptions, { flags, env: io.env });
  const { url, json } = options;
  const [namespace, ...others] = options.namespace;
  if (others.length > 0)
    throw invalidOption(`Expected one --namespace, got ${others.length + 1}. Run who once for each.`);
  return runApiCommand(options, io, async (client) => {
    const columns = io.stdout.isTTY === true ? io.stdout.columns : undefined;
    const colors = colorsFor(io, 'stdout');
    if (namespace === undefined) {
      const namespaces = readNamespaces(await client.get('/v1/namespaces'), url);
      io.stdout.write(json ? line({ namespaces }) : namespacesTable(namespaces, colors, columns));
    } else {
      const path = `/v1/clients?namespace=${encodeURIComponent(namespace)}`;
      const answer = await allClients(path, (page) => client.get(page), url);
      io.stdout.write(json ? line(answer) : clientsTable(answer, colors, columns));
    }
    return 0;
  });
}

/** The clients of all pages. */
async function allClients(
  path: string,
  get: (path: string) => Promise<unknown>,
  url: string,
): Promise<ClientList> {
  const clients: ConnectedClient[] = [];
  for (let page = path; ; ) {
    const { total, next, clients: more } = readClients(await get(page), url);
    clients.push(...more);
    if (next === undefined) return { total, clients };
    page = `${path}&after=${encodeURIComponent(next)}`;
  }
}

const line = (answer: unknown) => `${printableJson(answer)}\n`;

type Shape<Item> = Readonly<Record<keyof Item, (value: unknown) => boolean>>;

const isText = (value: unknown) => typeof value === 'string';
const isOptionalText = (value: unknown) => value === undefined || isText(value);
const isAmount = (value: unknown) => Number.isFinite(value) && Number(value) >= 0;
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const NAMESPACE: Shape<NamespaceCount> = { namespace: isText, connections: isCount };
const CLIENT: Shape<ConnectedClient> = {
  id: isText,
  namespace: isText,
  principals: (value) => value === undefined || (Array.isArray(value) && value.every(isText)),
  clientId: isOptionalText,
  remoteAddress: isOptionalText,
  since: isText,
  connectedMs: isCount,
  heard: isOptionalText,
  newest: isOptionalText,
  pongMs: (value) => value === undefined || isAmount(value),
  bytesWaiting: isCount,
};

/** Most clients first. */
function readNamespaces(answer: unknown, url: string): NamespaceCount[] {
  return readList(answer, 'namespaces', NAMESPACE, url).sort(
    (a, b) => b.connections - a.connections || (a.namespace < b.namespace ? -1 : 1),
  );
}

function readClients(answer: unknown, url: string): ClientList & { next: string | undefined } {
  const clients = readList(answer, 'clients', CLIENT, url);
  const { total, next } = answer as { total?: unknown; next?: unknown };
  if (!isCount(total)) throw unexpectedAnswer('total', url);
  if (!isOptionalText(next)) throw unexpectedAnswer('next', url);
  return { total: total as number, clients, next: next as string | undefined };
}

/** The known fields of each item of a list in an answer. */
function readList<Item>(answer: unknown, field: string, shape: Shape<Item>, url: string): Item[] {
  const list = (answer as Record<string, unknown> | null)?.[field];
  if (!Array.isArray(list)) throw unexpectedAnswer(field, url);
  const checks = Object.entries<(value: unknown) => boolean>(shape);
  return list.map((item: Readonly<Record<string, unknown>> | null) => {
    if (item === null || !checks.every(([key, isValid]) => isValid(item[key])))
      throw unexpectedAnswer(field, url);
    return Object.fromEntries(checks.map(([key]) => [key, item[key]])) as Item;
  });
}

function unexpectedAnswer(field: string, url: string): DatafnWsError {
  return new DatafnWsError(
    'ERR_REFUSED',
    `${url} refused: an answer without \`${field}\`; is it a datafn-ws server?`,
  );
}

const GAP = 2;
const MIN_NAME = 8;
/** Rows in a table: far more take seconds to lay out. */
const MAX_ROWS = 1000;
const NO_CLIENTS = 'no clients are connected\n';

/**
 * A table of namespaces, with their sum below.
 *
 * @param columns the width of the terminal, which breaks long names; `undefined` for a pipe, which gets one line each.
 */
export function namespacesTable(
  namespaces: readonly NamespaceCount[],
  colors: ChalkInstance,
  columns: number | undefined,
): string {
  if (namespaces.length === 0) return NO_CLIENTS;
  const total = namespaces.reduce((sum, { connections }) => sum + connections, 0);
  const rows = namespaces
    .slice(0, MAX_ROWS)
    .map(({ namespace, connections }) => [printable(namespace), formatCount(connections)]);
  const more = namespaces.length - rows.length;
  const rest = more > 0 ? `… and ${formatAmount(more, 'more namespace')}; --json lists all\n` : '';
  const sum = `${formatAmount(total, 'client')} in ${formatAmount(namespaces.length, 'namespace')}`;
  return `${grid(['namespace', 'clients'], rows, colors, columns)}\n${rest}\n${sum}\n`;
}

/** A table of clients, with their number below. */
export function clientsTable(
  { clients, total }: ClientList,
  colors: ChalkInstance,
  columns: number | undefined,
): string {
  if (clients.length === 0) return NO_CLIENTS;
  const rows = clients
    .slice(0, MAX_ROWS)
    .map(({ id, clientId = '-', remoteAddress = '-', connectedMs, heard = '-' }) => [
      printable(clientId),
      `#${printable(id)}`,
      printable(remoteAddress),
      formatDuration(connectedMs),
      printable(heard),
    ]);
  const more = total - rows.length;
  const rest = more > 0 ? `… and ${formatAmount(more, 'more client')}\n` : '';
  const heads = ['client id', 'connection', 'address', 'connected for', 'cursor'];
  return `${grid(heads, rows, colors, columns)}\n${rest}\n${formatAmount(total, 'client')}\n`;
}

/** Rows whose first column is a name, which is broken if the terminal is too narrow for it. */
function grid(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  colors: ChalkInstance,
  columns: number | undefined,
): string {
  const widths = heads.map((head, column) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[column] ?? '')), head.length),
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
