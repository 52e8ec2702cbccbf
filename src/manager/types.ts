import type { CursorTargeting, PreparedMessage } from '../protocol/messages.js';

/**
 * What the manager needs of a connection. A `ws` socket, a Bun or Deno one, or a fake in a test all fit.
 *
 * Source: the DataFn reference, `WebSocketClient`; `sendPrepared` is an addition that plain clients leave out.
 */
export interface WebSocketClient {
  /** Sends one text message. Throwing means that the connection is lost: the client is removed. */
  send(data: string): void;
  /** Closes the connection with a code and a reason (RFC 6455 section 7.4). What it throws is ignored. */
  close?(code?: number, reason?: string): void;
  /** Sends a ping control frame (RFC 6455 section 5.5.2). A client without it has no heartbeat. */
  ping?(): void;
  /**
   * Takes a message that was encoded once for the whole broadcast; used in place of `send` when there.
   * Throwing means the same as for `send`.
   *
   * @returns false when the connection is already on its way out and the message was not taken.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: an implementation that returns nothing is fine
  sendPrepared?(message: PreparedMessage): boolean | void;
}

/** What authentication found out about a connection. Source: the DataFn reference, `WsAuthContext`. */
export interface WsAuthContext {
  /** The tenant or user whose cursors the client hears. Non-empty; locked for the life of the connection. */
  namespace: string;
  /** Who the client acts for. One of its principals: as it is with a `:` in it, else as `user:<actorId>`. */
  actorId?: string | undefined;
  /** What else the client stands for, such as `team:a`: it gets the cursors that concern any of its principals. */
  principalIds?: readonly string[] | undefined;
}

/** Whom a change concerns, as newer DataFn servers tell `broadcastCursor`. */
export interface BroadcastTargeting {
  /** Left out or empty: everybody. */
  affectedPrincipals?: readonly string[] | undefined;
}

/** How to close a client that must lose access. */
export interface CloseOptions {
  /** Default 4403. A newer DataFn client waits longer before it comes back after 4503 or 1013. */
  code?: number | undefined;
  /** At most 123 bytes of UTF-8. Default `Access revoked` for 4403, else empty. */
  reason?: string | undefined;
}

/** Source: the DataFn reference, `WsManagerConfig`. A value out of range throws at construction. */
export interface WsManagerConfig {
  /** Maximum clients. Default 10,000; 0 admits none; `Infinity` is no limit. */
  maxConnections?: number | undefined;
  /** Maximum clients per namespace. Default 100; 0 admits none; `Infinity` is no limit. */
  maxConnectionsPerNamespace?: number | undefined;
  /** Milliseconds from one ping of every client to the next. Default 30,000; 0 switches the heartbeat off. */
  heartbeatIntervalMs?: number | undefined;
  /** Milliseconds that a client has to answer a ping. Default 10,000; 0 pings without ever closing. */
  heartbeatTimeoutMs?: number | undefined;
  /** Whether cursor messages say whom they were sent to, in a field `targeting`. Default false. */
  cursorTargeting?: boolean | undefined;
}

/** Source: the DataFn reference, `DatafnLogger`. What it throws is ignored. */
export interface DatafnLogger {
  debug(message: string, context?: Record<string, unknown>): void;
  info(message: string, context?: Record<string, unknown>): void;
  warn(message: string, context?: Record<string, unknown>): void;
  error(message: string, context?: Record<string, unknown>): void;
}

/** What became of one {@link WebSocketManager.broadcastCursor}. */
export interface BroadcastResult {
  /** Clients that were handed the cursor. */
  readonly delivered: number;
  /** Clients whose `send` threw; they are removed and closed. */
  readonly failed: number;
  /** Whether it went to the clients of some principals, or to all of the namespace. */
  readonly mode: CursorTargeting['mode'];
  /** Whether it was for some principals, and all got it because one client has none. */
  readonly degraded: boolean;
  /** As newer DataFn servers count: those of some principals, or `all-in-namespace`; 0 without a client. */
  readonly wokenClients: number | 'all-in-namespace';
}

/** Which clients must lose access, and how to close them: one by its `id`, or those of a principal, a namespace or both. */
export interface Kick extends CloseOptions {
  readonly id?: string | undefined;
  readonly namespace?: string | undefined;
  readonly principal?: string | undefined;
}

/** The other processes of a cluster, which do what is done here. Nothing throws. */
export interface OtherProcesses {
  broadcast(
    cursor: string,
    namespace: string,
    reset: boolean,
    targeting: BroadcastTargeting | undefined,
  ): void;
  kick(kick: Kick): void;
}

/** What the manager knows of one client. */
export interface ClientInfo {
  readonly namespace: string;
  /** The id from the client's last hello, if there was one. */
  readonly clientId: string | undefined;
  /** What the client stands for; left out for one without principals. */
  readonly principals?: readonly string[];
}
