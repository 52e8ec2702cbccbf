import { describe } from '../../protocol/identifiers.js';
import { type BackendAnswer, BackendError, invalid, succeeded } from './answer.js';
import { mergedChanges, type RowData } from './change-stream.js';
import {
  isObject,
  isPlainTable,
  type JsonObject,
  readCursor,
  readLimit,
  readName,
  readTable,
  readTables,
} from './requests.js';
import type { NamespaceData } from './store.js';

/** Changes in an answer to a pull that names no limit, as in DataFn's server. */
const PULL_LIMIT = 200;
/** The same for the form with one cursor. */
const GLOBAL_PULL_LIMIT = 100;
/** Rows in a page of a clone that names no limit. */
const PAGE_LIMIT = 500;

/** A first copy of tables: all of their rows, or one page of one table. */
export function clone(namespace: NamespaceData | undefined, body: JsonObject): BackendAnswer {
  const known = [...(namespace?.streams.keys() ?? [])].filter(isPlainTable);
  const tables = readTables(body.tables, 'tables') ?? known;
  const page = body.page === undefined || body.page === null ? undefined : readPage(body.page);
  const isFirst = page?.afterId === undefined;
  const data: Record<string, RowData[]> = {};
  const cursors: Record<string, string> = {};
  const next: Record<string, string | null> = {};
  for (const table of tables) {
    const stream = namespace?.streams.get(table);
    data[table] = page === undefined ? [...(stream?.live() ?? [])] : [];
    cursors[table] = String(stream?.newest ?? 0);
  }
  if (page !== undefined) {
    const { table, afterId, limit } = page;
    const rows = namespace?.streams.get(table)?.page(afterId, limit) ?? [];
    const clientId = body.clientId === undefined ? '' : readName(body.clientId, 'clientId');
    data[table] = rows;
    cursors[table] = String(namespace?.pageCursor(clientId, table, isFirst) ?? 0);
    next[table] = rows.length === limit ? String(rows.at(-1)?.id) : null;
  }
  const joins = body.includeJoins && isFirst ? joinsOf(namespace, tables) : undefined;
  return succeeded({ ok: true, data, cursors, ...(joins === undefined ? {} : { joins }), next });
}

function readPage(value: unknown): { table: string; afterId: string | undefined; limit: number } {
  if (!isObject(value)) throw invalid(`Expected page to be an object, got ${describe(value)}`, 'page');
  const { afterId } = value;
  return {
    table: readTable(value.table, 'page.table'),
    afterId: afterId === undefined || afterId === null ? undefined : readName(afterId, 'page.afterId'),
    limit: readLimit(value.limit, PAGE_LIMIT, 'page.limit'),
  };
}

/** The rows of the relations of some tables. */
function joinsOf(namespace: NamespaceData | undefined, tables: readonly string[]): Record<string, RowData[]> {
  const joins: Record<string, RowData[]> = {};
  for (const [name, stream] of namespace?.streams ?? [])
    if (tables.some((table) => name.startsWith(`join_${table}_`))) joins[name] = [...stream.live()];
  return joins;
}

/** What has changed since the cursors of a client. What is wrong with them is refused with 200, as DataFn's server does. */
export function pull(namespace: NamespaceData | undefined, body: JsonObject): BackendAnswer {
  const { cursor, cursors } = body;
  if ((cursor === undefined) === (cursors === undefined))
    throw invalid('Expected either cursors or a cursor, and not both', 'cursors');
  try {
    return cursors === undefined ? pullSince(namespace, body) : pullTables(namespace, body);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    const { code, message, path } = error;
    const wrong = { code, message, details: { path } };
    return succeeded({ ok: false, records: {}, deleted: {}, cursors: {}, error: wrong });
  }
}

function pullTables(namespace: NamespaceData | undefined, body: JsonObject): BackendAnswer {
  if (!isObject(body.cursors))
    throw invalid(`Expected cursors to be an object, got ${describe(body.cursors)}`, 'cursors');
  const asked = Object.entries(body.cursors).map(
    ([name, cursor]) => [readName(name, 'cursors'), readCursor(cursor, `cursors.${name}`)] as const,
  );
  const limit = readLimit(body.limit, PULL_LIMIT);
  const records: Record<string, RowData[]> = {};
  const deleted: Record<string, string[]> = {};
  const joins: Record<string, { upsert: RowData[]; delete: RowData[] }> = {};
  // Every one goes back, and none lower than it came: a client drops the whole page otherwise.
  const cursors: Record<string, string> = Object.fromEntries(asked);
  for (const [name] of asked) {
    if (name.startsWith('join_')) {
      joins[name] = { upsert: [], delete: [] };
      namespace?.noteJoin(name);
    } else if (isPlainTable(name)) {
      records[name] = [];
      deleted[name] = [];
    }
  }
  const streams = asked.flatMap(([name, cursor]) => {
    const changes = namespace?.streams.get(name)?.changesAfter(Number(cursor));
    return changes === undefined ? [] : [{ name, changes }];
  });
  let left = limit;
  let hasMore = false;
  for (const { name, row } of mergedChanges(streams)) {
    if (left === 0) {
      hasMore = true;
      break;
    }
    left -= 1;
    cursors[name] = String(row.seq);
    const join = joins[name];
    if (join !== undefined) {
      if (row.data !== undefined) join.upsert.push(row.data);
      else join.delete.push(endsOf(row.key));
    } else if (row.data !== undefined) records[name]?.push(row.data);
    else deleted[name]?.push(row.key);
  }
  return succeeded({ ok: true, records, merged: {}, deleted, joins, cursors, hasMore });
}

/** The form with one cursor for all tables. */
function pullSince(namespace: NamespaceData | undefined, body: JsonObject): BackendAnswer {
  const cursor = readCursor(body.cursor, 'cursor');
  const limit = readLimit(body.limit, GLOBAL_PULL_LIMIT);
  const streams = [...(namespace?.streams ?? [])]
    .filter(([name]) => isPlainTable(name))
    .map(([name, stream]) => ({ name, changes: stream.changesAfter(Number(cursor)) }));
  const changes: object[] = [];
  let nextCursor: string | null = null;
  for (const { name, row } of mergedChanges(streams)) {
    if (changes.length === limit) break;
    nextCursor = String(row.seq);
    const [op, record] = row.data === undefined ? ['delete', null] : ['upsert', row.data];
    changes.push({ serverSeq: row.seq, resource: name, id: row.key, op, record });
  }
  return succeeded({ ok: true, changes, nextCursor });
}

/** The two ids of a relation that is gone. */
function endsOf(key: string): RowData {
  const [from, to] = JSON.parse(key) as [string, string];
  return { from, to };
}

/** How many rows each table has, for a client that compares them with its own. */
export function reconcile(namespace: NamespaceData | undefined, body: JsonObject): BackendAnswer {
  const names = [...(namespace?.streams.keys() ?? [])];
  const tables = readTables(body.resources, 'resources') ?? names.filter(isPlainTable);
  const countOf = (name: string) => namespace?.streams.get(name)?.liveCount ?? 0;
  const joinNames = names.filter((name) => tables.some((table) => name.startsWith(`join_${table}_`)));
  return succeeded({
    ok: true,
    counts: Object.fromEntries(tables.map((table) => [table, countOf(table)])),
    ...(body.includeJoins
      ? { joinCounts: Object.fromEntries(joinNames.map((name) => [name, countOf(name)])) }
      : {}),
    latestCursor: String(namespace?.newest ?? 0),
  });
}
