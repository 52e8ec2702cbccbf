import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { ServerEvents } from '../events/events.js';
import { Deadlines } from './deadlines.js';
import { peerOf } from './pending-connections.js';
import { TickQueue } from './tick-queue.js';

/** Connections accepted in one tick of the event loop, some 30 µs each. */
const CONNECTIONS_PER_TICK = 64;
/** TLS handshakes begun in one tick, up to 1 ms each: the server signs as soon as it has the client's first message. */
const TLS_HANDSHAKES_PER_TICK = 4;

/** TLS handshakes under way, up to 60 KiB each; one takes a round trip. */
export const MAX_TLS_HANDSHAKES = 1000;

/** The `error` listener of a socket that nothing owns yet. */
export function ignoreSocketError(): void {}

/**
 * Lets a server accept new connections a few in each tick of the event loop, however many the system hands over at once,
 * so that clients are served in between. A TLS handshake begins when the peer has sent something, and costs nothing
 * before that.
 *
 * @param firstByteTimeoutMs milliseconds that a peer has to begin its TLS handshake; 0 is no limit.
 */
export function acceptInSlices(
  server: Server | TlsServer,
  firstByteTimeoutMs: number,
  events: Pick<ServerEvents, 'limited'>,
): void {
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  const accept = (socket: Socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };
  if (server instanceof TlsServer) acceptHandshakes(server, accept, firstByteTimeoutMs, events);
  else server.on('connection', inSlices(CONNECTIONS_PER_TICK, accept));
}

/** `accept`, called for at most `perTick` sockets in a tick; those that are gone by then are skipped. */
function inSlices(perTick: number, accept: (socket: Socket) => void): (socket: Socket) => void {
  const ticks = new TickQueue(perTick, Number.POSITIVE_INFINITY);
  return (socket) => {
    let isAccepted = false;
    ticks.add(() => {
      isAccepted = true;
      socket.off('error', ignoreSocketError);
      if (!socket.destroyed) accept(socket);
    });
    // Nobody owns it until then, and it may break.
    if (!isAccepted) socket.on('error', ignoreSocketError);
  };
}

function acceptHandshakes(
  server: TlsServer,
  accept: (socket: Socket) => void,
  firstByteTimeoutMs: number,
  events: Pick<ServerEvents, 'limited'>,
): void {
  const silent = new Deadlines<Socket>(firstByteTimeoutMs, (socket) => {
    events.limited?.('slowRequests');
    socket.destroy();
  });
  /** Handshakes under way, by peer: the socket of a finished one is not the one that was accepted. */
  const handshakes = new Map<string | undefined, Socket>();
  server.on('secureConnection', (socket) => handshakes.delete(peerOf(socket)));
  const begin = inSlices(TLS_HANDSHAKES_PER_TICK, (socket) => {
    const peer = peerOf(socket);
    handshakes.set(peer, socket);
    socket.once('close', () => handshakes.delete(peer));
    const [oldest] = handshakes;
    if (handshakes.size > MAX_TLS_HANDSHAKES && oldest !== undefined) {
      events.limited?.('pendingConnections');
      // Its `close` comes later than the next handshake, which must not end the same one again.
      handshakes.delete(oldest[0]);
      oldest[1].destroy();
    }
    accept(socket);
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
