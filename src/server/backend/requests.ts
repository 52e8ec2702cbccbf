import { describe, namespaceProblem } from '../../protocol/identifiers.js';
import { orList } from '../../text/or-list.js';
import { BackendError, invalid } from './answer.js';

// What DataFn clients send, checked. Each of these throws a BackendError that names the part that is wrong.

/** The most mutations in one request, as in DataFn's server. */
export const MAX_MUTATIONS = 500;
/** The most changes in one answer to a pull, and the most rows in one page of a clone. */
const MAX_LIMIT = 1000;
/** Objects inside objects: more than any row needs. */
const MAX_DEPTH = 64;

/** Names that would reach the prototype of an object that is copied carelessly; DataFn's server refuses them, too. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** What a mutation does; the others of DataFn need a schema, or someone's rights. */
export const OPERATIONS = [
  'insert',
  'merge',
  'replace',
  'delete',
  'relate',
  'modifyRelation',
  'unrelate',
] as const;
const OTHER_OPERATIONS = ['trash', 'restore', 'archive', 'unarchive', 'share', 'unshare'];

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A request body that is an object, of a version that is known, with names that are harmless. */
export function readBody(body: unknown): JsonObject {
  if (!isObject(body)) throw invalid(`Expected the body to be an object, got ${describe(body)}`);
  const { protocolVersion = '1' } = body;
  if (protocolVersion !== '1') {
    throw new BackendError(
      400,
      'DATAFN_UNSUPPORTED_PROTOCOL_VERSION',
      `Expected protocolVersion to be "1", got ${describe(protocolVersion)}`,
      'protocolVersion',
    );
  }
  return body;
}

/** Refuses names and depths that no client needs. */
export function checkNames(value: unknown, path = '$', depth = 0): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw invalid(`Expected at most ${MAX_DEPTH} levels of objects and arrays`, path);
  for (const [name, inner] of Object.entries(value)) {
    const at = depth === 0 && path === '$' ? name : `${path}.${name}`;
    if (FORBIDDEN.has(name) && !Array.isArray(value)) throw invalid(`Expected no key named ${name}`, at);
    if (typeof inner === 'object') checkNames(inner, at, depth + 1);
  }
}

/** A name or an id: not empty, not too long, without control characters. */
export function readName(value: unknown, path: string): string {
  const wrong = namespaceProblem(value);
  if (wrong !== undefined) throw invalid(`Expected ${path} to be ${wrong}`, path);
  return value as string;
}

/** The name of a table. Those of relations, and of DataFn itself, are not tables. */
export function readTable(value: unknown, path: string): string {
  const name = readName(value, path);
  if (isPlainTable(name)) return name;
  throw new BackendError(
    400,
    'DFQL_UNKNOWN_RESOURCE',
    `Expected ${path} to be a table, got ${describe(name)}`,
    path,
  );
}

export function isPlainTable(name: string): boolean {
  return !name.startsWith('join_') && !name.startsWith('__');
}

/** A list of tables; undefined when there is none. */
export function readTables(value: unknown, path: string): string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalid(`Expected ${path} to be an array, got ${describe(value)}`, path);
  return value.map((table, index) => readTable(table, `${path}[${index}]`));
}

export function readLimit(value: unknown, whenLeftOut: number, path = 'limit'): number {
  if (value === undefined) return whenLeftOut;
  if (!Number.isInteger(value) || Number(value) < 1)
    throw invalid(`Expected ${path} to be a whole number of at least 1, got ${describe(value)}`, path);
  return Math.min(Number(value), MAX_LIMIT);
}

/** A cursor: digits. It is kept as text, since it goes back as it came. */
export function readCursor(value: unknown, path: string): string {
  if (typeof value === 'string' && /^\d{1,256}$/.test(value)) return value;
  throw invalid(`Expected ${path} to be a string of digits, got ${describe(value)}`, path);
}

/** A mutation whose shape is right; whether it can be applied is another matter. */
export interface Mutation {
  readonly clientId: string;
  readonly mutationId: string;
  readonly resource: string;
  readonly operation: string;
  readonly id: string;
  readonly record: JsonObject | undefined;
  readonly relations: JsonObject | undefined;
  /** What it asks for beyond that, and this backend does not do. */
  readonly unsupported: string | undefined;
}

/** @param clientId what the request says; undefined where only its mutations do. */
export function readMutation(value: unknown, path: string, clientId?: string): Mutation {
  if (!isObject(value)) throw invalid(`Expected ${path} to be an object, got ${describe(value)}`, path);
  const { record, relations, operation } = value;
  const at = (name: string) => (path === '$' ? name : `${path}.${name}`);
  if (!OPERATIONS.some((one) => one === operation) && !OTHER_OPERATIONS.some((one) => one === operation))
    throw invalid(
      `Expected ${at('operation')} to be ${orList([...OPERATIONS, ...OTHER_OPERATIONS])}, got ${describe(operation)}`,
      at('operation'),
    );
  const owner = readName(value.clientId, at('clientId'));
  if (clientId !== undefined && owner !== clientId)
    throw invalid(`Expected ${at('clientId')} to be the clientId of the request`, at('clientId'));
  for (const [name, part] of Object.entries({ record, relations }))
    if (part !== undefined && part !== null && !isObject(part))
      throw invalid(`Expected ${at(name)} to be an object, got ${describe(part)}`, at(name));
  const needsRecord = ['insert', 'merge', 'replace'].includes(String(operation));
  if (needsRecord && !isObject(record) && !isObject(relations))
    throw invalid(`Expected ${at('record')} to be an object, got ${describe(record)}`, at('record'));
  const id = readName(value.id ?? (record as JsonObject | undefined)?.id, at('id'));
  const ownId = (record as JsonObject | undefined)?.id;
  if (ownId !== undefined && ownId !== id)
    throw invalid(`Expected ${at('record.id')} to be the id of the mutation`, at('record.id'));
  const asked = ['if', 'scope', 'shareWith'].find(
    (name) => value[name] !== undefined && value[name] !== null,
  );
  return {
    clientId: owner,
    mutationId: readName(value.mutationId, at('mutationId')),
    resource: readTable(value.resource, at('resource')),
    operation: String(operation),
    id,
    record: isObject(record) ? record : undefined,
    relations: isObject(relations) ? relations : undefined,
    unsupported: OTHER_OPERATIONS.includes(String(operation)) ? 'operation' : asked,
  };
}
