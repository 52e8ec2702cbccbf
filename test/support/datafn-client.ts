import { WebSocket } from 'ws';
import { BackendCaller } from './backend-call.js';
import { Waiters } from './deadline.js';

type Row = Readonly<Record<string, unknown>> & { readonly id: string };

export interface DatafnClientOptions {
  readonly apiUrl: string;
  readonly token: string;
  readonly clientId: string;
  /** An old client does not pull when its socket opens; a new one does. */
  readonly generation: 'old' | 'new';
}

/** How long it waits before it connects or pushes again. Real clients wait a second and more. */
const RETRY_MS = 50;

/**
 * A client of one table that does what DataFn's clients do, their weaknesses included: it drops a cursor that comes during
 * a pull, refuses a whole page for one cursor that is lower than its own, and pushes what it could not push with the next
 * edit or when its socket opens.
 */
export class DatafnClient {
  readonly rows = new Map<string, Row>();
  /** Cursors that went back, in a pull, a clone or on the socket. */
  readonly regressions: string[] = [];
  apiUrl: string;
  readonly #options: DatafnClientOptions;
  readonly #waiters = new Waiters();
  #cursor: string | undefined;
  #queue: Record<string, unknown>[] = [];
  #socket: WebSocket | undefined;
  #pulling = false;
  #pullsAfter = false;
  #pushing = false;
  #isStopped = false;
  #edits = 0;

  constructor(options: DatafnClientOptions) {
    this.#options = options;
    this.apiUrl = options.apiUrl;
  }

  /** Edits that the server does not have yet. */
  get unsent(): number {
    return this.#queue.length;
  }

  async start(): Promise<void> {
    const { data, cursors } = await this.#caller().clones(['task', 'kv']);
    for (const row of data.task) this.rows.set(row.id, row);
    this.#cursor = cursors.task;
    this.#connect();
  }

  /** Writes a row; it is pushed now, or later when the server is away. */
  edit(operation: 'insert' | 'merge' | 'delete', id: string, record: object = {}): void {
    const { clientId } = this.#options;
    this.#edits += 1;
    const mutation = { clientId, mutationId: `${clientId}-${this.#edits}`, resource: 'task', version: 1 };
    this.#queue.push({ ...mutation, operation, id, ...(operation === 'delete' ? {} : { record }) });
    void this.#push();
  }

  /** Resolves when the client has what `isMet` wants. */
  until(isMet: () => boolean, what: string): Promise<void> {
    return this.#waiters.until(
      isMet,
      () => `${this.#options.clientId}: ${what}, got ${JSON.stringify([...this.rows.values()])}`,
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  #caller(): BackendCaller {
    return new BackendCaller(this.apiUrl, this.#options.token, this.#options.clientId);
  }

  #connect(): void {
    if (this.#isStopped) return;
    const { token, clientId, generation } = this.#options;
    const socket = new WebSocket(`${this.apiUrl.replace(/^http/, 'ws')}/datafn/ws?token=${token}`);
    this.#socket = socket;
    let last = 0;
    socket.on('open', () => {
      const cursors = { task: this.#cursor, kv: '0' };
      socket.send(JSON.stringify({ type: 'hello', clientId, cursors }));
      if (generation === 'new') void this.#pull(true);
      void this.#push();
    });
    socket.on('message', (data) => {
      const { type, cursor } = JSON.parse(String(data));
      const number = Number.parseInt(cursor, 10);
      if (number < last) this.regressions.push(`socket: ${cursor} after ${last}`);
      last = number;
      if (type === 'cursor' && number > Number(this.#cursor)) void this.#pull();
    });
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(() => this.#connect(), RETRY_MS));
  }

  /** @param queues whether another pull follows one that runs; a cursor that comes meanwhile is dropped. */
  async #pull(queues = false): Promise<void> {
    if (this.#pulling) {
      this.#pullsAfter ||= queues;
      return;
    }
    this.#pulling = true;
    try {
      for (let round = 0; round < 50; round++) {
        const page = await this.#caller().pulls({ task: this.#cursor as string, kv: '0' }, { limit: 7 });
        if (!this.#take(page) || !page.hasMore) break;
      }
    } catch {
      // The server is away. Nothing is tried again before the next cursor, or the next opening.
    }
    this.#pulling = false;
    this.#waiters.changed();
    if (!this.#pullsAfter) return;
    this.#pullsAfter = false;
    await this.#pull();
  }

  #take(page: {
    ok: boolean;
    records: { task: Row[] };
    deleted: { task: string[] };
    cursors: { task: string };
  }): boolean {
    const { task: cursor } = page.cursors;
    if (Number(cursor) < Number(this.#cursor)) {
      this.regressions.push(`pull: ${cursor} after ${this.#cursor}`);
      return false;
    }
    for (const row of page.records.task) this.rows.set(row.id, row);
    for (const id of page.deleted.task) this.rows.delete(id);
    this.#cursor = cursor;
    return true;
  }

  async #push(): Promise<void> {
    if (this.#pushing || this.#queue.length === 0 || this.#isStopped) return;
    this.#pushing = true;
    const sent = this.#queue.slice(0, 100);
    try {
      const { result } = (await this.#caller().push(...sent)).json;
      const done = new Set([
        ...result.applied,
        ...result.errors.map((one: { mutationId: string }) => one.mutationId),
      ]);
      this.#queue = this.#queue.filter(({ mutationId }) => !done.has(mutationId));
      // Its own rows come back with the pull that follows.
      if (Number(result.cursor) > Number(this.#cursor)) void this.#pull(true);
    } catch {
      setTimeout(() => void this.#push(), RETRY_MS);
    }
    this.#pushing = false;
    this.#waiters.changed();
    if (this.#queue.length > 0) void this.#push();
  }
}
