import type { PreparedMessage } from '../protocol/messages.js';

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
  /** Passed by newer DataFn servers, and ignored: a cursor goes to all clients of its namespace. */
  actorId?: string | undefined;
  /** As {@link WsAuthContext.actorId}. */
  principalIds?: readonly string[] | undefined;
}

/**
 * Whom a change concerns, as newer DataFn servers tell `broadcastCursor`. Ignored: a client that it does not concern
 * pulls, and finds nothing new.
 */
export interface BroadcastTargeting {
  affectedPrincipals?: readonly string[] | undefined;
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
}

/** What the manager knows of one client. */
export interface ClientInfo {
  readonly namespace: string;
  /** The id from the client's last hello, if there was one. */
  readonly clientId: string | undefined;
}
