import type { WsManagerConfig } from '../../src/manager/types.js';

/** What a client does when it is used. */
export interface ModelFaults {
  send: boolean;
  ping: boolean;
  close: boolean;
}

/** One client of the model, tracked while it has a namespace. */
export interface ModelClient {
  readonly canPing: boolean;
  readonly faults: ModelFaults;
  namespace: string | undefined;
  /** When its earliest ping without an answer runs out. */
  deadlineMs: number | undefined;
  /** The cursors that it has to have received by now. */
  readonly cursors: string[];
  closes: number;
}

/** The manager in the simplest way that is right: one list of clients, walked for everything. */
export class ManagerModel {
  #nowMs = 0;
  #nextBeatMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(
    readonly config: Required<WsManagerConfig>,
    readonly clients: readonly ModelClient[],
  ) {}

  get live(): ModelClient[] {
    return this.clients.filter(({ namespace }) => namespace !== undefined);
  }

  of(namespace: string): ModelClient[] {
    return this.clients.filter((client) => client.namespace === namespace);
  }

  add(client: ModelClient, namespace: string): boolean {
    if (!this.#closed && client.namespace !== undefined) return client.namespace === namespace;
    const full =
      this.live.length >= this.config.maxConnections ||
      this.of(namespace).length >= this.config.maxConnectionsPerNamespace;
    if (this.#closed || namespace === '' || full) {
      client.closes += 1;
      return false;
    }
    if (this.live.length === 0 && this.config.heartbeatIntervalMs > 0) {
      this.#nextBeatMs = this.#nowMs + this.config.heartbeatIntervalMs;
    }
    client.namespace = namespace;
    return true;
  }

  remove(client: ModelClient): void {
    client.namespace = undefined;
    client.deadlineMs = undefined;
    if (this.live.length === 0) this.#nextBeatMs = Number.POSITIVE_INFINITY;
  }

  pong(client: ModelClient): void {
    client.deadlineMs = undefined;
  }

  broadcast(cursor: string, namespace: string): { delivered: number; failed: number } {
    const failing = this.of(namespace).filter(({ faults }) => faults.send);
    for (const client of failing) this.#drop(client);
    const healthy = this.of(namespace);
    for (const client of healthy) client.cursors.push(cursor);
    return { delivered: healthy.length, failed: failing.length };
  }

  tick(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const deadlines = this.live.map(({ deadlineMs }) => deadlineMs ?? Number.POSITIVE_INFINITY);
      const nextMs = Math.min(this.#nextBeatMs, ...deadlines);
      if (nextMs > endMs) break;
      this.#nowMs = nextMs;
      for (const client of this.live) {
        if (client.deadlineMs !== undefined && client.deadlineMs <= nextMs) this.#drop(client);
      }
      if (this.#nextBeatMs === nextMs) this.#beat();
    }
    this.#nowMs = endMs;
  }

  close(): void {
    for (const client of this.live) this.#drop(client);
    this.#closed = true;
  }

  #beat(): void {
    this.#nextBeatMs = this.#nowMs + this.config.heartbeatIntervalMs;
    for (const client of this.live) {
      if (!client.canPing) continue;
      if (client.faults.ping) this.#drop(client);
      else if (this.config.heartbeatTimeoutMs > 0) {
        client.deadlineMs ??= this.#nowMs + this.config.heartbeatTimeoutMs;
      }
    }
  }

  #drop(client: ModelClient): void {
    this.remove(client);
    client.closes += 1;
  }
}
