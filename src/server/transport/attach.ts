import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import type { DatafnLogger, WsManagerConfig } from '../../manager/types.js';
import { WebSocketManager } from '../../manager/web-socket-manager.js';
import { SERVER_DEFAULTS } from '../../options/defaults.js';
import { CLOSE } from '../../protocol/close-codes.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { describe, namespaceProblem } from '../../protocol/identifiers.js';
import type { NamespaceProvider } from '../auth/provider.js';
import { chooseSubprotocol, tokenOf } from '../auth/token-source.js';
import type { ConnectionInfo, ServerObserver } from '../observer.js';
import { ConnectionCounters } from '../stats.js';
import { Outbox } from './outbox.js';
import { rejectUpgrade } from './reject-upgrade.js';
import { type Closer, ServerSocket, type ServerSocketOwner } from './server-socket.js';

/** How {@link attachWebSocketManager} treats connections. */
export interface AttachOptions extends WsManagerConfig {
  /** Finds the namespace of a connecting client. The only source of it. */
  readonly namespaceProvider: NamespaceProvider;
  /** URL path of the WebSocket endpoint. Default `/datafn/ws`. */
  readonly path?: string;
  /** Largest inbound message in bytes; a larger one closes its connection with 1009. Default 65,536. */
  readonly maxMessageBytes?: number;
  /** Bytes that may wait for one client before only its newest cursor is kept; at least 65,536. Default 65,536. */
  readonly clientBufferBytes?: number;
  /** Milliseconds a peer has to answer a close frame before its connection is cut. Default 2,000. */
  readonly closeTimeoutMs?: number;
  readonly logger?: DatafnLogger;
  readonly observer?: ServerObserver;
  /** Looks at an upgrade before anything else; what it returns is the HTTP error to refuse it with. */
  readonly screenUpgrade?: (request: IncomingMessage) => { status: number; detail: string } | undefined;
}

/** A manager that is connected to an HTTP server. */
export interface AttachedManager {
  readonly manager: WebSocketManager;
  readonly counters: ConnectionCounters;
  /** Refuses upgrades with 503 from here on, and leaves the clients alone. */
  refuseUpgrades(): void;
  /**
   * Refuses upgrades, closes everybody with 1001 and cuts, after `timeoutMs`, who has not gone by then. Idempotent.
   *
   * @returns how many left by themselves, and how many were cut.
   */
  close(timeoutMs?: number): Promise<{ left: number; cut: number }>;
}

/**
 * Connects a {@link WebSocketManager} to an HTTP server of your own: upgrades at `path` are authenticated and
 * handed to the manager; unauthenticated clients are closed with 4401. Upgrades elsewhere are left to your other
 * `upgrade` listeners, or answered 404 when there are none.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a value out of range.
 */
export function attachWebSocketManager(httpServer: HttpServer, options: AttachOptions): AttachedManager {
  return new Attachment(httpServer, options);
}

class Attachment implements AttachedManager, ServerSocketOwner {
  readonly manager: WebSocketManager;
  readonly counters = new ConnectionCounters();
  readonly outbox = new Outbox();
  readonly clientBufferBytes: number;
  readonly #options: AttachOptions;
  readonly #path: string;
  readonly #observer: ServerObserver;
  readonly #webSocketServer: WebSocketServer;
  readonly #httpServer: HttpServer;
  /** Every connection whose socket is not gone yet, admitted or not. */
  readonly #sockets = new Set<ServerSocket>();
  /** Upgrades whose namespace is still being found out. */
  readonly #undecided = new Set<Duplex>();
  #refusing = false;
  #lastConnectionId = 0;
  #closing: Promise<{ left: number; cut: number }> | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor(httpServer: HttpServer, options: AttachOptions) {
    this.#options = options;
    this.#httpServer = httpServer;
    this.#path = options.path ?? SERVER_DEFAULTS.path;
    this.#observer = options.observer ?? {};
    this.clientBufferBytes = options.clientBufferBytes ?? SERVER_DEFAULTS.clientBufferBytes;
    // Under a socket's own high-water mark no `drain` would come, and a backed-up client would never hear again.
    if (!(this.clientBufferBytes >= SERVER_DEFAULTS.clientBufferBytes)) {
      throw new DatafnWsError(
        'ERR_INVALID_OPTION',
        `Expected \`clientBufferBytes\` to be at least ${SERVER_DEFAULTS.clientBufferBytes}, got ${describe(this.clientBufferBytes)}`,
      );
    }
    this.manager = new WebSocketManager(options, options.logger);
    // `closeTimeout` is in ws 8.19 and later, and not yet in its types.
    const serverOptions: ServerOptions<typeof ServerSocket> & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes ?? SERVER_DEFAULTS.maxMessageBytes,
      closeTimeout: options.closeTimeoutMs ?? SERVER_DEFAULTS.closeTimeoutMs,
      handleProtocols: chooseSubprotocol,
      WebSocket: ServerSocket,
    };
    this.#webSocketServer = new WebSocketServer(serverOptions);
    // Handshakes that `ws` finds fault with, so that they are counted and answered like every other refusal.
    this.#webSocketServer.on('wsClientError', (error, socket, { method }) => {
      if (method === 'GET') this.#reject(socket, 400, error.message, { 'Sec-WebSocket-Version': '13, 8' });
      else this.#reject(socket, 405, error.message, { Allow: 'GET' });
    });
    httpServer.on('upgrade', this.#onUpgrade);
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const path = (request.url ?? '').split('?', 1)[0];
    const isOurs = path === this.#path;
    if (!isOurs && this.#httpServer.listenerCount('upgrade') > 1) return;
    socket.on('error', ignore);
    if (!isOurs) {
      this.#reject(socket, 404, `No WebSocket here; it is at ${this.#path}`);
      return;
    }
    const screened = this.#refusing ? SHUTTING_DOWN : this.#options.screenUpgrade?.(request);
    if (screened !== undefined) {
      this.#reject(socket, screened.status, screened.detail);
      return;
    }
    const namespace = this.#namespaceOf(request);
    if (namespace instanceof Promise) {
      this.#undecided.add(socket);
      void namespace.then((found) => {
        if (this.#undecided.delete(socket)) this.#complete(request, socket, head, found);
      });
    } else {
      this.#complete(request, socket, head, namespace);
    }
  };

  /** Asks the provider. Whatever goes wrong in it means that the client has no namespace. */
  #namespaceOf(request: IncomingMessage): string | undefined | Promise<string | undefined> {
    const valid = (found: unknown) => (namespaceProblem(found) === undefined ? (found as string) : undefined);
    const failed = (error: unknown) => {
      this.#options.logger?.warn('The namespace provider failed', { error: messageOf(error) });
      return undefined;
    };
    try {
      const found = this.#options.namespaceProvider({
        token: tokenOf(request),
        url: request.url ?? '',
        headers: request.headers,
        remoteAddress: request.socket.remoteAddress,
      });
      return isThenable(found) ? Promise.resolve(found).then(valid, failed) : valid(found);
    } catch (error) {
      return failed(error);
    }
  }

  #complete(request: IncomingMessage, socket: Duplex, head: Buffer, namespace: string | undefined): void {
    if (this.#refusing) {
      this.#reject(socket, SHUTTING_DOWN.status, SHUTTING_DOWN.detail);
      return;
    }
    this.#webSocketServer.handleUpgrade(request, socket, head, (accepted) => {
      socket.off('error', ignore);
      const client = accepted as ServerSocket;
      this.#lastConnectionId += 1;
      client.begin(this, socket as Socket, this.#lastConnectionId);
      this.#sockets.add(client);
      if (namespace === undefined) client.close(CLOSE.unauthorized.code, CLOSE.unauthorized.reason);
      else this.#admit(client, namespace);
    });
  }

  #admit(client: ServerSocket, namespace: string): void {
    client.namespace = namespace;
    if (!this.manager.addClient(client, { namespace })) return;
    client.isAdmitted = true;
    this.counters.accepted += 1;
    this.#observer.connected?.(this.#describe(client), this.manager.connectionCount);
  }

  closing(client: ServerSocket, code: number, reason: string, by: Closer): void {
    this.manager.removeClient(client);
    const info = this.#describe(client);
    if (client.isAdmitted) {
      this.counters.countClosed(code);
      this.#observer.closed?.(info, code, reason, by);
    } else {
      this.counters.countRefused(code);
      this.#observer.refused?.(info, code, reason);
    }
  }

  gone(client: ServerSocket): void {
    this.#sockets.delete(client);
    if (this.#sockets.size === 0) this.#whenEmpty?.();
  }

  message(client: ServerSocket, text: string): void {
    if (!client.isAdmitted) return;
    this.manager.handleMessage(client, text);
    const clientId = this.manager.describeClient(client)?.clientId;
    if (clientId === client.clientId) return;
    client.clientId = clientId;
    this.#observer.hello?.(this.#describe(client));
  }

  pong(client: ServerSocket): void {
    this.manager.handlePong(client);
  }

  conflated(superseded: number): void {
    this.counters.conflated += superseded;
  }

  refuseUpgrades(): void {
    this.#refusing = true;
  }

  close(timeoutMs: number = SERVER_DEFAULTS.shutdownTimeoutMs): Promise<{ left: number; cut: number }> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<{ left: number; cut: number }> {
    this.refuseUpgrades();
    // A provider may never answer; the port is to be free all the same.
    for (const socket of this.#undecided) {
      if (!socket.destroyed) this.#reject(socket, SHUTTING_DOWN.status, SHUTTING_DOWN.detail);
    }
    this.#undecided.clear();
    const total = this.#sockets.size;
    this.manager.close();
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#sockets.size === 0) resolve();
    });
    let cut = 0;
    const deadline = setTimeout(() => {
      cut = this.#sockets.size;
      for (const client of this.#sockets) client.terminate();
    }, timeoutMs);
    await empty;
    clearTimeout(deadline);
    this.#httpServer.off('upgrade', this.#onUpgrade);
    return { left: total - cut, cut };
  }

  #describe(client: ServerSocket): ConnectionInfo {
    return {
      id: client.connectionId,
      namespace: client.namespace,
      clientId: client.clientId,
      remoteAddress: client.remoteAddress,
    };
  }

  #reject(socket: Duplex, status: number, detail: string, headers?: Readonly<Record<string, string>>): void {
    this.counters.countRefused(status);
    this.#observer.rejectedUpgrade?.(status, detail);
    rejectUpgrade(socket, status, detail, headers);
  }
}

const SHUTTING_DOWN = { status: 503, detail: 'The server is shutting down' };

function ignore(): void {}

/** A promise of any make. */
function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof (value as PromiseLike<Value> | undefined | null)?.then === 'function';
}
