import { isDeepStrictEqual } from 'node:util';
import { describe, namespaceProblem } from '../../protocol/identifiers.js';
import type { BackendErrorCode } from './answer.js';
import type { RowData } from './change-stream.js';
import { isObject, type JsonObject, type Mutation } from './requests.js';
import type { Change, MutationOutcome, NamespaceData, Store } from './store.js';

type Refused = Extract<MutationOutcome, { ok: false }>;
/** What a mutation would write, or why it cannot. */
type Plan = readonly Change[] | Refused;

function refused(code: BackendErrorCode, message: string, path: string, retryable = false): Refused {
  return { ok: false, wrong: { code, message, path }, retryable };
}

/** Applies one mutation, once: one that was applied before, or refused for good, has the outcome of then. */
export function applyMutation(
  store: Store,
  namespace: { readonly name: string; readonly data: NamespaceData },
  mutation: Mutation,
): { readonly outcome: MutationOutcome; readonly isDuplicate: boolean } {
  const key = JSON.stringify([namespace.name, mutation.clientId, mutation.mutationId]);
  const known = store.outcomes.get(key);
  if (known !== undefined) return { outcome: known, isDuplicate: true };
  const plan = planOf(namespace.data, mutation);
  const outcome = 'ok' in plan ? plan : written(store, namespace.data, plan);
  if (outcome.ok || !mayRunAgain(outcome)) store.remember(key, outcome);
  return { outcome, isDuplicate: false };
}

function written(store: Store, namespace: NamespaceData, changes: readonly Change[]): MutationOutcome {
  if (store.write(namespace, changes)) return { ok: true };
  return refused('LIMIT_EXCEEDED', store.fullMessage, '$', true);
}

/** Whether a mutation that failed may succeed when it is sent again, as other clients change the data. */
function mayRunAgain({ wrong, retryable }: Refused): boolean {
  return retryable || wrong.code === 'NOT_FOUND' || (wrong.code === 'CONFLICT' && wrong.path === 'id');
}

function planOf(namespace: NamespaceData, mutation: Mutation): Plan {
  const { operation, resource, id, record, unsupported } = mutation;
  if (unsupported !== undefined) {
    const what = unsupported === 'operation' ? operation : `\`${unsupported}\``;
    return refused('NOT_SUPPORTED', `The memory backend does not do ${what}`, unsupported);
  }
  const existing = namespace.streams.get(resource)?.get(id)?.data;
  const row = (data: RowData | undefined): Change => ({ stream: resource, key: id, data });
  const missing = () => refused('NOT_FOUND', `Nothing with the id ${describe(id)} in ${resource}`, 'id');
  switch (operation) {
    case 'insert': {
      const data = { ...record, id };
      if (existing === undefined) return withRelations(namespace, mutation, [row(data)]);
      if (isDeepStrictEqual(existing, data)) return withRelations(namespace, mutation, []);
      return refused('CONFLICT', `${describe(id)} is in ${resource} already, with other values`, 'id');
    }
    case 'merge':
      if (existing === undefined) return missing();
      return withRelations(
        namespace,
        mutation,
        record === undefined ? [] : [row({ ...existing, ...record, id })],
      );
    case 'replace':
      return withRelations(namespace, mutation, [row({ ...record, id })]);
    case 'delete':
      return existing === undefined ? [] : [row(undefined)];
    case 'unrelate':
      return withRelations(namespace, mutation, []);
    default:
      return existing === undefined ? missing() : withRelations(namespace, mutation, []);
  }
}

/** Adds what a mutation says about relations to what it does to its row. */
function withRelations(namespace: NamespaceData, mutation: Mutation, changes: readonly Change[]): Plan {
  const all = [...changes];
  for (const [relation, value] of Object.entries(mutation.relations ?? {})) {
    for (const target of Array.isArray(value) ? value : [value]) {
      const change = relationChange(namespace, mutation, relation, target);
      if (change !== undefined && 'ok' in change) return change;
      if (change !== undefined) all.push(change);
    }
  }
  return all;
}

/** @param target an id, or an object with the id as `$ref` and what else the relation holds. */
function relationChange(
  namespace: NamespaceData,
  { operation, resource, id: from }: Mutation,
  relation: string,
  target: unknown,
): Change | Refused | undefined {
  const path = `relations.${relation}`;
  const { $ref: to, ...meta } = isObject(target) ? target : ({ $ref: target } as JsonObject);
  const wrong = namespaceProblem(to);
  if (wrong !== undefined) return refused('DFQL_INVALID', `Expected the id in ${path} to be ${wrong}`, path);
  const stream = joinName(namespace, resource, relation, to as string);
  if (stream === undefined) {
    return refused(
      'NOT_SUPPORTED',
      `The memory backend has no schema, so it finds the other table of a relation by the pulls of its clients or by an id such as tag:1, got ${describe(to)}`,
      path,
    );
  }
  const key = JSON.stringify([from, to]);
  const existing = namespace.streams.get(stream)?.get(key)?.data;
  const change = (data: RowData | undefined): Change => ({ stream, key, data });
  if (operation === 'unrelate') return existing === undefined ? undefined : change(undefined);
  if (operation === 'modifyRelation' && existing === undefined)
    return refused('NOT_FOUND', `${describe(from)} is not related to ${describe(to)} by ${relation}`, path);
  const data = operation === 'modifyRelation' ? { ...existing, ...meta, from, to } : { ...meta, from, to };
  return existing !== undefined && isDeepStrictEqual(existing, data) ? undefined : change(data);
}

/**
 * The name under which clients pull a relation, `join_<table>_<relation>_<other table>`. The other table stands in the
 * schema only: it is taken from the names that clients have asked for, or else from the id, which DataFn's clients begin
 * with its table.
 */
function joinName(namespace: NamespaceData, table: string, relation: string, to: string): string | undefined {
  const prefix = `join_${table}_${relation}_`;
  const byId = /^([^:]+):./.exec(to)?.[1];
  const asked = [...namespace.joinNames].filter((name) => name.startsWith(prefix));
  if (asked.length === 1) return asked[0];
  if (byId !== undefined) return `${prefix}${byId}`;
  return undefined;
}
