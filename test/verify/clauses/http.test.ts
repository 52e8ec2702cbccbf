import { describe, expect, test } from 'vitest';
import { Backend, type Mutation } from '../../../src/verify/target/backend.js';
import type { HttpAnswer } from '../../../src/verify/target/http-call.js';
import type { Tenants } from '../../../src/verify/target/tenants.js';
import { outcomeOf } from '../outcome.js';

/** What a route answers to a body; a number is a status without a result. */
type Routes = Readonly<Record<string, (body: Body) => number | Readonly<Record<string, unknown>>>>;
interface Body {
  readonly mutations?: readonly Mutation[];
}

/** A server by its answers. Its routes do everything right, but for those that are given. */
class FakeBackend extends Backend {
  #rows: string[] = [];
  #cursor = 7;

  constructor(private readonly wrong: Routes) {
    super({ remote: 'http://fake.test/datafn', resource: 'todos', record: {}, tls: undefined });
  }

  readonly #right: Routes = {
    clone: () => ({ data: { todos: [], kv: [] }, cursors: { todos: '7', kv: '7' } }),
    pull: () => ({
      records: { todos: this.#rows.map((id) => ({ id })) },
      deleted: {},
      cursors: { todos: String(this.#cursor), kv: '7' },
    }),
    push: ({ mutations = [] }) => {
      const isNew = mutations.some(({ id }) => !this.#rows.includes(id));
      this.#rows.push(...mutations.map(({ id }) => id));
      if (isNew) this.#cursor += 1;
      return { applied: mutations.map(({ mutationId }) => mutationId), cursor: String(this.#cursor) };
    },
  };

  override async post(
    route: string,
    tenant: { token?: string } | undefined,
    body: unknown,
  ): Promise<HttpAnswer> {
    const right = tenant?.token === 'a' ? this.#right[route]?.(body as Body) : 401;
    const result = this.wrong[route]?.(body as Body) ?? right ?? 404;
    const status = typeof result === 'number' ? result : 200;
    const json = typeof result === 'number' ? undefined : { ok: true, result: { ok: true, ...result } };
    return { status, json, text: JSON.stringify(json ?? ''), headers: {} } as HttpAnswer;
  }
}

/** How a clause ends against a server with these routes; `undefined` for one without any. */
function outcomeWith(id: string, wrong: Routes | undefined): Promise<string> {
  const backend = wrong && new FakeBackend(wrong);
  const tenants = { areOwn: true, at: () => ({ token: 'a', namespace: 'a' }) } as unknown as Tenants;
  return outcomeOf(id, { backend, tenants, patienceMs: 1000 });
}

test.each(['http/1', 'http/2', 'http/3', 'http/4', 'http/5', 'http/6'])(
  '%s holds of a server that does it',
  async (id) => {
    expect(await outcomeWith(id, {})).toBe('passed');
  },
);

test('without the routes of a backend, a clause is skipped, with the flags that name them', async () => {
  expect(await outcomeWith('http/1', undefined)).toMatch(
    /^skipped: the DataFn HTTP routes.*--trigger push or --remote/,
  );
});

describe('a clause about the DataFn routes fails', () => {
  test.each<[string, string, Routes, RegExp]>([
    ['http/1', 'the clone answers 500', { clone: () => 500 }, /^expected 200 with "ok": true .*got 500/],
    [
      'http/1',
      'a table has no data',
      { clone: () => ({ data: { todos: [] }, cursors: { todos: '1', kv: '1' } }) },
      /^expected data\.kv to be an array, got \{"todos":\[\]\}/,
    ],
    [
      'http/1',
      'a cursor is a number',
      { clone: () => ({ data: { todos: [], kv: [] }, cursors: { todos: 1, kv: '1' } }) },
      /^expected cursors\.todos to be a string of digits, got \{"todos":1/,
    ],
    [
      'http/2',
      'a pull has no `deleted`',
      { pull: () => ({ records: {}, cursors: {} }) },
      /^expected deleted to be an object, got undefined/,
    ],
    [
      'http/2',
      'a pull returns a cursor lower than it was sent',
      { pull: () => ({ records: {}, deleted: {}, cursors: { todos: '0', kv: '6' } }) },
      /^expected cursors\.kv to be at least "7"/,
    ],
    [
      'http/3',
      'a push does not list its mutation',
      { push: () => ({ applied: [], cursor: '8' }) },
      /^expected applied to have mut-/,
    ],
    [
      'http/3',
      'the cursor of a push is not digits',
      {
        push: ({ mutations = [] }) => ({
          applied: mutations.map(({ mutationId }) => mutationId),
          cursor: '8a',
        }),
      },
      /^expected cursor to be a string of digits/,
    ],
    [
      'http/4',
      'the pull after a push does not have the row',
      { pull: () => ({ records: { todos: [] }, deleted: {}, cursors: { todos: '9' } }) },
      /^expected records\.todos to have todos:.*, got pulls without it/,
    ],
    [
      'http/4',
      'every page says that there is another, and none has the row',
      { pull: () => ({ records: {}, deleted: {}, cursors: { todos: '9' }, hasMore: true }) },
      /^expected records\.todos to have todos:/,
    ],
    [
      'http/5',
      'a repeated push is not listed as applied',
      {
        push: (() => {
          let calls = 0;
          return ({ mutations = [] }) => {
            calls += 1;
            return { applied: calls === 1 ? mutations.map(({ mutationId }) => mutationId) : [], cursor: '8' };
          };
        })(),
      },
      /^expected applied to have mut-.* again/,
    ],
    [
      'http/5',
      'a repeated push raises the cursor',
      {
        push: (() => {
          let cursor = 7;
          return ({ mutations = [] }) => {
            cursor += 1;
            return { applied: mutations.map(({ mutationId }) => mutationId), cursor: String(cursor) };
          };
        })(),
      },
      /^expected the cursor 8, got 9/,
    ],
    ['http/6', 'a push with a bad token is taken', { push: () => 200 }, /^expected 401 or 403, got 200/],
  ])('%s: %s', async (id, _, wrong, how) => {
    expect(await outcomeWith(id, wrong)).toMatch(how);
  });
});
