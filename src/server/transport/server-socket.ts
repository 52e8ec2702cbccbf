import type { Socket } from 'node:net';
import WebSocket, { type RawData } from 'ws';
import type { WebSocketClient } from '../../manager/types.js';
import { NO_STATUS_RECEIVED } from '../../protocol/close-codes.js';
import { encodeServerFrame, OPCODE, type PreparedMessage } from '../../protocol/frames.js';
import { unmapped } from '../limits/client-address.js';
import type { MessagePace } from '../limits/message-pace.js';
import type { Burst, Outbox, OutboxEntry } from './outbox.js';

const PING = encodeServerFrame(OPCODE.ping, Buffer.alloc(0));
const NOTHING = Buffer.alloc(0);

/** Which end began to close a connection. */
export type Closer = 'server' | 'peer';

/** Who is told what becomes of a {@link ServerSocket}. */
export interface ServerSocketOwner {
  readonly outbox: Outbox;
  /** Bytes that may wait in the socket before cursors are conflated; 0 conflates as soon as any wait. */
  readonly clientBufferBytes: number;
  /** The connection begins to close: its slot is free from here on. Called once. */
  closing(socket: ServerSocket, code: number, reason: string, by: Closer): void;
  /** The connection is gone, descriptor and all. Called once, after `closing`. */
  gone(socket: ServerSocket): void;
  /** How many messages a client may send; `undefined` is as many as it likes. */
  readonly messagePace: MessagePace | undefined;
  /** A client sent more messages than `messagePace` allows. */
  tooManyMessages(socket: ServerSocket): void;
  /** `ws` found fault with what a client sent, or with its socket, and closes the connection. */
  failed(error: NodeJS.ErrnoException): void;
  /** A text message has come. */
  message(socket: ServerSocket, text: string): void;
  pong(socket: ServerSocket): void;
  /** A burst found the client backed up; `superseded` of its cursors will never be sent. */
  conflated(superseded: number): void;
  /** The client is backed up: from here on the newest cursor alone waits for it. */
  blocked(socket: ServerSocket): void;
  /** Its socket has drained, or the connection ends. Called once for each `blocked`. */
  unblocked(socket: ServerSocket): void;
}

/**
 * One accepted connection, and at the same time the manager's client for it.
 *
 * `ws` reads (handshake, frames, pongs, closes) and writes its own control frames. Cursors and pings are written
 * as ready frames straight to the upgraded socket: with compression off and no message fragmented, each write is
 * whole frames, so the two writers can take turns.
 */
export class ServerSocket extends WebSocket implements WebSocketClient, OutboxEntry {
  burst: Burst | undefined;
  /** The newest cursor of a client that is backed up: sent as soon as its socket has drained. */
  #withheld: PreparedMessage | undefined;
  #owner: ServerSocketOwner | undefined;
  #isEnding = false;
  #raw: Socket | undefined;
  /** Known once the client is admitted. */
  namespace: string | undefined;
  /** From the client's hello. */
  clientId: string | undefined;
  /** Whether the manager has taken the client: from then on it holds a slot, and its end counts as a close. */
  isAdmitted = false;
  connectionId = 0;
  /** Where the client is, when that is not what its connection says: behind a trusted proxy. */
  forwardedAddress: string | undefined;
  /** For the owner's `messagePace`. */
  #paidUntilMs = 0;

  /** Ties the connection to its owner. Right after the handshake, before anything is sent. */
  begin(owner: ServerSocketOwner, raw: Socket, connectionId: number): void {
    this.#owner = owner;
    this.#raw = raw;
    this.connectionId = connectionId;
    this.on('close', onClose);
    this.on('error', onError);
    this.on('message', onMessage);
    this.on('ping', onPing);
    this.on('pong', onPong);
  }

  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN && this.#raw?.writable === true;
  }

  /** Where the connection comes from. */
  get remoteAddress(): string | undefined {
    return this.forwardedAddress ?? unmapped(this.#raw?.remoteAddress);
  }

  /** False when the connection is on its way out and takes no more. */
  sendPrepared(message: PreparedMessage): boolean {
    if (this.#owner === undefined || !this.isOpen) return false;
    this.#owner.outbox.add(this, message);
    return true;
  }

  flush(): void {
    const { burst } = this;
    this.burst = undefined;
    if (burst === undefined || this.#raw === undefined || this.#owner === undefined || !this.isOpen) return;
    if (this.#withheld !== undefined) {
      this.#owner.conflated(burst.length);
      this.#withheld = burst.newest;
    } else if (this.#raw.writableLength === 0 || this.#raw.writableLength < this.#owner.clientBufferBytes) {
      this.#raw.write(burst.bytes);
    } else {
      this.#owner.conflated(burst.length - 1);
      this.#withheld = burst.newest;
      this.#owner.blocked(this);
      // Called back when all that was written before is out. `drain` would say so only of a socket that holds more
      // than its own high-water mark.
      this.#raw.write(NOTHING, () => this.#sendWithheld());
    }
  }

  #sendWithheld(): void {
    const message = this.#withheld;
    if (message === undefined) return;
    this.#withheld = undefined;
    this.#owner?.unblocked(this);
    if (this.isOpen) this.#raw?.write(message.frame);
  }

  override ping(): void {
    if (!this.isOpen) return;
    this.#raw?.write(PING);
    // The pong that it asks for is not the client's doing.
    const pace = this.#owner?.messagePace;
    if (pace !== undefined) this.#paidUntilMs = pace.giveBack(this.#paidUntilMs);
  }

  /**
   * Flushes what is owed, then starts (or, called by `ws` for a peer's close frame, answers) the closing
   * handshake.
   */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === WebSocket.OPEN) {
      this.flush();
      this.#sendWithheld();
      // `ws` passes a peer's code with a Buffer, or nothing at all; its own protocol errors with a code alone.
      const byPeer = code === undefined || Buffer.isBuffer(reason);
      this.#end(
        code ?? NO_STATUS_RECEIVED,
        reason === undefined ? '' : String(reason),
        byPeer ? 'peer' : 'server',
      );
    }
    super.close(code, reason);
  }

  /** The connection has begun to end; the first to say so names code and closer. */
  #end(code: number, reason: string, by: Closer): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#owner?.closing(this, code, reason, by);
  }

  // `ws` calls these through the shared listeners below, so that no connection carries closures of its own.

  /** @internal */
  ended(code: number): void {
    this.burst = undefined;
    this.#sendWithheld();
    this.#end(code, '', 'peer');
    this.#owner?.gone(this);
  }

  /** @internal */
  received(data: RawData, isBinary: boolean): void {
    // DataFn messages are text; binary ones are ignored, as the contract says.
    if (this.pays() && !isBinary) this.#owner?.message(this, String(data));
  }

  /** @internal */
  answered(): void {
    if (this.pays()) this.#owner?.pong(this);
  }

  /** @internal Whether something that the client sent is to be heard. */
  pays(): boolean {
    if (this.#owner === undefined || this.#isEnding) return false;
    const pace = this.#owner.messagePace;
    if (pace === undefined) return true;
    const paidUntilMs = pace.take(this.#paidUntilMs, performance.now());
    if (paidUntilMs === undefined) this.#owner.tooManyMessages(this);
    else this.#paidUntilMs = paidUntilMs;
    return paidUntilMs !== undefined;
  }

  /** @internal */
  failed(error: NodeJS.ErrnoException): void {
    this.#owner?.failed(error);
  }
}

function onClose(this: WebSocket, code: number): void {
  (this as ServerSocket).ended(code);
}

/** `ws` has begun to close the connection already, with the code that fits; `close` tells the rest. */
function onError(this: WebSocket, error: Error): void {
  (this as ServerSocket).failed(error);
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  (this as ServerSocket).received(data, isBinary);
}

function onPing(this: WebSocket): void {
  (this as ServerSocket).pays();
}

function onPong(this: WebSocket): void {
  (this as ServerSocket).answered();
}
