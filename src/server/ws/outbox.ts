import type { PreparedMessage } from '../../protocol/prepared-message.js';

/**
 * The cursors that one client is owed at the end of this turn of the event loop, oldest first.
 *
 * Bursts are immutable and shared: clients that are owed the same cursors hold the same burst, so the bytes of
 * a hundred cursors for a thousand clients are put together once. Extending remembers its last result, which is
 * the one that the next client of the broadcast asks for.
 */
export class Burst {
  #bytes: Buffer | undefined;
  #extended: Burst | undefined;

  private constructor(
    private readonly earlier: Burst | undefined,
    readonly newest: PreparedMessage,
    readonly length: number,
  ) {}

  static of(message: PreparedMessage): Burst {
    return new Burst(undefined, message, 1);
  }

  /** This burst with one more cursor. */
  with(message: PreparedMessage): Burst {
    if (this.#extended?.newest !== message) this.#extended = new Burst(this, message, this.length + 1);
    return this.#extended;
  }

  /** All frames of the burst, ready for the socket. */
  get bytes(): Uint8Array {
    if (this.earlier === undefined) return this.newest.frame;
    if (this.#bytes === undefined) {
      const frames: Uint8Array[] = [];
      for (let burst: Burst | undefined = this; burst !== undefined; burst = burst.earlier) {
        frames.push(burst.newest.frame);
      }
      this.#bytes = Buffer.concat(frames.reverse());
    }
    return this.#bytes;
  }
}

/** What the {@link Outbox} asks of a connection. */
export interface OutboxEntry {
  burst: Burst | undefined;
  /** Writes the burst out, or keeps what of it must be kept. */
  flush(): void;
}

/** Collects what is owed in one turn of the event loop and hands it out at the end of the turn. */
export class Outbox {
  #owed: OutboxEntry[] = [];
  #first: Burst | undefined;

  add(entry: OutboxEntry, message: PreparedMessage): void {
    if (entry.burst !== undefined) {
      entry.burst = entry.burst.with(message);
      return;
    }
    if (this.#first?.newest !== message) this.#first = Burst.of(message);
    entry.burst = this.#first;
    if (this.#owed.length === 0) setImmediate(this.#flush);
    this.#owed.push(entry);
  }

  readonly #flush = (): void => {
    const owed = this.#owed;
    this.#owed = [];
    this.#first = undefined;
    for (const entry of owed) entry.flush();
  };
}
