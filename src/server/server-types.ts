import type { Server } from 'node:http';
import type { WebSocketManager } from '../manager/web-socket-manager.js';
import type { OptionsOf } from '../options/complete.js';
import type { serverTable } from '../options/server-options.js';
import type { ConnectionNumbers } from './events/clients.js';
import type { ConnectionInfo, EventStream } from './events/events.js';
import type { FaultControl } from './faults/active-rule.js';
import type { StartRecording } from './feed/event-feed.js';
import type { ServerStats } from './health/statistics.js';
import type { ApiBackend } from './http/api.js';
import type { TlsPair } from './http/tls.js';
import type { ShutdownOutcome } from './shutdown.js';
import type { AttachCollaborators } from './ws/attach.js';

/** The options of `createDatafnWsServer`. */
export type DatafnWsServerOptions = OptionsOf<typeof serverTable> & {
  readonly [Key in keyof AttachCollaborators]?: AttachCollaborators[Key] | undefined;
} & {
  /** With it, the server speaks https and wss. */
  readonly tls?: TlsPair | undefined;
};

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** For DataFn clients, such as `ws://127.0.0.1:3001/datafn/ws`. */
  readonly wsUrl: string;
  /** For `emit` and the HTTP API, such as `http://127.0.0.1:3001`. */
  readonly apiUrl: string;
  /** Of the metrics, where they have a port of their own (`metricsListen`). */
  readonly metricsUrl?: string;
}

/** A manager, its WebSocket endpoint and its HTTP API in one. */
export interface DatafnWsServer {
  /** The manager that serves the clients; broadcast with `websocketHandler.broadcastCursor(cursor, namespace)`. */
  readonly websocketHandler: WebSocketManager;
  /** Where it listens; `undefined` before `listen()` and after `close()`. */
  readonly address: ListenAddress | undefined;
  /** @throws {DatafnWsError} `ERR_LISTEN` when the address cannot be listened on, or the server was closed. */
  listen(): Promise<ListenAddress>;
  stats(): ServerStats;
  /** Resolves when the server has shut down, by `close()` or `POST /v1/drain`. */
  readonly closed: Promise<ShutdownOutcome>;
  /**
   * Uses another certificate for new connections; open ones are unaffected.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the pair cannot be used; the old one is kept.
   */
  updateTls(tls: TlsPair): void;
  /**
   * Shuts down: not ready and no new upgrades from here on, 1001 to all clients. Those still connected
   * after `shutdownTimeoutMs` are terminated, and the port is freed. Idempotent.
   *
   * @param options `drainMs` overrides the server's own; 0 also ends the current drain.
   * @returns how many connections left and how many were terminated.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a `drainMs` that is not a time, or too long for a timer.
   */
  close(options?: { readonly drainMs?: number | undefined }): Promise<ShutdownOutcome>;
}

/** How far the shutdown of one process of several is. */
export type ShutdownStage = 'drained' | 'emptied';

/** What a server for tests has in its hands. */
export interface SharedParts {
  /** The clients that are connected now. */
  admitted(): Iterable<ConnectionInfo>;
  /** Resolves with `undefined` for a server without faults, and for one that shuts down. */
  loadFaults(): Promise<FaultControl | undefined>;
}

/** What makes a server one of several processes that act as one server. */
export interface ServerInternals {
  /** Listens in place of `host` and `port`. Returns a function that stops what `httpServer.close()` does not. */
  readonly listenAt?: ((httpServer: Server) => Promise<() => void>) | undefined;
  /**
   * Called as a shutdown gets somewhere, and waited for: `drained` comes when all clients of this process have been closed in
   * a drain, `emptied` when they have left. Until then this process takes cursors; until the latter, it answers the API.
   */
  readonly reached?: ((stage: ShutdownStage) => Promise<void>) | undefined;
  /** How this process numbers its connections. */
  readonly numbers?: ConnectionNumbers | undefined;
  /** Where the readers of the events of this process get them from; default: from this process alone. */
  readonly recordFrom?: ((events: EventStream) => StartRecording) | undefined;
  /** Takes what a server for tests has in its hands. */
  readonly share?: ((parts: SharedParts) => void) | undefined;
  /** Takes what the API of this process calls; returns what it calls instead. */
  readonly shareApi?: ((own: ApiBackend) => ApiBackend) | undefined;
}
