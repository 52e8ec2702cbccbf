import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { encodeCursor } from '../../src/protocol/messages.js';

/** What a server can take; what is left out has no limit. */
export interface Limits {
  /** Deliveries that it can make a second; those beyond wait. */
  readonly deliveriesPerSecond?: number;
  /** Upgrades that it can answer a second; those beyond wait. */
  readonly connectsPerSecond?: number;
  /** Beyond so many clients, each further one delays every delivery by so many milliseconds. */
  readonly slowFrom?: { readonly clients: number; readonly msPerClient: number };
}

export interface LimitedServer {
  /** Its WebSocket URL. */
  readonly url: string;
  /** Where `POST {"namespace","cursor"}` broadcasts. */
  readonly pushUrl: string;
  stop(): Promise<void>;
}

/**
 * When each of a series of things is done by somebody who does so many a second, one after the other. An idle time is
 * not made up for.
 */
class Pace {
  #freeAtMs = 0;

  constructor(private readonly perSecond: number | undefined) {}

  /** How long the next one takes from now on, in milliseconds. */
  next(): number {
    if (this.perSecond === undefined) return 0;
    const nowMs = performance.now();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + 1000 / this.perSecond;
    return this.#freeAtMs - nowMs;
  }

  /** Forgets what waits. */
  reset(): void {
    this.#freeAtMs = 0;
  }
}

/** A DataFn server whose limit is known. It uses next to no CPU, so that the limit is that one on any machine. */
export async function limitedServer(limits: Limits): Promise<LimitedServer> {
  const deliveries = new Pace(limits.deliveriesPerSecond);
  const connects = new Pace(limits.connectsPerSecond);
  const rooms = new Map<string, Set<WebSocket>>();
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const sockets = new Set<Socket>();
  let clients = 0;

  const deliver = (socket: WebSocket, text: string) => {
    const slow = limits.slowFrom;
    const delayMs =
      slow === undefined ? deliveries.next() : Math.max(0, clients - slow.clients) * slow.msPerClient;
    if (delayMs < 1) socket.send(text);
    else setTimeout(() => socket.readyState === socket.OPEN && socket.send(text), delayMs);
  };
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url !== '/push') {
      response.writeHead(404).end();
      return;
    }
    const { namespace, cursor } = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
    const text = encodeCursor(String(cursor));
    for (const socket of rooms.get(String(namespace)) ?? []) deliver(socket, text);
    response.writeHead(204).end();
  });
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  http.on('upgrade', async (request, raw: Socket, head) => {
    await sleep(connects.next());
    if (raw.destroyed) return;
    webSockets.handleUpgrade(request, raw, head, (socket) => {
      const namespace = new URL(request.url ?? '', 'ws://localhost').searchParams.get('token') ?? '';
      if (namespace === '') {
        socket.close(4401, 'Unauthorized');
        return;
      }
      clients += 1;
      const room = rooms.get(namespace) ?? new Set();
      rooms.set(namespace, room.add(socket));
      socket.on('error', () => {});
      socket.on('close', () => {
        clients -= 1;
        room.delete(socket);
        if (room.size === 0) rooms.delete(namespace);
        // What waits for clients that have gone is not sent.
        if (clients === 0) {
          deliveries.reset();
          connects.reset();
        }
      });
    });
  });
  http.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/datafn/ws`,
    pushUrl: `http://127.0.0.1:${port}/push`,
    async stop() {
      const closed = once(http, 'close');
      http.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
