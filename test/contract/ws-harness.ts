import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import type { WebSocketClient } from '../../src/manager/types.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { CLOSE } from '../../src/protocol/close-codes.js';
import type { Closed, ContractClient, ContractHarness, ContractSession } from './harness.js';
import { wsRoundTrip } from './ws-round-trip.js';

/** The server's end of one connection. */
interface Accepted {
  readonly socket: WebSocket;
  readonly transport: WebSocketClient;
  readonly admitted: boolean | undefined;
  closeCalls: number;
}

const EVENT_WITHIN_MS = 5000;

/** Real sockets of the `ws` package on loopback, on the real clock. */
export const wsHarness: ContractHarness = {
  name: 'ws sockets on the real clock',
  heartbeatIntervalMs: 100,
  heartbeatTimeoutMs: 60,

  async start(config, logger): Promise<ContractSession> {
    const manager = new WebSocketManager(config, logger);
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const acceptedById = new Map<string, Accepted>();
    server.on('connection', (socket, request) => {
      const query = new URL(request.url ?? '/', 'ws://localhost').searchParams;
      acceptedById.set(query.get('id') ?? '', accept(manager, socket, query.get('namespace') ?? undefined));
    });

    const clients: WsContractClient[] = [];
    async function connect(namespace: string | undefined): Promise<ContractClient> {
      const id = randomUUID();
      const query = new URLSearchParams(namespace === undefined ? { id } : { id, namespace });
      // Pongs are sent by hand, so that they can be stopped.
      const socket = new WebSocket(`ws://127.0.0.1:${port}/?${query}`, { autoPong: false });
      const client = new WsContractClient(socket);
      clients.push(client);
      await once(socket, 'open');
      const accepted = acceptedById.get(id);
      if (accepted === undefined) throw new Error('The client is open, and the server never saw it');
      client.counterpart = accepted;
      return client;
    }

    return {
      manager,
      connect,
      connectUnauthenticated: () => connect(undefined),
      async settle() {
        await Promise.all(clients.map((client) => client.roundTrip()));
      },
      async elapse(ms) {
        await sleep(ms);
      },
      async stop() {
        manager.destroy();
        const ended = clients.map((client) => client.terminate());
        const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
        for (const socket of server.clients) socket.terminate();
        await Promise.all([...ended, stopped]);
      },
    };
  },
};

/** What a server has to do around a manager: authenticate, hand over, pass on. */
function accept(manager: WebSocketManager, socket: WebSocket, namespace: string | undefined): Accepted {
  const transport: WebSocketClient = {
    send: (data) => socket.send(data),
    ping: () => socket.ping(),
    close: (code, reason) => {
      accepted.closeCalls += 1;
      socket.close(code, reason);
    },
  };
  const accepted = { socket, transport, admitted: undefined as boolean | undefined, closeCalls: 0 };
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => {
    if (!isBinary) manager.handleMessage(transport, textOf(data));
  });
  socket.on('pong', () => manager.handlePong(transport));
  socket.on('close', () => manager.removeClient(transport));
  if (namespace === undefined) transport.close?.(CLOSE.unauthorized.code, CLOSE.unauthorized.reason);
  else accepted.admitted = manager.addClient(transport, { namespace });
  return accepted;
}

function textOf(data: RawData): string {
  // `ws` hands over one Buffer unless `binaryType` says otherwise.
  return (data as Buffer).toString('utf8');
}

class WsContractClient implements ContractClient {
  readonly received: string[] = [];
  pings = 0;
  counterpart: Accepted | undefined;
  readonly #socket: WebSocket;
  readonly #closed: Promise<Closed>;
  #pongs = true;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => this.received.push(isBinary ? 'binary' : textOf(data)));
    socket.on('ping', (data) => {
      this.pings += 1;
      if (this.#pongs) socket.pong(data);
    });
    this.#closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') }));
    });
  }

  get admitted(): boolean | undefined {
    return this.#accepted.admitted;
  }

  get transport(): WebSocketClient {
    return this.#accepted.transport;
  }

  get closeCalls(): number {
    return this.#accepted.closeCalls;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  async closed(): Promise<Closed> {
    const abort = new AbortController();
    const late = sleep(EVENT_WITHIN_MS, undefined, { signal: abort.signal }).then(
      (): never => {
        throw new Error(`The client was not closed within ${EVENT_WITHIN_MS} ms`);
      },
      // Aborted: the race below is over.
      () => this.#closed,
    );
    try {
      return await Promise.race([this.#closed, late]);
    } finally {
      abort.abort();
    }
  }

  say(text: string): void {
    this.#socket.send(text);
  }

  sayBinary(data: Buffer): void {
    this.#socket.send(data, { binary: true });
  }

  stopPonging(): void {
    this.#pongs = false;
  }

  async leave(): Promise<void> {
    const { socket } = this.#accepted;
    const seen = socket.readyState === WebSocket.CLOSED ? undefined : once(socket, 'close');
    this.#socket.close(1000);
    await seen;
  }

  async roundTrip(): Promise<void> {
    if (!this.isOpen) {
      if (this.#socket.readyState === WebSocket.CLOSING) await this.closed();
      return;
    }
    await wsRoundTrip(this.#socket, this.#closed);
  }

  async terminate(): Promise<void> {
    this.#socket.on('error', () => {});
    this.#socket.terminate();
    await this.#closed;
  }

  get #accepted(): Accepted {
    if (this.counterpart === undefined) throw new Error('The client is not connected yet');
    return this.counterpart;
  }
}
