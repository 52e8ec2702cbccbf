import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs, cursorNumber } from '../protocol/client.js';
import {
  Connection,
  type ConnectionEnd,
  type ConnectionObserver,
  type ConnectionOptions,
} from './connection.js';
import { keepsBackoff, mayPass } from './reconnect.js';

/** What a listener tells. */
export interface ListenObserver extends Omit<ConnectionObserver, 'cursor'> {
  /** @param isNewer false when a DataFn client that has heard the earlier cursors would ignore it. */
  cursor(cursor: string, isNewer: boolean): void;
  /** @param retryInMs how long until the next try; `undefined` for none. */
  ended(end: ConnectionEnd, retryInMs: number | undefined): void;
}

export interface ListenerOptions extends Omit<ConnectionOptions, 'hello'> {
  readonly clientId: string;
  readonly reconnect: boolean;
  /** Waits between tries; rejects when `signal` aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** A client that connects, says hello, hears cursors, and connects again as DataFn clients do. */
export class Listener {
  readonly #stop = new AbortController();
  #connection: Connection | undefined;
  #newest: string | undefined;
  #hasConnected = false;

  constructor(
    private readonly options: ListenerOptions,
    private readonly observer: ListenObserver,
  ) {}

  /** Listens until {@link stop}, or until there is no next try. Returns how the last connection ended. */
  async run(): Promise<ConnectionEnd> {
    const { reconnect, wait = pause } = this.options;
    for (let failures = 0; ; failures += 1) {
      const end = await this.#connect();
      if (this.#stop.signal.aborted) return end;
      if (end.kind === 'closed' && !keepsBackoff(end.code)) failures = 0;
      const retry = reconnect && mayPass(end, this.#hasConnected);
      const retryInMs = retry ? backoffMs(failures, Math.random(), 1) : undefined;
      this.observer.ended(end, retryInMs);
      if (retryInMs === undefined) return end;
      await wait(retryInMs, this.#stop.signal).catch(() => {});
      if (this.#stop.signal.aborted) return end;
    }
  }

  /** Leaves; {@link run} then returns. */
  stop(): void {
    this.#stop.abort();
    this.#connection?.close();
  }

  /** Takes no more messages until {@link resume}. */
  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  #connect(): Promise<ConnectionEnd> {
    const { observer } = this;
    const hello = { type: 'hello', clientId: this.options.clientId, cursor: this.#newest ?? '0' };
    this.#connection = new Connection(
      { ...this.options, hello },
      {
        connected: (at) => {
          this.#hasConnected = true;
          observer.connected(at);
        },
        cursor: (cursor) => observer.cursor(cursor, this.#isNewer(cursor)),
        ignored: (kind) => observer.ignored(kind),
        ping: () => observer.ping(),
      },
    );
    return this.#connection.ended;
  }

  #isNewer(cursor: string): boolean {
    const isNewer = cursorNumber(cursor) > cursorNumber(this.#newest ?? '-1');
    if (isNewer) this.#newest = cursor;
    return isNewer;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<unknown> {
  return sleep(ms, undefined, { signal });
}
