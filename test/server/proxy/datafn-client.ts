import WebSocket from 'ws';
import { readMessage } from '../../../src/protocol/client.js';

/** How a {@link DatafnClient} differs from others. */
export interface DatafnClientOptions {
  readonly clientId: string;
  /** Clients of newer DataFn versions pull whenever the WebSocket opens; older ones only when a cursor comes. */
  readonly isNew: boolean;
  /** Milliseconds before it reconnects. */
  readonly reconnectMs?: number;
}

const TABLES = ['task', 'kv', 'datafnTimezoneChange'];

/**
 * A client by the rules of DataFn's own: it clones, opens its WebSocket, pulls when a cursor is above what it has, drops a
 * cursor that comes while it pulls, and throws away a page with a cursor that is lower than its own.
 */
export class DatafnClient {
  readonly records = new Map<string, unknown>();
  readonly cursors = new Map<string, number>(TABLES.map((table) => [table, 0]));
  /** The cursors it heard on each connection. */
  readonly heard: number[][] = [];
  /** Pages that were thrown away. */
  readonly conflicts: string[] = [];
  #global = 0;
  #isPulling = false;
  #isAgain = false;
  #isStopped = false;
  #mutations = 0;
  #socket: WebSocket | undefined;

  /** @param remote such as `http://127.0.0.1:3001/datafn`. */
  constructor(
    private readonly remote: string,
    private readonly namespace: string,
    private readonly options: DatafnClientOptions,
  ) {}

  async start(): Promise<void> {
    const { clientId } = this.options;
    const { data, cursors } = await this.#post('clone', { clientId, tables: TABLES, includeJoins: true });
    for (const table of TABLES) {
      for (const record of data[table]) this.records.set(record.id, record);
      this.#raise(table, Number(cursors[table]));
    }
    await this.#connect();
  }

  /** Writes a record; tries again until the backend has it. */
  async write(id: string, title: string): Promise<void> {
    const { clientId } = this.options;
    this.#mutations += 1;
    const record = { id, title };
    this.records.set(id, record);
    const mutationId = `mut-${clientId}-${this.#mutations}`;
    const mutation = { clientId, mutationId, resource: 'task', version: 1, operation: 'replace', id, record };
    for (;;) {
      try {
        const { cursor, cursorBefore } = await this.#post('push', { clientId, mutations: [mutation] });
        if (Number(cursorBefore) === this.#global) {
          this.#global = Number(cursor);
          // A pull that ran meanwhile may have brought the row that this one replaced.
          this.records.set(id, record);
        } else await this.#pull(true);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  #raise(table: string, cursor: number): void {
    this.cursors.set(table, cursor);
    this.#global = Math.max(this.#global, cursor);
  }

  /** @param isQueued whether it pulls once more after a pull that is running. */
  async #pull(isQueued: boolean): Promise<void> {
    if (this.#isPulling) {
      this.#isAgain ||= isQueued;
      return;
    }
    this.#isPulling = true;
    try {
      const asked = [...this.cursors].map(([table, cursor]) => [table, String(cursor)]);
      const page = await this.#post('pull', {
        clientId: this.options.clientId,
        cursors: Object.fromEntries(asked),
        limit: 200,
        includeJoins: true,
      });
      for (const [table, cursor] of Object.entries<string>(page.cursors)) {
        if (Number(cursor) >= (this.cursors.get(table) ?? 0)) continue;
        this.conflicts.push(`${table} ${cursor}`);
        return;
      }
      for (const record of page.records.task) this.records.set(record.id, record);
      for (const [table, cursor] of Object.entries<string>(page.cursors)) this.#raise(table, Number(cursor));
    } catch {
      // Pulled again with the next cursor.
    } finally {
      this.#isPulling = false;
      if (this.#isAgain) {
        this.#isAgain = false;
        await this.#pull(false);
      }
    }
  }

  #connect(): Promise<void> {
    return new Promise((resolve) => {
      const socket = new WebSocket(`${this.remote.replace(/^http/, 'ws')}/ws?token=${this.namespace}`);
      this.#socket = socket;
      const heard: number[] = [];
      socket.on('open', () => {
        this.heard.push(heard);
        const cursors = [...this.cursors].map(([table, cursor]) => [table, String(cursor)]);
        const { clientId, isNew } = this.options;
        socket.send(JSON.stringify({ type: 'hello', clientId, cursors: Object.fromEntries(cursors) }));
        if (isNew) void this.#pull(true);
        resolve();
      });
      socket.on('message', (data) => {
        const message = readMessage(String(data));
        if (!message.isCursor) return;
        heard.push(message.cursor);
        if (message.cursor > this.#global) void this.#pull(false);
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        if (!this.#isStopped)
          setTimeout(() => void this.#connect().then(resolve), this.options.reconnectMs ?? 100);
      });
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: the results of all routes
  async #post(route: string, body: object): Promise<any> {
    const response = await fetch(`${this.remote}/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.namespace}` },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { ok?: boolean; result?: { ok?: boolean } };
    if (answer.ok !== true || answer.result?.ok !== true) throw new Error(`${route}: ${response.status}`);
    return answer.result;
  }
}
