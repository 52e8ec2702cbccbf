import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Deadlines } from '../ws/deadlines.js';
import { TurnQueue } from '../ws/turn-queue.js';
import { ignoreSocketError } from '../ws/upgrade-routes.js';
import { peerOf } from './pending-connections.js';

/** Connections taken in one tick of the event loop, some 30 µs each. */
const CONNECTIONS_PER_TICK = 64;
/** TLS handshakes begun in one tick, up to 1 ms each: the server signs as soon as it has heard the client. */
const TLS_HANDSHAKES_PER_TICK = 4;

/** TLS handshakes under way, up to 60 KiB each; one takes a round trip. */
export const MAX_TLS_HANDSHAKES = 1000;

/** Called for each connection that is terminated. */
export interface ConnectionLimits {
  /** One that has not begun its TLS handshake in time. */
  slowRequests(): void;
  /** The one whose TLS handshake has taken longest, for one too many. */
  pendingConnections(): void;
}

/**
 * Lets a server take new connections a few in each tick of the event loop, however many the system hands over at once,
 * so that clients are served in between. A TLS handshake begins when the peer has said something, and costs nothing
 * before that.
 *
 * @param firstByteTimeoutMs milliseconds that a peer has to begin its TLS handshake; 0 is no limit.
 */
export function takeConnectionsInTurns(
  server: Server | TlsServer,
  firstByteTimeoutMs: number,
  limited: ConnectionLimits,
): void {
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  const take = (socket: Socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };
  if (server instanceof TlsServer) takeHandshakes(server, take, firstByteTimeoutMs, limited);
  else server.on('connection', inTurns(CONNECTIONS_PER_TICK, take));
}

/** `take`, called for so many sockets in a tick; those that are gone by then are left out. */
function inTurns(perTick: number, take: (socket: Socket) => void): (socket: Socket) => void {
  const turns = new TurnQueue(perTick, Number.POSITIVE_INFINITY);
  return (socket) => {
    let isTaken = false;
    turns.add(() => {
      isTaken = true;
      socket.off('error', ignoreSocketError);
      if (!socket.destroyed) take(socket);
    });
    // Until then it is nobody's, and may break.
    if (!isTaken) socket.on('error', ignoreSocketError);
  };
}

function takeHandshakes(
  server: TlsServer,
  take: (socket: Socket) => void,
  firstByteTimeoutMs: number,
  limited: ConnectionLimits,
): void {
  const silent = new Deadlines<Socket>(firstByteTimeoutMs, (socket) => {
    limited.slowRequests();
    socket.destroy();
  });
  /** Handshakes under way, by peer: the socket of a finished one is not the one that was accepted. */
  const handshakes = new Map<string | undefined, Socket>();
  server.on('secureConnection', (socket) => handshakes.delete(peerOf(socket)));
  const begin = inTurns(TLS_HANDSHAKES_PER_TICK, (socket) => {
    const peer = peerOf(socket);
    handshakes.set(peer, socket);
    socket.once('close', () => handshakes.delete(peer));
    const [oldest] = handshakes;
    if (handshakes.size > MAX_TLS_HANDSHAKES && oldest !== undefined) {
      limited.pendingConnections();
      // Its `close` comes later than the next handshake, which must not end the same one again.
      handshakes.delete(oldest[0]);
      oldest[1].destroy();
    }
    take(socket);
  });
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.on('error', ignoreSocketError);
    socket.once('close', () => silent.delete(socket));
    socket.once('readable', () => {
      silent.delete(socket);
      socket.off('error', ignoreSocketError);
      begin(socket);
    });
  });
}
