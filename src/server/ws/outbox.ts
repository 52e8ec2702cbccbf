import type { Socket } from 'node:net';
import { encodeServerFrame, frameOf, OPCODE } from '../../protocol/frames.js';
import type { PreparedMessage } from '../../protocol/messages.js';

/** A ping without a payload. */
export const PING = encodeServerFrame(OPCODE.ping, Buffer.alloc(0));
const NOTHING = Buffer.alloc(0);

/**
 * The cursors that one client is owed at the end of this tick of the event loop, oldest first.
 *
 * Bursts are immutable and shared: clients that are owed the same cursors hold the same burst, so the bytes of
 * a hundred cursors for a thousand clients are put together once. Extending remembers its last result, which is
 * the one that the next client of the broadcast asks for.
 */
class Burst {
  #bytes: Buffer | undefined;
  #extended: Burst | undefined;

  constructor(
    private readonly earlier: Burst | undefined,
    readonly newest: PreparedMessage,
    readonly length: number,
  ) {}

  /** This burst with one more cursor. */
  with(message: PreparedMessage): Burst {
    if (this.#extended?.newest !== message) this.#extended = new Burst(this, message, this.length + 1);
    return this.#extended;
  }

  /** All frames of the burst, ready for the socket. */
  get bytes(): Uint8Array {
    if (this.earlier === undefined) return frameOf(this.newest);
    if (this.#bytes === undefined) {
      const frames: Uint8Array[] = [];
      for (let burst: Burst | undefined = this; burst !== undefined; burst = burst.earlier) {
        frames.push(frameOf(burst.newest));
      }
      this.#bytes = Buffer.concat(frames.reverse());
    }
    return this.#bytes;
  }
}

/** The client of an {@link Outbox}. */
export interface OutboxClient {
  /** Whether it still takes frames. */
  readonly isOpen: boolean;
}

/** Called by outboxes. */
export interface OutboxOwner<Client> {
  /** Bytes that may wait in a socket before cursors are conflated; 0 conflates as soon as any wait. */
  readonly clientBufferBytes: number;
  /** Cursors will never be sent, because a newer one took their place. */
  conflated(cursors: number): void;
  /** A client that is backed up was not sent a cursor; it will be, unless a newer one takes its place. */
  withheld(client: Client, cursor: string): void;
  /** A client is backed up: from here on only its newest cursor is kept. */
  blocked(client: Client): void;
  /** Its socket has drained, or the connection ends. Called once for each `blocked`. */
  unblocked(client: Client): void;
}

/** What the outboxes of a server share: the flush at the end of a tick. */
export class OutboxFlush<Client extends OutboxClient> {
  #waiting: Outbox<Client>[] = [];
  #first: Burst | undefined;

  constructor(readonly owner: OutboxOwner<Client>) {}

  /** Flushes an outbox, which owed nothing so far, at the end of the tick; the burst that it owes then. */
  add(outbox: Outbox<Client>, message: PreparedMessage): Burst {
    if (this.#first?.newest !== message) this.#first = new Burst(undefined, message, 1);
    if (this.#waiting.length === 0) setImmediate(this.#flush);
    this.#waiting.push(outbox);
    return this.#first;
  }

  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#first = undefined;
    for (const outbox of waiting) outbox.flush();
  };
}

/**
 * What one connection sends, control frames of `ws` apart. The cursors of a tick leave in one write; while the client is
 * backed up, only the newest cursor is kept, and leaves when its socket has drained.
 */
export class Outbox<Client extends OutboxClient> {
  #burst: Burst | undefined;
  /** The newest cursor of a client that is backed up. */
  #withheld: PreparedMessage | undefined;
  #pingWaits = false;
  /** The last cursor that was written. */
  #written: PreparedMessage | undefined;

  constructor(
    private readonly client: Client,
    private readonly raw: Socket,
    private readonly shared: OutboxFlush<Client>,
  ) {}

  /** The last cursor that the client was handed: it was written, or will be at the end of the tick. */
  get newest(): PreparedMessage | undefined {
    return this.#withheld === undefined && this.#burst !== undefined ? this.#burst.newest : this.#written;
  }

  add(message: PreparedMessage): void {
    this.#burst = this.#burst === undefined ? this.shared.add(this, message) : this.#burst.with(message);
  }

  flush(): void {
    const burst = this.#burst;
    this.#burst = undefined;
    if (burst === undefined || !this.client.isOpen) return;
    const { raw } = this;
    const { owner } = this.shared;
    if (this.#withheld !== undefined) {
      owner.conflated(burst.length);
      this.#withhold(burst.newest);
    } else if (raw.writableLength === 0 || raw.writableLength < owner.clientBufferBytes) {
      this.#written = burst.newest;
      raw.write(burst.bytes);
    } else {
      if (burst.length > 1) owner.conflated(burst.length - 1);
      this.#withhold(burst.newest);
      owner.blocked(this.client);
      // Called back when all that was written before is out. `drain` would say so only of a socket that holds more
      // than its own high-water mark.
      raw.write(NOTHING, () => this.#sendWithheld());
    }
  }

  /** Sends all that is owed, before a close frame. */
  end(): void {
    this.flush();
    this.#sendWithheld();
  }

  /** Forgets what is owed: the connection is gone. */
  discard(): void {
    this.#burst = undefined;
    this.#sendWithheld();
  }

  #withhold(message: PreparedMessage): void {
    this.#withheld = message;
    this.shared.owner.withheld(this.client, message.cursor);
  }

  #sendWithheld(): void {
    const message = this.#withheld;
    if (message === undefined) return;
    this.#withheld = undefined;
    this.shared.owner.unblocked(this.client);
    if (!this.client.isOpen) return;
    this.#written = message;
    this.raw.write(frameOf(message));
  }

  /**
   * One ping at most waits behind what the client has not read, and stands for all of them: a client that sends pongs
   * and never reads would have the server keep one more for each heartbeat.
   */
  pingBehind(): void {
    if (this.#pingWaits) return;
    this.#pingWaits = true;
    this.raw.write(PING, () => {
      this.#pingWaits = false;
    });
  }
}
