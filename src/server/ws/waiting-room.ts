import type { Duplex } from 'node:stream';

/** A client says nothing before its handshake is answered (RFC 6455 section 4.1); a little is taken and kept. */
export const MAX_EARLY_BYTES = 16 * 1024;

interface Waiting {
  readonly onData: (chunk: Buffer) => void;
  readonly onGone: () => void;
  readonly early: Buffer[];
}

/**
 * Holds the sockets of clients whose namespace is still being found out. It reads them, so that one who goes away is
 * noticed, and forgotten, at once: only who is still there takes a place.
 */
export class WaitingRoom {
  readonly #waiting = new Map<Duplex, Waiting>();

  /**
   * @param places how many can wait at the same time.
   * @param whenGone called for each client that went away, its socket destroyed.
   */
  constructor(
    private readonly places: number,
    private readonly whenGone: () => void,
  ) {}

  get size(): number {
    return this.#waiting.size;
  }

  get isFull(): boolean {
    return this.#waiting.size >= this.places;
  }

  /** Takes a socket in; `head` is what it had already sent. */
  enter(socket: Duplex, head: Buffer): void {
    const early = [head];
    let size = head.length;
    const onGone = () => {
      if (!this.#remove(socket)) return;
      socket.destroy();
      this.whenGone();
    };
    const onData = (chunk: Buffer) => {
      early.push(chunk);
      size += chunk.length;
      if (size > MAX_EARLY_BYTES) onGone();
    };
    this.#waiting.set(socket, { onData, onGone, early });
    socket.on('data', onData).on('end', onGone).on('close', onGone);
  }

  /**
   * Lets a socket go on, paused. What it has sent meanwhile belongs in front of what it will send.
   *
   * @returns those bytes; `undefined` when the client has gone away.
   */
  leave(socket: Duplex): Buffer | undefined {
    const waiting = this.#remove(socket);
    if (waiting === undefined) return undefined;
    socket.pause();
    return Buffer.concat(waiting.early);
  }

  /** Lets everybody go; who was there. */
  clear(): Duplex[] {
    const sockets = [...this.#waiting.keys()];
    for (const socket of sockets) this.#remove(socket);
    return sockets;
  }

  #remove(socket: Duplex): Waiting | undefined {
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(socket);
    socket.off('data', waiting.onData).off('end', waiting.onGone).off('close', waiting.onGone);
    return waiting;
  }
}
