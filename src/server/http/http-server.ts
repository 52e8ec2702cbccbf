import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer } from 'node:net';
import { type ConnectionLimits, takeConnectionsInTurns } from '../limits/connection-turns.js';
import { requestClass } from '../ws/web-socket-offers.js';
import type { RequestTurns } from './request-turns.js';
import type { TlsPair } from './tls.js';

/** How long connections of an HTTP server may take. 0 is no limit. */
export interface HttpTimeouts {
  /** From the connection to the end of its TLS handshake, and from there to the end of a request's head. */
  readonly handshakeTimeoutMs: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
}

/** Codes of Node for what takes longer than {@link HttpTimeouts} allow. */
const TOO_SLOW: ReadonlySet<unknown> = new Set(['ERR_HTTP_REQUEST_TIMEOUT', 'ERR_TLS_HANDSHAKE_TIMEOUT']);

/** How long a connection may wait for its next request. */
const KEEP_ALIVE_MS = 72_000;
/** How often Node looks for connections that have taken too long. */
const CHECK_INTERVAL_MS = 1000;

/** What an HTTP server calls for each connection that it terminates. */
export interface HttpLimits extends ConnectionLimits {
  /** One that sent more requests than may be unanswered. */
  pipelinedRequests(): void;
}

/**
 * An HTTP server, or with a certificate an HTTPS one, that does not wait for ever, and whose strangers take turns.
 *
 * @param turns those of its requests.
 */
export function createHttpServer(
  tls: TlsPair | undefined,
  { handshakeTimeoutMs, requestTimeoutMs }: HttpTimeouts,
  listener: RequestListener,
  turns: RequestTurns,
  limited: HttpLimits,
): Server | TlsServer {
  const limits = [handshakeTimeoutMs, requestTimeoutMs].filter((limit) => limit > 0);
  const RequestClass = requestClass((socket) => {
    if (!turns.isFull(socket)) return false;
    // Node.js 26 parses the rest of a chunk all the same.
    if (!socket.destroyed) limited.pipelinedRequests();
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
  const inTurn = turns.listener(listener);
  const server =
    tls === undefined
      ? createServer(options, inTurn)
      : createTlsServer({ ...options, ...tls, handshakeTimeout: handshakeTimeoutMs }, inTurn);
  // Node.js answers a request with `Expect` by itself, past the listeners of `request`: out of turn, and within no limit.
  // An expectation other than 100-continue may be ignored (RFC 9110 section 10.1.1).
  for (const event of ['checkContinue', 'checkExpectation'])
    server.on(event, (request, response) => server.emit('request', request, response));
  takeConnectionsInTurns(server, handshakeTimeoutMs, limited);
  return server.on('clientError', ({ code }: NodeJS.ErrnoException) => {
    if (TOO_SLOW.has(code)) limited.slowRequests();
  });
}

/** What `localhost` stands for (RFC 6761 section 6.3): some look it up as the one, some as the other. */
const LOOPBACKS = ['127.0.0.1', '::1'];

/**
 * Lets `httpServer`, which listens at `localhost`, take connections at the other loopback address as well. For any
 * other host it does nothing.
 *
 * @param onTaken called with the address that another program has.
 * @returns stops it.
 */
export async function listenAtBothLoopbacks(
  httpServer: Server | TlsServer,
  host: string,
  backlog: number,
  onTaken: (address: string) => void,
): Promise<() => void> {
  const { address, port } = httpServer.address() as AddressInfo;
  const others =
    host.toLowerCase() === 'localhost' ? LOOPBACKS.filter((loopback) => loopback !== address) : [];
  const listeners: NetServer[] = [];
  for (const other of others) {
    const listener = createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      httpServer.emit('connection', socket),
    );
    try {
      await once(listener.listen({ host: other, port, backlog }), 'listening');
      listeners.push(listener);
    } catch (error) {
      // Anything else is an address that the machine has not, such as ::1 where IPv6 is off.
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') onTaken(other);
    }
  }
  return () => {
    for (const listener of listeners) listener.close();
  };
}
