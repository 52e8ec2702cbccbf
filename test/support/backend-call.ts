import { type Answer, call } from './http-call.js';

/** A mutation as a DataFn client pushes it. */
export type TestMutation = Readonly<Record<string, unknown>> & { readonly mutationId: string };

/** A client of the DataFn HTTP routes of a server. */
export class BackendCaller {
  #mutations = 0;

  constructor(
    readonly apiUrl: string,
    readonly token: string | null = 'user:alice',
    readonly clientId = 'tab-a',
  ) {}

  post(
    route: string,
    body: unknown,
    headers: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Answer> {
    const all = {
      'content-type': 'application/json',
      ...(this.token === null ? {} : { authorization: `Bearer ${this.token}` }),
      ...headers,
    };
    const given = Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    );
    return call('POST', `${this.apiUrl}/datafn/${route}`, {
      headers: Object.fromEntries(given),
      body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    });
  }

  /** A new mutation of the table `task`. */
  mutation(operation: string, id: string, more: object = {}): TestMutation {
    this.#mutations += 1;
    const mutationId = `mut-${this.clientId}-${this.#mutations}`;
    return { clientId: this.clientId, mutationId, resource: 'task', version: 1, operation, id, ...more };
  }

  push(...mutations: readonly object[]): Promise<Answer> {
    return this.post('push', { clientId: this.clientId, mutations });
  }

  /** The `result` of a push that inserts a row. */
  async inserts(id: string, record: object = {}): Promise<{ cursor: string; cursorBefore: string }> {
    return (await this.push(this.mutation('insert', id, { record }))).json.result;
  }

  /** The `result` of a pull. */
  async pulls(cursors: Readonly<Record<string, string>>, more: object = {}) {
    return (await this.post('pull', { clientId: this.clientId, cursors, ...more })).json.result;
  }

  /** The `result` of a clone. */
  async clones(tables: readonly string[], more: object = {}) {
    return (await this.post('clone', { clientId: this.clientId, tables, ...more })).json.result;
  }
}
