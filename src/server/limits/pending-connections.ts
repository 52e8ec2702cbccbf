import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** Longest wait first. */
type Waiting = Map<unknown, Socket>;

/**
 * The connections of an HTTP server that are not those of clients: no request has come yet, or not even a TLS
 * handshake, or an answer has not been read yet. They cost a descriptor each, so there is a limit; beyond it the one
 * that has waited longest is terminated. That way a flood of them hurts the flood: a client asks at once, and is out of
 * here. Callers of the API, which keep their connection for the next call, are not part of that: among them one is
 * terminated only when they take more than half of the places.
 */
export class PendingConnections {
  readonly #strangers: Waiting = new Map();
  /** Those that made a request which the admin rule allowed. */
  readonly #callers: Waiting = new Map();
  #keyOf: (socket: Socket) => unknown = itself;

  /**
   * @param limit how many; `Infinity` is no limit.
   * @param onTerminate called for each that was terminated.
   */
  constructor(
    private readonly limit: number,
    private readonly onTerminate: () => void,
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
      this.#enter(socket, this.#strangers);
    });
    if (!(server instanceof TlsServer)) return;
    // The socket of a TLS request is not the one that was accepted, but its peer is the same.
    this.#keyOf = peerOf;
    // A handshake that fails or takes too long: nothing can be answered on it.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** A connection is about to become that of a client, which has limits of its own; or it is gone. */
  leave(socket: Socket): void {
    const key = this.#keyOf(socket);
    if (!this.#strangers.delete(key)) this.#callers.delete(key);
  }

  /** A connection has made a request that the admin rule allowed. */
  admit(socket: Socket): void {
    const key = this.#keyOf(socket);
    // The socket that was accepted, which is not that of the request over TLS.
    const accepted = this.#strangers.get(key) ?? this.#callers.get(key);
    if (accepted === undefined) return;
    this.leave(socket);
    this.#callers.set(key, accepted);
  }

  /** Whether a connection has made such a request. */
  isCaller(socket: Socket): boolean {
    return this.#callers.has(this.#keyOf(socket));
  }

  /** Terminates them all: the server is about to close. */
  terminateAll(): void {
    for (const socket of [...this.#strangers.values(), ...this.#callers.values()]) socket.destroy();
  }

  #enter(socket: Socket, waiting: Waiting): void {
    const key = this.#keyOf(socket);
    // A connection that is gone already has no peer.
    if (socket.destroyed || key === undefined) return;
    waiting.set(key, socket);
    if (this.#strangers.size + this.#callers.size > this.limit) this.#terminateOne();
  }

  #terminateOne(): void {
    const waiting = this.#callers.size > this.limit / 2 ? this.#callers : this.#strangers;
    for (const [key, socket] of waiting) {
      waiting.delete(key);
      socket.destroy();
      this.onTerminate();
      return;
    }
  }
}

const itself = (socket: Socket) => socket;

/** Who is at the other end of a connection; `undefined` when it is gone. */
export function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
