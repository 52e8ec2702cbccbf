import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { invalidOption } from '../../protocol/errors.js';
import { endWithProblem, type Refusal } from '../http/problem.js';
import { pathOf, shownPath } from '../http/request-target.js';
import { ignoreSocketError } from '../limits/accept-queue.js';
import { MAX_EARLY_BYTES } from './pending-upgrades.js';

const NOTHING = Buffer.alloc(0);
const SENT_EARLY: Refusal = {
  status: 400,
  detail: 'The client sent data before its handshake was answered',
};

/** How long another listener has to claim an upgrade that is not ours. */
const UNCLAIMED_MS = 10_000;

/** Takes the upgrades of one path. */
export interface UpgradeHandler {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Called on any handler of the server for an upgrade that was refused before a handler got it. */
  rejected(refusal: Refusal): void;
}

/** The paths of an HTTP server that have our WebSocket endpoint, behind one `upgrade` listener. */
class UpgradeRoutes {
  readonly #handlers = new Map<string, UpgradeHandler>();
  /** The newest answer on each connection, which may not have been sent yet. */
  readonly #answers = new WeakMap<Duplex, ServerResponse>();

  constructor(private readonly httpServer: HttpServer) {}

  add(path: string, handler: UpgradeHandler): void {
    if (this.#handlers.has(path)) {
      throw invalidOption(
        `Expected \`path\` to be free on this HTTP server, got "${path}", which has a WebSocketManager already: close that one, or choose another path`,
      );
    }
    if (this.#handlers.size === 0)
      this.httpServer.on('request', this.#onRequest).on('upgrade', this.#onUpgrade);
    this.#handlers.set(path, handler);
  }

  remove(path: string): void {
    this.#handlers.delete(path);
    if (this.#handlers.size === 0)
      this.httpServer.off('request', this.#onRequest).off('upgrade', this.#onUpgrade);
  }

  readonly #onRequest = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    this.#answers.set(socket, response);
  };

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (socket.destroyed) return;
    const handler = this.#handlers.get(pathOf(request.url));
    // An upgrade elsewhere may be for another listener.
    if (handler === undefined && this.httpServer.listenerCount('upgrade') > 1) {
      this.#leaveToOthers(request, socket);
      return;
    }
    socket.on('error', ignoreSocketError);
    const isTooMuch = head.length > MAX_EARLY_BYTES;
    // A copy: the slice would keep all of what was read alive.
    const early = head.length === 0 || isTooMuch ? NOTHING : Buffer.from(head);
    const answer = () => {
      if (isTooMuch) this.#refuse(socket, SENT_EARLY);
      else this.#answer(handler, request, socket, early);
    };
    const earlier = this.#answers.get(socket);
    // Requests on one connection are answered in order (RFC 9112 section 9.3.2), those that came in one go as well.
    // Deno has no `closed`.
    if (earlier === undefined || earlier.closed || earlier.destroyed) answer();
    else earlier.once('close', answer);
  };

  /** An upgrade that no other listener has read from or written to in time is answered with 404. */
  #leaveToOthers(request: IncomingMessage, socket: Duplex): void {
    socket.on('error', ignoreSocketError);
    const { bytesWritten } = socket as Socket;
    const timer = setTimeout(() => {
      const isClaimed =
        socket.writableEnded ||
        (socket as Socket).bytesWritten > bytesWritten ||
        socket.listenerCount('data') + socket.listenerCount('readable') > 0;
      if (!isClaimed) this.#answer(undefined, request, socket, NOTHING);
    }, UNCLAIMED_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #answer(handler: UpgradeHandler | undefined, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (handler !== undefined) {
      handler.upgrade(request, socket, head);
      return;
    }
    this.#refuse(socket, nothingAt(request.url, [...this.#handlers.keys()]));
  }

  #refuse(socket: Duplex, refusal: Refusal): void {
    const [anyHandler] = this.#handlers.values();
    anyHandler?.rejected(refusal);
    endWithProblem(socket, refusal);
  }
}

function nothingAt(target: string | undefined, paths: readonly string[]): Refusal {
  const path = pathOf(target);
  const isBelowPrefix = paths.some((known) => path.endsWith(known));
  return {
    status: 404,
    detail: `No WebSocket at ${shownPath(target)}; it is at ${paths.join(' and ')}`,
    fix: isBelowPrefix
      ? 'Make the proxy in front strip its prefix, or start the server with the full path as --path.'
      : 'Connect there, or start the server with the other path as --path.',
  };
}

const routesOf = new WeakMap<HttpServer, UpgradeRoutes>();

/**
 * Hands the upgrades at `path` of an HTTP server to `handler`. Those elsewhere go to the other `upgrade`
 * listeners, and get 404 when there are none, or when none has claimed them after ten seconds. Each socket comes with
 * `ignoreSocketError` as its `error` listener.
 *
 * @returns removes the handler.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the path is taken.
 */
export function routeUpgrades(httpServer: HttpServer, path: string, handler: UpgradeHandler): () => void {
  const routes = routesOf.get(httpServer) ?? new UpgradeRoutes(httpServer);
  routes.add(path, handler);
  routesOf.set(httpServer, routes);
  return () => routes.remove(path);
}
