import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** Longest wait first. */
type Waiting = Map<unknown, Socket>;

/**
 * The connections of an HTTP server that are not in the middle of anything: no request has come yet, or none since
 * the last answer, or not even a TLS handshake. They cost a descriptor each and prove nothing, so there is a limit;
 * beyond it the one that has waited longest is cut. That way a flood of them hurts the flood: who connects in
 * earnest asks at once, and is out of here. Callers of the API that keep their connection for the next call are not
 * part of that: among them one is cut only when they take more than half of the places.
 */
export class PendingConnections {
  readonly #strangers: Waiting = new Map();
  /** Those whose last request was a call of the API that was allowed. */
  readonly #callers: Waiting = new Map();
  #keyOf: (socket: Socket) => unknown = itself;

  /**
   * @param limit how many; `Infinity` is no limit.
   * @param onCut is told of each that was cut.
   */
  constructor(
    private readonly limit: number,
    private readonly onCut: () => void,
  ) {}

  /** Follows the connections of a server, from before it listens. */
  watch(server: Server): void {
    const leave = (socket: Socket) => this.#leave(socket);
    // One listener for all, which a connection keeps for good.
    function onClose(this: Socket): void {
      leave(this);
    }
    server.on('connection', (socket: Socket) => {
      socket.on('close', onClose);
      this.#enter(socket, this.#strangers);
    });
    server.prependListener('request', ({ socket, url }: IncomingMessage, response: ServerResponse) => {
      this.hasAsked(socket);
      response.once('close', () => {
        const isCaller = url?.startsWith('/v1/') === true && response.statusCode < 300;
        this.#enter(socket, isCaller ? this.#callers : this.#strangers);
      });
    });
    if (!(server instanceof TlsServer)) return;
    // The socket of a TLS request is not the one that was accepted, but its peer is the same.
    this.#keyOf = peerOf;
    // A handshake that fails or takes too long: nothing can be answered on it.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** A connection has sent the head of a request. For upgrades; of other requests it knows by itself. */
  hasAsked(socket: Socket): void {
    this.#leave(socket);
  }

  /** Cuts them all: the server is about to close. */
  cutAll(): void {
    for (const socket of [...this.#strangers.values(), ...this.#callers.values()]) socket.destroy();
  }

  #enter(socket: Socket, waiting: Waiting): void {
    const key = this.#keyOf(socket);
    // A connection that is gone already has no peer.
    if (socket.destroyed || key === undefined) return;
    waiting.set(key, socket);
    if (this.#strangers.size + this.#callers.size > this.limit) this.#cutOne();
  }

  #leave(socket: Socket): void {
    const key = this.#keyOf(socket);
    if (!this.#strangers.delete(key)) this.#callers.delete(key);
  }

  #cutOne(): void {
    const waiting = this.#callers.size > this.limit / 2 ? this.#callers : this.#strangers;
    for (const [key, socket] of waiting) {
      waiting.delete(key);
      socket.destroy();
      this.onCut();
      return;
    }
  }
}

const itself = (socket: Socket) => socket;

function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
