import type { Closer } from './transport/server-socket.js';

/** One connection, as reported to an observer. */
export interface ConnectionInfo {
  /** Counts up from 1 in the order of arrival. */
  readonly id: number;
  /** `undefined` for a client that was not authenticated. */
  readonly namespace: string | undefined;
  readonly clientId: string | undefined;
  readonly remoteAddress: string | undefined;
}

/** Is told what happens on a server, as it happens; for a log or a screen. */
export interface ServerObserver {
  /** A client was admitted; `connections` are open now. */
  connected?(connection: ConnectionInfo, connections: number): void;
  /** A client said who it is. */
  hello?(connection: ConnectionInfo): void;
  /** A client was turned away with a close code. */
  refused?(connection: ConnectionInfo, code: number, reason: string): void;
  /** An upgrade was answered with an HTTP error instead. */
  rejectedUpgrade?(status: number, detail: string): void;
  /** An admitted client has left, or is being closed. */
  closed?(connection: ConnectionInfo, code: number, reason: string, by: Closer): void;
  /** A cursor went out to `delivered` clients. */
  broadcast?(namespace: string, cursor: string, delivered: number): void;
  /** `POST /v1/drain` was called: the server shuts down. */
  drainRequested?(): void;
}
