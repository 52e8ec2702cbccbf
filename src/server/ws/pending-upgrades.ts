import type { Duplex } from 'node:stream';

/** A client sends nothing before its handshake is answered (RFC 6455 section 4.1); a little is kept all the same. */
export const MAX_EARLY_BYTES = 16 * 1024;

interface Waiting {
  readonly onData: (chunk: Buffer) => void;
  readonly onGone: () => void;
  readonly early: Buffer[];
}

/**
 * Holds the sockets of clients that wait for the namespace provider. It reads them, so that one that goes away is noticed
 * and forgotten at once.
 */
export class PendingUpgrades {
  readonly #waiting = new Map<Duplex, Waiting>();

  /**
   * @param limit how many may wait at a time.
   * @param onGone called for each client that went away, its socket destroyed.
   */
  constructor(
    private readonly limit: number,
    private readonly onGone: () => void,
  ) {}

  get isFull(): boolean {
    return this.#waiting.size >= this.limit;
  }

  /** `head` is what the client had already sent. */
  add(socket: Duplex, head: Buffer): void {
    const early = [head];
    let size = head.length;
    const onGone = () => {
      if (!this.#remove(socket)) return;
      socket.destroy();
      this.onGone();
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
   * Takes a socket out, paused.
   *
   * @returns what it has sent so far; `undefined` when the client has gone away.
   */
  take(socket: Duplex): Buffer | undefined {
    const waiting = this.#remove(socket);
    if (waiting === undefined) return undefined;
    socket.pause();
    return Buffer.concat(waiting.early);
  }

  /** Takes all sockets out. */
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
