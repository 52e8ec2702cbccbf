import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/**
 * The connections of an HTTP server that are not in the middle of anything: no request has come yet, or none since
 * the last answer, or not even a TLS handshake. They cost a descriptor each and prove nothing, so there is a limit;
 * beyond it the one that has waited longest is cut. That way a flood of them hurts the flood: who connects in
 * earnest asks at once, and is out of here.
 */
export class PendingConnections {
  /**
   * By the peer's address and port, longest wait first. The socket of a TLS request is not the one that was
   * accepted, but its peer is the same.
   */
  readonly #waiting = new Map<string, { readonly socket: Socket; readonly onClose: () => void }>();

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
    server.on('connection', (socket: Socket) => this.#enter(socket));
    server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.hasAsked(socket);
      response.once('close', () => this.#enter(socket));
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
    for (const { socket } of this.#waiting.values()) socket.destroy();
  }

  #enter(socket: Socket): void {
    const peer = peerOf(socket);
    // A connection that is gone already has no peer.
    if (socket.destroyed || peer === undefined) return;
    const onClose = () => this.#waiting.delete(peer);
    socket.once('close', onClose);
    this.#waiting.set(peer, { socket, onClose });
    if (this.#waiting.size > this.limit) this.#cutOldest();
  }

  #leave(peer: string | undefined): void {
    const entry = peer === undefined ? undefined : this.#waiting.get(peer);
    if (peer === undefined || entry === undefined) return;
    this.#waiting.delete(peer);
    entry.socket.off('close', entry.onClose);
  }

  #cutOldest(): void {
    for (const [peer, { socket }] of this.#waiting) {
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
