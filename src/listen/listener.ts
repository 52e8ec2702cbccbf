import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../protocol/backoff.js';
import { cursorNumber } from '../protocol/client.js';
import { CLOSE } from '../protocol/close-codes.js';
import {
  Connection,
  type ConnectionEnd,
  type ConnectionObserver,
  type ConnectionOptions,
} from './connection.js';

/** Receives the events of a listener. */
export interface ListenObserver extends Omit<ConnectionObserver, 'cursor'> {
  /** @param isNewer false if a DataFn client that received the earlier cursors would ignore this one. */
  cursor(cursor: string, isNewer: boolean): void;
  /** @param retryInMs time until the next attempt; `undefined` for none. */
  ended(end: ConnectionEnd, retryInMs: number | undefined): void;
}

export interface ListenerOptions extends Omit<ConnectionOptions, 'hello'> {
  readonly clientId: string;
  readonly reconnect: boolean;
  /** Waits between attempts; rejects when `signal` aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** A client that connects, says hello, receives cursors, and reconnects as DataFn clients do. */
export class Listener {
  readonly #stop = new AbortController();
  #connection: Connection | undefined;
  #newest: string | undefined;
  #hasConnected = false;

  constructor(
    private readonly options: ListenerOptions,
    private readonly observer: ListenObserver,
  ) {}

  /** Listens until {@link stop}, or until there is no next attempt. Returns how the last connection ended. */
  async run(): Promise<ConnectionEnd> {
    const { reconnect, wait = pause } = this.options;
    for (let failures = 0; ; failures += 1) {
      const end = await this.#connect();
      if (this.#stop.signal.aborted) return end;
      if (end.kind === 'closed' && !keepsBackoff(end.code)) failures = 0;
      const retry = reconnect && maySucceed(end, this.#hasConnected);
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

  /** Reads no more messages until {@link resume}. */
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

/** Network failures that may pass by themselves. */
const TRANSIENT =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN)|EAI_AGAIN)$/;
/** HTTP statuses from 400 to 499 that may pass by themselves. */
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 425, 429]);
/** The server, or a router in front of it, denied access. */
const DENIED: ReadonlySet<number> = new Set([CLOSE.unauthorized.code, 4403]);
/** After these closes, DataFn clients do not reset their backoff. */
const THROTTLING: ReadonlySet<number> = new Set([CLOSE.slowClient.code, CLOSE.connectionLimit.code]);

/** Whether a close keeps the backoff, although the connection was open. */
export function keepsBackoff(code: number): boolean {
  return THROTTLING.has(code);
}

/**
 * Whether another attempt may succeed.
 *
 * A DataFn client tries forever. For a person, a wrong token, URL or certificate is better reported as an error; once a
 * client was admitted, only a refused token is such an error.
 *
 * @param hasConnected whether the server admitted this client before.
 */
export function maySucceed(end: ConnectionEnd, hasConnected: boolean): boolean {
  if (end.kind === 'closed') return !DENIED.has(end.code) || end.reason === CLOSE.tokenExpired.reason;
  if (hasConnected) return true;
  if (end.kind === 'breach') return false;
  if (end.kind === 'answered') return end.status >= 500 || TRANSIENT_STATUS.has(end.status);
  const { code } = end.error as { code?: unknown };
  return typeof code === 'string' && TRANSIENT.test(code);
}
