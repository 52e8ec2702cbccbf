import { createServer, IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { ServerEvents } from '../events/events.js';
import { acceptInSlices } from '../limits/accept-queue.js';
import type { RequestQueue } from './request-queue.js';
import type { TlsPair } from './tls.js';

/** How long connections of an HTTP server may take. 0 is no limit. */
export interface HttpTimeouts {
  /** From the connection to the end of its TLS handshake, and from there to the end of a request's head. */
  readonly handshakeTimeoutMs: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
}

/** How long a connection may wait for its next request. */
const KEEP_ALIVE_MS = 72_000;
/** How often Node looks for connections that have taken too long. */
const CHECK_INTERVAL_MS = 1000;

/**
 * An HTTP server, or with a certificate an HTTPS one, that waits for nothing longer than its timeouts and accepts
 * connections a few at a time. Add the listener of `request` as `requests.listener(…)`.
 */
export function createHttpServer(
  tls: TlsPair | undefined,
  { handshakeTimeoutMs, requestTimeoutMs }: HttpTimeouts,
  requests: RequestQueue,
  events: ServerEvents,
): Server | TlsServer {
  const limits = [handshakeTimeoutMs, requestTimeoutMs].filter((limit) => limit > 0);
  const RequestClass = requestClass((socket) => {
    if (!requests.isFull(socket)) return false;
    // Node.js 26 parses the rest of a chunk all the same.
    if (!socket.destroyed) events.limited?.('pipelinedRequests');
    socket.destroy();
    return true;
  });
  const options: ServerOptions<typeof RequestClass> = {
    IncomingMessage: RequestClass,
    // Its absence is answered with a problem document by the API.
    requireHostHeader: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node refuses a longer time for the head than for the whole.
    headersTimeout: handshakeTimeoutMs === 0 ? 0 : Math.min(...limits),
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, ...limits),
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...tls, handshakeTimeout: handshakeTimeoutMs });
  // Node.js answers a request with `Expect` by itself, past the listeners of `request`: out of order, and within no
  // limit. An expectation other than 100-continue may be ignored (RFC 9110 section 10.1.1).
  for (const event of ['checkContinue', 'checkExpectation'])
    server.on(event, (request, response) => server.emit('request', request, response));
  acceptInSlices(server, handshakeTimeoutMs, events);
  return server.on('clientError', ({ code }: NodeJS.ErrnoException) => {
    // A request that is too slow counts when it is answered.
    if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') events.limited?.('slowRequests');
  });
}

/**
 * A class of requests whose offers of protocols other than WebSocket are ignored, as RFC 9110 section 7.8 allows: many HTTP
 * clients offer h2c with every request. Node looks at `upgrade` to
 * decide between the `upgrade` and the `request` event.
 *
 * An upgrade also ends the parsing of a connection. Nothing else does in the middle of a chunk, which can hold thousands
 * of requests, so the request of a connection that was terminated for one too many passes as an upgrade.
 *
 * @param isTooMany called for each request; terminates the connection when it is one too many.
 */
export function requestClass(isTooMany: (socket: Socket) => boolean): typeof IncomingMessage {
  return class WebSocketOffers extends IncomingMessage {
    readonly isTooMany: boolean;
    // Assigned by the constructor of the base class already, so it may not be initialized here.
    declare offersUpgrade: boolean | null;

    // Bun calls it with more than a socket.
    constructor(...args: [Socket]) {
      super(...args);
      this.isTooMany = isTooMany(this.socket);
    }

    set upgrade(offersUpgrade: boolean | null) {
      this.offersUpgrade = offersUpgrade;
    }

    get upgrade(): boolean {
      if (this.isTooMany) return true;
      if (!this.offersUpgrade) return false;
      const { upgrade = '' } = this.headers;
      return upgrade === 'websocket' || this.method === 'CONNECT' || /\bwebsocket\b/i.test(upgrade);
    }
  };
}
