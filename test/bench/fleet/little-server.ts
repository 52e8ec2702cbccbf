import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { encodeCursor } from '../../../src/protocol/messages.js';
import { Waiters } from '../../support/deadline.js';

/** What the server saw of one client, and what it can do to it. */
export class Peer {
  readonly texts: string[] = [];
  readonly pongs: string[] = [];
  closed: { code: number; reason: string } | undefined;

  constructor(
    readonly socket: WebSocket,
    readonly raw: Socket,
    readonly url: URL,
    changed: () => void,
  ) {
    socket.on('message', (data: Buffer) => {
      this.texts.push(data.toString());
      changed();
    });
    socket.on('pong', (data) => {
      this.pongs.push(data.toString());
      changed();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      changed();
    });
    socket.on('error', () => {});
  }

  get token(): string | null {
    return this.url.searchParams.get('token');
  }

  /** Sends cursor messages in one go, in the order given. */
  cursors(...cursors: number[]): void {
    for (const cursor of cursors) this.socket.send(encodeCursor(String(cursor)));
  }
}

export interface LittleServer {
  readonly url: string;
  readonly peers: readonly Peer[];
  until(isMet: () => boolean, what: string): Promise<void>;
  stop(): Promise<void>;
}

export interface LittleServerOptions {
  /** Answers an upgrade itself, with whatever it writes. */
  readonly onUpgrade?: (raw: Socket, request: IncomingMessage) => void;
  readonly onPeer?: (peer: Peer) => void;
}

/** A WebSocket server of a few lines on the `ws` package, which does what a test tells it and nothing else. */
export async function littleServer({ onUpgrade, onPeer }: LittleServerOptions = {}): Promise<LittleServer> {
  const http = createServer();
  const sockets = new Set<Socket>();
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const waiters = new Waiters();
  const peers: Peer[] = [];
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      waiters.changed();
    });
  });
  http.on('upgrade', (request, raw: Socket, head) => {
    if (onUpgrade !== undefined) {
      onUpgrade(raw, request);
      return;
    }
    webSockets.handleUpgrade(request, raw, head, (socket) => {
      const url = new URL(request.url ?? '/', 'ws://localhost');
      const peer = new Peer(socket, raw, url, () => waiters.changed());
      peers.push(peer);
      onPeer?.(peer);
      waiters.changed();
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/datafn/ws`,
    peers,
    until: (isMet, what) => waiters.until(isMet, what),
    async stop() {
      const closed = new Promise((resolve) => http.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
