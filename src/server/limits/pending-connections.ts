import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { ServerEvents } from '../events/events.js';

/**
 * The connections of an HTTP server that have not come far yet: no request, not even a TLS handshake, or only requests
 * that anybody may make. They cost a descriptor each, so there is a limit; beyond it the one that has waited longest is
 * terminated. That way a flood of them hurts the flood: a client asks at once, and is out of here. The same limit holds
 * for the connections that have made an authorized request: neither kind takes the place of the other.
 */
export class PendingConnections {
  /** The one that has waited longest first. */
  readonly #waiting = new Map<unknown, Socket>();
  readonly #callers = new Map<unknown, Socket>();
  #keyOf: (socket: Socket) => unknown = itself;

  /** @param limit how many of each kind; `Infinity` is no limit. */
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

  /** A connection is gone, or about to become that of a client. */
  leave(socket: Socket): void {
    const key = this.#keyOf(socket);
    if (!this.#waiting.delete(key)) this.#callers.delete(key);
  }

  /** A connection has made an authorized request. */
  admit(socket: Socket): void {
    const key = this.#keyOf(socket);
    // The socket that was accepted, which is not that of the request over TLS.
    const accepted = this.#waiting.get(key);
    if (!this.#waiting.delete(key) || accepted === undefined) return;
    this.#add(this.#callers, key, accepted);
  }

  /** Terminates them all: the server is about to close. */
  terminateAll(): void {
    for (const socket of [...this.#waiting.values(), ...this.#callers.values()]) socket.destroy();
  }

  #enter(socket: Socket): void {
    const key = this.#keyOf(socket);
    // A connection that is gone already has no peer.
    if (socket.destroyed || key === undefined) return;
    this.#add(this.#waiting, key, socket);
  }

  #add(kind: Map<unknown, Socket>, key: unknown, socket: Socket): void {
    kind.set(key, socket);
    if (kind.size <= this.limit) return;
    const [oldest] = kind;
    if (oldest === undefined) return;
    kind.delete(oldest[0]);
    oldest[1].destroy();
    this.events.limited?.('pendingConnections');
  }
}

const itself = (socket: Socket) => socket;

/** The other end of a connection; `undefined` when it is gone. */
export function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
