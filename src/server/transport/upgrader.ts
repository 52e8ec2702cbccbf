import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import type { DatafnLogger } from '../../manager/types.js';
import { messageOf } from '../../protocol/errors.js';
import { namespaceProblem } from '../../protocol/identifiers.js';
import { MAX_TIMER_MS } from '../../protocol/units.js';
import { endWithProblem, type Refusal } from '../api/raw-problem.js';
import type { NamespaceProvider } from '../auth/provider.js';
import { chooseSubprotocol, tokenOf } from '../auth/token-source.js';
import type { ServerObserver } from '../observer.js';
import type { ConnectionCounters } from '../stats.js';
import type { Connections } from './connections.js';
import { firstRefusal, type UpgradeGate } from './gate.js';
import { ServerSocket } from './server-socket.js';
import { ignoreSocketError, type UpgradeHandler } from './upgrade-routes.js';

/** What an {@link Upgrader} works with. */
export interface UpgraderOptions {
  /** Asked in this order, before the provider. */
  readonly gates: readonly UpgradeGate[];
  readonly namespaceProvider: NamespaceProvider;
  readonly maxMessageBytes: number;
  readonly logger: DatafnLogger;
  readonly observer: ServerObserver;
  readonly counters: ConnectionCounters;
  readonly connections: Connections;
}

const SHUTTING_DOWN: Refusal = { status: 503, detail: 'The server is shutting down' };

/**
 * Takes an upgrade request to a connection: gates (may anybody come in?), namespace provider (who is it?),
 * handshake, and last the manager, which takes the slot. Nothing before that holds one.
 */
export class Upgrader implements UpgradeHandler {
  readonly #webSocketServer: WebSocketServer;
  readonly #gates: readonly UpgradeGate[];
  /** Upgrades whose namespace is still being found out. */
  readonly #undecided = new Set<Duplex>();
  #isRefusing = false;

  constructor(private readonly options: UpgraderOptions) {
    this.#gates = [() => (this.#isRefusing ? SHUTTING_DOWN : undefined), ...options.gates];
    // `closeTimeout` is in ws 8.19 and later, and not yet in its types.
    const serverOptions: ServerOptions<typeof ServerSocket> & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      // Connections that do not end are for `Connections` to cut, and to count.
      closeTimeout: MAX_TIMER_MS,
      handleProtocols: chooseSubprotocol,
      WebSocket: ServerSocket,
    };
    this.#webSocketServer = new WebSocketServer(serverOptions);
    // Handshakes that `ws` finds fault with, so that they are counted and answered like every other refusal.
    this.#webSocketServer.on('wsClientError', (error, socket, { method }) => {
      const detail = error.message;
      if (method === 'GET')
        this.#reject(socket, { status: 400, detail, headers: { 'Sec-WebSocket-Version': '13, 8' } });
      else this.#reject(socket, { status: 405, detail, headers: { Allow: 'GET' } });
    });
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = firstRefusal(this.#gates, request);
    if (refusal !== undefined) {
      this.#reject(socket, refusal);
      return;
    }
    const namespace = this.#namespaceOf(request);
    if (namespace instanceof Promise) {
      this.#undecided.add(socket);
      void namespace.then((found) => {
        if (this.#undecided.delete(socket)) this.#shakeHands(request, socket, head, found);
      });
    } else {
      this.#shakeHands(request, socket, head, namespace);
    }
  }

  rejected(status: number, detail: string): void {
    this.options.counters.countRefused(status);
    this.options.observer.rejectedUpgrade?.(status, detail);
  }

  /** Refuses upgrades with 503 from here on. */
  refuseAll(): void {
    this.#isRefusing = true;
  }

  /** Refuses those too whose provider has not answered yet: it may never do so, and the port is to be free. */
  abandonUndecided(): void {
    for (const socket of this.#undecided) {
      if (!socket.destroyed) this.#reject(socket, SHUTTING_DOWN);
    }
    this.#undecided.clear();
  }

  /** Asks the provider. Whatever goes wrong in it means that the client has no namespace. */
  #namespaceOf(request: IncomingMessage): string | undefined | Promise<string | undefined> {
    const valid = (found: unknown) => (namespaceProblem(found) === undefined ? (found as string) : undefined);
    const failed = (error: unknown) => {
      this.options.logger.warn('The namespace provider failed', { error: messageOf(error) });
      return undefined;
    };
    try {
      const found = this.options.namespaceProvider({
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

  #shakeHands(request: IncomingMessage, socket: Duplex, head: Buffer, namespace: string | undefined): void {
    if (this.#isRefusing) {
      this.#reject(socket, SHUTTING_DOWN);
      return;
    }
    this.#webSocketServer.handleUpgrade(request, socket, head, (accepted) => {
      socket.off('error', ignoreSocketError);
      this.options.connections.take(accepted as ServerSocket, socket as Socket, namespace);
    });
  }

  #reject(socket: Duplex, refusal: Refusal): void {
    this.rejected(refusal.status, refusal.detail);
    endWithProblem(socket, refusal);
  }
}

/** A promise of any make. */
function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof (value as PromiseLike<Value> | undefined | null)?.then === 'function';
}
