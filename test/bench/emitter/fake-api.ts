import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Emission } from '../../../src/emit/api-client.js';

/** Answers a request whose emissions have been read. `count` is how many requests there were, this one included. */
export type Answer = (
  response: ServerResponse,
  emissions: readonly Emission[],
  count: number,
  request: IncomingMessage,
) => void;

const listening = new Map<Server, Set<Socket>>();

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  listening.set(server, sockets);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function stop(server: Server): Promise<void> {
  const sockets = listening.get(server) ?? [];
  listening.delete(server);
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}

/** Ends every server that these helpers have started. For `afterAll`. */
export async function stopFakes(): Promise<void> {
  await Promise.all([...listening.keys()].map(stop));
}

/** A port where nobody listens any more. */
export async function unusedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await stop(server);
  return port;
}

/** An HTTP API that keeps what it was asked for. */
export interface FakeApi {
  readonly port: number;
  readonly emissions: Emission[];
  readonly tokens: (string | undefined)[];
  /** Connections so far. */
  readonly connections: number;
}

/** As our server answers: every emission was handed to `delivered` clients. */
export function taken(delivered: number): Answer {
  return (response, emissions) => {
    response.end(JSON.stringify({ results: emissions.map((one) => ({ ...one, delivered })) }));
  };
}

/** The HTTP side of a fake, without a socket of its own. */
function recorder(answer: Answer) {
  const emissions: Emission[] = [];
  const tokens: (string | undefined)[] = [];
  let count = 0;
  const http = createHttpServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      const asked: Emission[] = body === '' ? [] : JSON.parse(body);
      emissions.push(...asked);
      tokens.push(request.headers.authorization);
      count += 1;
      answer(response, asked, count, request);
    });
    response.on('error', () => {});
  });
  return { http, emissions, tokens };
}

export async function startFakeApi(answer: Answer): Promise<FakeApi> {
  const { http, emissions, tokens } = recorder(answer);
  let connections = 0;
  http.on('connection', () => {
    connections += 1;
  });
  const port = await listen(http);
  return {
    port,
    emissions,
    tokens,
    get connections() {
      return connections;
    },
  };
}

/** A server that writes bytes as soon as it has got something of a request. */
export async function startRaw(onRequest: (socket: Socket) => void): Promise<number> {
  return listen(
    createTcpServer((socket) => {
      socket.once('data', () => onRequest(socket));
    }),
  );
}

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A TLS API whose certificate can be swapped. */
export interface FakeTlsApi extends Pick<FakeApi, 'port' | 'emissions' | 'tokens'> {
  /** Every byte that came, decrypted, since the certificate was swapped, or else from the start. */
  readonly heard: () => string;
  /** TLS connections that were asked for since then, whether or not they came about. */
  readonly attempts: () => number;
  /** Shows another certificate from now on, and ends every connection. */
  swap(certificate: Certificate): void;
}

export async function startFakeTlsApi(certificate: Certificate, answer: Answer): Promise<FakeTlsApi> {
  const { http, emissions, tokens } = recorder(answer);
  let heard = '';
  let attempts = 0;
  const open = new Set<Socket>();
  const tls = createTlsServer(certificate, (socket) => {
    socket.on('error', () => {});
    http.emit('connection', socket);
    socket.prependListener('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
    });
  });
  tls.on('connection', (socket: Socket) => {
    attempts += 1;
    // From before its handshake: one that begins with the old certificate must not end it after the swap.
    open.add(socket);
  });
  tls.on('tlsClientError', () => {});
  const port = await listen(tls);
  return {
    port,
    emissions,
    tokens,
    heard: () => heard,
    attempts: () => attempts,
    swap(other) {
      tls.setSecureContext(other);
      heard = '';
      attempts = 0;
      for (const socket of open) socket.destroy();
    },
  };
}
