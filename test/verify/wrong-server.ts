import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { json } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';
import { PLAIN_UPGRADE } from '../../src/protocol/upgrade.js';
import type { TargetAccess } from '../../src/verify/target/settings.js';
import type { Tenants } from '../../src/verify/target/tenants.js';
import { apiTrigger } from '../../src/verify/target/triggers.js';

/** A client of a {@link WrongServer}. */
export interface WrongClient {
  /** `undefined` for a client with a bad token, or none. */
  readonly namespace: string | undefined;
  readonly socket: WebSocket;
  /** What is below. */
  readonly stream: Duplex;
}

export interface WrongCursor {
  readonly namespace: string;
  readonly cursor: string;
}

/** What a server does in another way than the contract has it. */
export interface Wrongs {
  /** Answers an upgrade request in place of the upgrade. */
  readonly upgrade?: (stream: Duplex) => void;
  /** The subprotocol that it chooses. */
  readonly choose?: () => string;
  /** More headers of the 101. */
  readonly headers?: readonly string[];
  /** A client is there, in place of the refusal of one without a namespace. */
  readonly connected?: (client: WrongClient, server: WrongServer) => void;
  /** Answers a ping, in place of the pong. */
  readonly ping?: (client: WrongClient, payload: Buffer, server: WrongServer) => void;
  /** A message has come. */
  readonly message?: (client: WrongClient, bytes: Buffer, server: WrongServer) => void;
  /** Broadcasts the cursors of a request, in place of doing so. */
  readonly emit?: (cursors: readonly WrongCursor[], server: WrongServer) => Promise<void> | void;
  /** The connections that it counts; how often it was asked comes first. */
  readonly stats?: (asked: number, server: WrongServer) => number;
}

/** The namespaces of a test: `a`, `b` and so on, each with its name as its token. */
export const TENANTS: Tenants = {
  areOwn: true,
  at: (_, index) => {
    const name = String.fromCharCode(97 + index);
    return { token: name, namespace: name };
  },
  bad: 'bad token',
  expired: undefined,
};

const servers = new Set<WrongServer>();

/** Ends the servers that {@link startWrong} has started, with their clients. */
export function disposeWrong(): void {
  for (const server of servers) server.close();
  servers.clear();
}

/** Starts a server that keeps to the contract, as far as a clause tests it, but for what it does wrong. */
export async function startWrong(wrongs: Wrongs = {}): Promise<WrongServer> {
  const server = new WrongServer(wrongs);
  servers.add(server);
  await server.listen();
  return server;
}

export class WrongServer {
  /**
   * What verify waits for what the server has to do. Long, until the server has done its wrong: a test that waits in vain
   * makes it short then.
   */
  patienceMs = 60_000;
  readonly clients: WrongClient[] = [];
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #streams = new Set<Duplex>();
  #asked = 0;

  constructor(private readonly wrongs: Wrongs) {
    const { choose, headers = [] } = wrongs;
    this.#sockets = new WebSocketServer({
      noServer: true,
      autoPong: false,
      ...(choose && { handleProtocols: choose }),
    });
    this.#sockets.on('headers', (lines: string[]) => void lines.push(...headers));
    this.#http = createServer((request, response) => void this.#answer(request, response));
    this.#http.on('connection', (stream: Duplex) => this.#streams.add(stream.on('error', () => {})));
    this.#http.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head));
  }

  async listen(): Promise<void> {
    this.#http.listen(0, '127.0.0.1');
    await once(this.#http, 'listening');
  }

  close(): void {
    this.#http.close();
    for (const stream of this.#streams) stream.destroy();
  }

  get host(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** The server as verify knows it. */
  get access(): TargetAccess {
    const server = this;
    const api = { url: `http://${this.host}` };
    return {
      ...{ url: `ws://${this.host}/datafn/ws`, upgrade: PLAIN_UPGRADE, tls: undefined, tenants: TENANTS },
      ...{ trigger: apiTrigger(api), whyNoTrigger: undefined, api, backend: undefined },
      ...{ limits: { namespace: undefined, global: undefined }, heartbeat: undefined, stop: undefined },
      get patienceMs() {
        return server.patienceMs;
      },
    };
  }

  /** Those that are there, of a namespace or of all. */
  of(namespace?: string): WrongClient[] {
    const open = this.clients.filter(({ socket }) => socket.readyState === socket.OPEN);
    return namespace === undefined ? open : open.filter((client) => client.namespace === namespace);
  }

  /** Sends each client of a namespace a text; resolves when they have read it. */
  async broadcast(namespace: string | undefined, text: string | Buffer): Promise<void> {
    await Promise.all(
      this.of(namespace).map(({ socket }) => {
        socket.send(text);
        socket.ping();
        return once(socket, 'pong');
      }),
    );
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { upgrade, connected, ping, message } = this.wrongs;
    if (upgrade !== undefined) {
      upgrade(stream);
      return;
    }
    const token = new URL(request.url ?? '', 'http://any').searchParams.get('token') ?? '';
    this.#sockets.handleUpgrade(request, stream, head, (socket) => {
      const client = { namespace: /^[a-z]$/.test(token) ? token : undefined, socket, stream };
      this.clients.push(client);
      socket.on('error', () => {});
      socket.on('ping', (payload: Buffer) =>
        ping === undefined ? socket.pong(payload) : ping(client, payload, this),
      );
      socket.on('message', (bytes: Buffer) => message?.(client, bytes, this));
      if (connected !== undefined) connected(client, this);
      else if (client.namespace === undefined) socket.close(4401, 'Unauthorized');
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { emit, stats } = this.wrongs;
    if (request.url === '/v1/stats') {
      const connections = stats?.(this.#asked++, this) ?? this.of().length;
      response.end(JSON.stringify({ connections }));
      return;
    }
    const cursors = (await json(request)) as WrongCursor[];
    if (emit !== undefined) await emit(cursors, this);
    else for (const { namespace, cursor } of cursors) await this.broadcast(namespace, cursorText(cursor));
    response.end(
      JSON.stringify({
        results: cursors.map((one) => ({ ...one, cursor: String(one.cursor), delivered: 1 })),
      }),
    );
  }
}

/** A cursor message. */
export const cursorText = (cursor: unknown) => JSON.stringify({ type: 'cursor', cursor });
