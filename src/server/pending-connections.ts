import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

type Waiting = Map<string, { readonly socket: Socket; readonly onClose: () => void }>;

/**
 * The connections of an HTTP server that are not in the middle of anything: no request has come yet, or none since
 * the last answer, or not even a TLS handshake. They cost a descriptor each and prove nothing, so there is a limit;
 * beyond it the one that has waited longest is cut. That way a flood of them hurts the flood: who connects in
 * earnest asks at once, and is out of here. Callers of the API that keep their connection for the next call are not
 * part of that: among them one is cut only when they take more than half of the places.
 */
export class PendingConnections {
  /**
   * By the peer's address and port, longest wait first. The socket of a TLS request is not the one that was
   * accepted, but its peer is the same.
   */
  readonly #strangers: Waiting = new Map();
  /** Those whose last request was a call of the API that was allowed. */
  readonly #callers: Waiting = new Map();

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
    server.on('connection', (socket: Socket) => this.#enter(socket, this.#strangers));
    server.prependListener('request', ({ socket, url }: IncomingMessage, response: ServerResponse) => {
      this.hasAsked(socket);
      response.once('close', () => {
        const isCaller = url?.startsWith('/v1/') === true && response.statusCode < 300;
        this.#enter(socket, isCaller ? this.#callers : this.#strangers);
      });
    });
    // A handshake that fails or takes too long: nothing can be answered on it.
    if (server instanceof TlsServer) server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** A connection has sent the head of a request. For upgrades; of other requests it knows by itself. */
  hasAsked(socket: Socket): void {
    this.#leave(peerOf(socket));
  }

  /** Cuts them all: the server is about to close. */
  cutAll(): void {
    for (const { socket } of [...this.#strangers.values(), ...this.#callers.values()]) socket.destroy();
  }

  #enter(socket: Socket, waiting: Waiting): void {
    const peer = peerOf(socket);
    // A connection that is gone already has no peer.
    if (socket.destroyed || peer === undefined) return;
    const onClose = () => waiting.delete(peer);
    socket.once('close', onClose);
    waiting.set(peer, { socket, onClose });
    if (this.#strangers.size + this.#callers.size > this.limit) this.#cutOne();
  }

  #leave(peer: string | undefined): void {
    if (peer === undefined) return;
    for (const waiting of [this.#strangers, this.#callers]) {
      const entry = waiting.get(peer);
      if (entry === undefined) continue;
      waiting.delete(peer);
      entry.socket.off('close', entry.onClose);
    }
  }

  #cutOne(): void {
    const waiting = this.#callers.size > this.limit / 2 ? this.#callers : this.#strangers;
    for (const [peer, { socket }] of waiting) {
      this.#leave(peer);
      socket.destroy();
      this.onCut();
      return;
    }
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
