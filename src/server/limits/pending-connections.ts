import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { ServerEvents } from '../events/events.js';

/**
 * The connections of an HTTP server that have not come far yet: no request, not even a TLS handshake, or only requests
 * that anybody may make. They cost a descriptor each, so there is a limit; beyond it the one that has waited longest is
 * terminated. That way a flood of them hurts the flood: a client asks at once, and is out of here.
 */
export class PendingConnections {
  /** The one that has waited longest first. */
  readonly #waiting = new Map<unknown, Socket>();
  #keyOf: (socket: Socket) => unknown = itself;

  /** @param limit how many; `Infinity` is no limit. */
  constructor(
    private readonly limit: number,
    private readonly events: Pick<ServerEvents, 'limited'>,
  ) {}

  /** Follows the connections of a server, from before it listens. */
  watch(server: Server): void {
    const leave = (socket: Socket) => this.leave(socket);
    // One listener for all, which a connection keeps for good.
    function onClose(this: Socket): void {
      leave(this);
    }
    server.prependListener('connection', (socket: Socket) => {
      socket.on('close', onClose);
      this.#enter(socket);
    });
    if (!(server instanceof TlsServer)) return;
    // The socket of a TLS request is not the one that was accepted, but its peer is the same.
    this.#keyOf = peerOf;
    // A handshake that fails or takes too long: nothing can be answered on it.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** A connection is gone, is about to become that of a client, or has made an authorized request. */
  leave(socket: Socket): void {
    this.#waiting.delete(this.#keyOf(socket));
  }

  /** Terminates them all: the server is about to close. */
  terminateAll(): void {
    for (const socket of [...this.#waiting.values()]) socket.destroy();
  }

  #enter(socket: Socket): void {
    const key = this.#keyOf(socket);
    // A connection that is gone already has no peer.
    if (socket.destroyed || key === undefined) return;
    this.#waiting.set(key, socket);
    const [oldest] = this.#waiting;
    if (this.#waiting.size <= this.limit || oldest === undefined) return;
    this.#waiting.delete(oldest[0]);
    oldest[1].destroy();
    this.events.limited?.('pendingConnections');
  }
}

const itself = (socket: Socket) => socket;

/** The other end of a connection; `undefined` when it is gone. */
export function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
