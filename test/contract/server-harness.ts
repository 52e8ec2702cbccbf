import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import type { WebSocketClient } from '../../src/manager/types.js';
import type { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { attachWebSocketManager } from '../../src/server/ws/attach.js';
import type { ServerSocket } from '../../src/server/ws/server-socket.js';
import { within } from '../support/deadline.js';
import { selfSignedCertificate } from '../support/self-signed.js';
import type { Closed, ContractClient, ContractHarness, ContractSession } from './harness.js';
import { wsRoundTrip } from './ws-round-trip.js';

/** Our own transport over plain TCP, with `ws` as the client. */
export const tcpServerHarness: ContractHarness = serverHarness('our transport over TCP', () => ({
  server: createServer(),
  scheme: 'ws',
  options: {},
}));

/** Our own transport over TLS. The client checks the certificate, which the server made for the session. */
export const tlsServerHarness: ContractHarness = serverHarness('our transport over TLS', () => {
  const { key, cert } = selfSignedCertificate('localhost');
  return {
    server: createTlsServer({ key, cert }),
    scheme: 'wss',
    options: { ca: cert, servername: 'localhost' },
  };
});

interface Carrier {
  readonly server: Server;
  readonly scheme: 'ws' | 'wss';
  readonly options: ClientOptions;
}

function serverHarness(name: string, carrier: () => Carrier): ContractHarness {
  return {
    name,
    heartbeatIntervalMs: 100,
    heartbeatTimeoutMs: 60,

    async start(config, logger): Promise<ContractSession> {
      const { server, scheme, options } = carrier();
      /** Whose upgrade is being worked on. The provider answers at once, so the manager is asked in the same call. */
      let current = '';
      const accepted = new Map<string, Accepted>();
      const attached = attachWebSocketManager(server, {
        ...config,
        logger,
        namespaceProvider: ({ url }) => {
          const query = new URL(url, 'ws://localhost').searchParams;
          current = query.get('id') ?? '';
          return query.get('namespace');
        },
      });
      watchAdmissions(attached.manager, (one) => accepted.set(current, one));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;

      const clients: ServedClient[] = [];
      async function connect(namespace: string | undefined): Promise<ContractClient> {
        const id = randomUUID();
        const query = new URLSearchParams(namespace === undefined ? { id } : { id, namespace });
        const socket = new WebSocket(`${scheme}://127.0.0.1:${port}/datafn/ws?${query}`, {
          ...options,
          autoPong: false,
        });
        const client = new ServedClient(socket, namespace !== undefined);
        clients.push(client);
        await once(socket, 'open');
        client.counterpart = accepted.get(id);
        return client;
      }

      return {
        manager: attached.manager,
        connect,
        connectUnauthenticated: () => connect(undefined),
        async settle() {
          // What the transport owes goes out at the end of a turn; a pong goes out at once and would overtake it.
          await turn();
          await Promise.all(clients.map((client) => client.roundTrip()));
        },
        async elapse(ms) {
          await sleep(ms);
        },
        async stop() {
          attached.manager.destroy();
          await Promise.all(clients.map((client) => client.terminate()));
          await attached.close();
          await new Promise<void>((resolve) => server.close(() => resolve()));
        },
      };
    },
  };
}

/** The server's end of one connection. */
interface Accepted {
  readonly socket: ServerSocket;
  readonly admitted: boolean;
  readonly closeCalls: () => number;
}

/** Reports each connection that the transport offers to the manager, and what the manager said. */
function watchAdmissions(manager: WebSocketManager, report: (accepted: Accepted) => void): void {
  const addClient = manager.addClient.bind(manager);
  const seen = new WeakSet<WebSocketClient>();
  manager.addClient = (client, authContext) => {
    const socket = client as ServerSocket;
    if (seen.has(socket)) return addClient(client, authContext);
    seen.add(socket);
    let closeCalls = 0;
    const close = socket.close.bind(socket);
    socket.close = (code, reason) => {
      // `ws` calls this too, for the peer's close frame: then the reason is no string.
      if (typeof reason === 'string') closeCalls += 1;
      close(code, reason);
    };
    const admitted = addClient(client, authContext);
    report({ socket, admitted, closeCalls: () => closeCalls });
    return admitted;
  };
}

class ServedClient implements ContractClient {
  readonly received: string[] = [];
  pings = 0;
  /** Missing for a client that the server turned away without asking the manager. */
  counterpart: Accepted | undefined;
  readonly #socket: WebSocket;
  readonly #closed: Promise<Closed>;
  readonly #isAuthenticated: boolean;
  #pongs = true;

  constructor(socket: WebSocket, isAuthenticated: boolean) {
    this.#socket = socket;
    this.#isAuthenticated = isAuthenticated;
    socket.on('message', (data: RawData, isBinary) =>
      this.received.push(isBinary ? 'binary' : (data as Buffer).toString()),
    );
    socket.on('ping', (data) => {
      this.pings += 1;
      if (this.#pongs) socket.pong(data);
    });
    this.#closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  get admitted(): boolean | undefined {
    // A namespace that the transport itself refuses never gets as far as the manager.
    return this.counterpart?.admitted ?? (this.#isAuthenticated ? false : undefined);
  }

  get transport(): WebSocketClient {
    if (this.counterpart === undefined) throw new Error('The manager never saw this client');
    return this.counterpart.socket;
  }

  get closeCalls(): number {
    return this.counterpart?.closeCalls() ?? 0;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  closed(): Promise<Closed> {
    return within(this.#closed, 'the close of a client');
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
    const { socket } = this.counterpart ?? {};
    const seen =
      socket === undefined || socket.readyState === WebSocket.CLOSED ? undefined : once(socket, 'close');
    this.#socket.close(1000);
    if (seen !== undefined) await within(seen, 'the end of the connection at the server');
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
}
