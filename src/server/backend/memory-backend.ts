import {
  type BackendAnswer,
  type BackendCall,
  BackendError,
  envelopeError,
  invalid,
  notSupported,
  succeeded,
  type Wrong,
} from './answer.js';
import { applyMutation } from './mutations.js';
import { checkNames, MAX_MUTATIONS, type Mutation, readBody, readMutation, readName } from './requests.js';
import type { NamespaceData, Store } from './store.js';
import { clone, pull, reconcile } from './sync.js';

/** The statuses of a single mutation that failed; the others are 200, with `ok: false` in the result. */
const MUTATION_STATUS: Partial<Record<Wrong['code'], number>> = {
  CONFLICT: 409,
  NOT_FOUND: 404,
  DFQL_INVALID: 400,
};

/** What this backend does not do, by route. */
const NOT_DONE: Readonly<Record<string, string>> = {
  query: 'The memory backend has no query language: clone or pull the table',
  search: 'The memory backend has no search',
  transact: 'The memory backend has no transactions: push the mutations',
};

/** The DataFn HTTP routes, from memory: what clients need to start and to sync. For development. */
export class MemoryBackend {
  constructor(
    private readonly store: Store,
    private readonly nowMs: () => number,
  ) {}

  /** @throws {BackendError} for a request that is refused as a whole. */
  answer({ method, route, namespace, body }: BackendCall): BackendAnswer {
    const missing = NOT_DONE[route];
    if (missing !== undefined) throw notSupported(missing);
    if (route === 'status' && method === 'GET') return this.#status();
    checkNames(body);
    const data = this.store.namespaces.get(namespace);
    switch (route) {
      case 'clone':
        return clone(data, readBody(body));
      case 'pull':
        return pull(data, readBody(body));
      case 'reconcile':
        return reconcile(data, readBody(body));
      case 'seed':
        // There is nothing to seed with: a namespace begins empty.
        readBody(body);
        return succeeded({ ok: true });
      case 'push':
        return this.#push(namespace, readPush(body));
      case 'mutation':
        return this.#mutation(namespace, body);
      default:
        throw new BackendError(404, 'NOT_FOUND', `The memory backend has no route ${route}`);
    }
  }

  #status(): BackendAnswer {
    return succeeded({
      // It takes any table.
      schemaHash: null,
      capabilities: ['clone', 'pull', 'push', 'mutation', 'seed', 'reconcile'],
      limits: { maxMutations: MAX_MUTATIONS, maxBytes: this.store.maxBytes, usedBytes: this.store.bytes },
      serverTimeMs: this.nowMs(),
    });
  }

  #push(name: string, mutations: readonly Mutation[]): BackendAnswer {
    const data = this.store.open(name);
    const before = data.seq;
    const applied: string[] = [];
    const errors: object[] = [];
    let first: Wrong | undefined;
    for (const mutation of mutations) {
      const { outcome } = applyMutation(this.store, { name, data }, mutation);
      if (outcome.ok) applied.push(mutation.mutationId);
      else {
        first ??= outcome.wrong;
        errors.push({ mutationId: mutation.mutationId, ...outcome.wrong, retryable: outcome.retryable });
      }
    }
    // No `cursors`: DataFn's clients would take them for seen, and skip what others wrote in between.
    const result = {
      ok: first === undefined,
      applied,
      errors,
      cursor: String(data.seq),
      cursorBefore: String(before),
    };
    return {
      ...(first === undefined
        ? succeeded(result)
        : { status: 400, body: { ok: false, error: envelopeError(first), result } }),
      ...newsSince(before, data),
    };
  }

  /** One mutation, or an array of them. */
  #mutation(name: string, body: unknown): BackendAnswer {
    const isOne = !Array.isArray(body);
    const mutations = isOne ? [readMutation(readBody(body), '$')] : readMutations(body);
    const data = this.store.open(name);
    const before = data.seq;
    const outcomes = mutations.map((mutation) => {
      const { outcome, isDuplicate } = applyMutation(this.store, { name, data }, mutation);
      const wrong = outcome.ok ? undefined : outcome.wrong;
      const result = {
        ok: outcome.ok,
        mutationId: mutation.mutationId,
        affectedIds: outcome.ok ? [mutation.id] : [],
        errors: wrong === undefined ? [] : [wrong],
        deduped: isDuplicate,
      };
      return { wrong, result };
    });
    const news = newsSince(before, data);
    const [{ wrong, result } = { wrong: undefined, result: {} }] = outcomes;
    if (!isOne)
      return { status: 200, body: { ok: true, result: outcomes.map((one) => one.result) }, ...news };
    const status = wrong === undefined ? undefined : MUTATION_STATUS[wrong.code];
    if (wrong === undefined || status === undefined) return { ...succeeded(result), ...news };
    return { status, body: { ok: false, error: envelopeError(wrong) } };
  }
}

/** The cursor to broadcast, where something has changed. */
function newsSince(before: number, { seq }: NamespaceData): { readonly news?: string } {
  return seq > before ? { news: String(seq) } : {};
}

/** `{clientId, mutations}`, or the bare array that DataFn's Swift client sends. */
function readPush(body: unknown): Mutation[] {
  if (Array.isArray(body)) return readMutations(body);
  const { clientId, mutations } = readBody(body);
  if (!Array.isArray(mutations)) throw invalid('Expected mutations to be an array', 'mutations');
  return readMutations(mutations, readName(clientId, 'clientId'));
}

function readMutations(values: readonly unknown[], clientId?: string): Mutation[] {
  if (values.length > MAX_MUTATIONS) {
    throw new BackendError(
      413,
      'LIMIT_EXCEEDED',
      `Expected at most ${MAX_MUTATIONS} mutations in one request, got ${values.length}`,
      'mutations',
    );
  }
  return values.map((value, index) => readMutation(value, `mutations[${index}]`, clientId));
}
