import type { Socket } from 'node:net';
import WebSocket from 'ws';
import type { WebSocketClient } from '../../manager/types.js';
import { ABNORMAL_CLOSURE, NO_STATUS_RECEIVED } from '../../protocol/close-codes.js';
import type { PreparedMessage } from '../../protocol/messages.js';
import type { Closer, ConnectionInfo } from '../events/events.js';
import { unmapped } from '../limits/client-address.js';
import type { MessagePace } from '../limits/message-pace.js';
import type { InputQueue, InputSource } from '../limits/tick-queue.js';
import { Outbox, type OutboxFlush, PING } from './outbox.js';

/** Parsed in one go. More is read in pieces, between which other clients are served. */
const PIECE_BYTES = 4 * 1024;
/**
 * Parsed after the close frame of the server, since a client may have sent so much before that came. What follows is
 * thrown away unread: from then on the end of the connection is waited for, and no longer a close frame.
 */
const PARSED_AFTER_CLOSE_BYTES = 4 * 1024;
/** Thrown away before the connection is terminated: more than a well-behaved client has under way. */
const READ_AFTER_CLOSE_BYTES = 256 * 1024;

/** Where a raw socket has its client, so that no connection carries closures of its own. */
const CLIENT = Symbol('client');

interface RawSocket extends Socket {
  [CLIENT]?: ServerSocket;
}

type Listener = (this: Socket, chunk: Buffer) => void;

/** What {@link ServerSocket}s share, and what they call. */
export interface ServerSocketOwner {
  readonly flush: OutboxFlush<ServerSocket>;
  readonly input: InputQueue;
  /** The connection begins to close: its slot is free from here on. Called once. */
  closing(socket: ServerSocket, code: number, reason: string, by: Closer): void;
  /** The connection is gone, descriptor and all. Called once, after `closing`. */
  gone(socket: ServerSocket): void;
  /** How many messages a client may send; `undefined` is as many as it likes. */
  readonly messagePace: MessagePace | undefined;
  /** A client sent more messages than `messagePace` allows. */
  tooManyMessages(socket: ServerSocket): void;
  /** A client goes on sending after the close frame, far more than can have been under way. */
  keepsSending(socket: ServerSocket): void;
  /** `ws` found fault with what a client sent, or with its socket, and closes the connection. */
  failed(error: NodeJS.ErrnoException): void;
  /** A binary message has come, which is ignored. */
  binary(socket: ServerSocket, bytes: number): void;
  /** A text message has come. */
  message(socket: ServerSocket, text: string): void;
  pong(socket: ServerSocket): void;
  /** Whether the time to a pong is wanted: see {@link ServerSocket.takePongMs}. */
  readonly timesPongs: boolean;
}

/** Times are kept as whole tenths of a millisecond that wrap around after days, which costs a connection no more than a word. */
const TICKS_PER_MS = 10;

function ticksNow(): number {
  return (performance.now() * TICKS_PER_MS) | 0;
}

/**
 * One accepted connection, and at the same time the manager's client for it.
 *
 * `ws` reads (handshake, frames, pongs, closes) and writes its own control frames. Cursors and pings are written
 * as ready frames straight to the upgraded socket: with compression off and no message fragmented, each write is
 * whole frames, so the two writers can take turns.
 */
export class ServerSocket extends WebSocket implements WebSocketClient, ConnectionInfo, InputSource {
  #owner: ServerSocketOwner | undefined;
  #isEnding = false;
  #raw: RawSocket | undefined;
  /** Made for the first cursor: most clients of a large server are idle. */
  #outbox: Outbox<ServerSocket> | undefined;
  /** Passes what has come in to `ws`; `undefined` when that has read the last frame. */
  #parse: Listener | undefined;
  /** What has come in and waits to be parsed; the socket is paused. */
  #unparsed: Buffer | undefined;
  #bytesAfterClose = 0;
  /** Known once the client is admitted. */
  namespace: string | undefined;
  /** From the client's hello. */
  clientId: string | undefined;
  /** Whether the manager has taken the client: from then on it holds a slot, and its end counts as a close. */
  isAdmitted = false;
  /** Counts up from 1 in the order of arrival. */
  id = 0;
  /** When the client was admitted, in whole milliseconds on the clock of `performance.now()`. */
  admittedAtMs = 0;
  /** Where the client is, when that is not what its connection says: behind a trusted proxy. */
  forwardedAddress: string | undefined;
  /** How long the last pong took, in milliseconds; `undefined` before the first. */
  pongMs: number | undefined;
  /** When the oldest ping was sent that has no answer yet; 0 for none. */
  #pingedAtMs = 0;
  /** The highest cursor that the client named in its hello. */
  heardBefore: string | undefined;
  /** For the owner's `messagePace`. */
  #paidUntilMs = 0;
  /** When the earliest ping without a pong was sent, if that is wanted; else 0. */
  #pingedAtTicks = 0;

  /** Ties the connection to its owner. Right after the handshake, before anything is sent. */
  begin(owner: ServerSocketOwner, raw: Socket, id: number): void {
    this.#owner = owner;
    this.#raw = raw;
    // Read here: `ws` would parse everything that arrives, all at once.
    this.#parse = raw.listeners('data').at(-1) as Listener;
    this.#raw[CLIENT] = this;
    raw.on('data', onData).off('data', this.#parse);
    raw.on('end', onEnd);
    this.id = id;
  }

  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN && this.#raw?.writable === true;
  }

  /** What the connection was upgraded from. */
  get rawSocket(): Socket | undefined {
    return this.#raw;
  }

  /** Where the connection comes from. */
  get remoteAddress(): string | undefined {
    return this.forwardedAddress ?? unmapped(this.#raw?.remoteAddress);
  }

  /** The newest cursor that the client was handed, or named in its hello. */
  get heard(): string | undefined {
    return this.#outbox?.newest?.cursor ?? this.heardBefore;
  }

  /** Bytes that the client has not read yet. */
  get bytesWaiting(): number {
    return this.#raw?.writableLength ?? 0;
  }

  /** False when the connection is on its way out and takes no more. */
  sendPrepared(message: PreparedMessage): boolean {
    if (this.#raw === undefined || !this.isOpen) return false;
    this.#outboxOf(this.#raw).add(message);
    return true;
  }

  override ping(): void {
    if (this.#raw === undefined || !this.isOpen) return;
    if (this.#pingedAtMs === 0) this.#pingedAtMs = performance.now();
    if (this.#raw.writableLength === 0) this.#raw.write(PING);
    else this.#outboxOf(this.#raw).pingBehind();
    if (this.#pingedAtTicks === 0 && this.#owner?.timesPongs) this.#pingedAtTicks = ticksNow() || 1;
    // The pong that it asks for does not count against the client.
    const pace = this.#owner?.messagePace;
    if (pace !== undefined) this.#paidUntilMs = pace.giveBack(this.#paidUntilMs);
  }

  /** Milliseconds since the ping that a pong has just answered; `undefined` for one that was not asked for, or not timed. */
  takePongMs(): number | undefined {
    if (this.#pingedAtTicks === 0) return undefined;
    const ticks = (ticksNow() - this.#pingedAtTicks) | 0;
    this.#pingedAtTicks = 0;
    return ticks / TICKS_PER_MS;
  }

  #outboxOf(raw: Socket): Outbox<ServerSocket> {
    this.#outbox ??= new Outbox(this, raw, (this.#owner as ServerSocketOwner).flush);
    return this.#outbox;
  }

  /**
   * Flushes what is owed, then starts (or, called by `ws` for a peer's close frame, answers) the closing
   * handshake.
   */
  override close(code?: number, reason?: string | Buffer): void {
    // `ws` calls this when it has read a close frame, or found fault with what came: that was the last of it.
    if (typeof reason !== 'string') this.#parse = undefined;
    if (this.readyState === WebSocket.OPEN) {
      this.#outbox?.end();
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

  #ponged(): void {
    if (this.#pingedAtMs !== 0) this.pongMs = Math.round((performance.now() - this.#pingedAtMs) * 10) / 10;
    this.#pingedAtMs = 0;
    this.#owner?.pong(this);
  }

  /** The connection has begun to end; the first to say so names code and closer. */
  #end(code: number, reason: string, by: Closer): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#owner?.closing(this, code, reason, by);
  }

  /** In place of listeners, which would cost each connection memory and time. */
  override emit(event: string | symbol, ...[first, second]: unknown[]): boolean {
    switch (event) {
      case 'message':
        // A Buffer, as the `binaryType` says.
        this.#received(first as Buffer, second as boolean);
        return true;
      case 'ping':
        this.#pays();
        return true;
      case 'pong':
        if (this.#pays()) this.#ponged();
        return true;
      case 'close':
        this.#ended(first as number);
        return super.emit(event, first, second);
      case 'error':
        // `ws` has begun to close the connection already, with the code that fits; `close` tells the rest.
        this.#owner?.failed(first as NodeJS.ErrnoException);
        return true;
      default:
        return super.emit(event, first, second);
    }
  }

  // The shared listeners below call these, so that no connection carries closures of its own.

  /**
   * @internal The client sends no more. Without a close frame before it that is the end, even where what it does not
   * read keeps the socket from closing.
   */
  halfClosed(): void {
    this.#end(ABNORMAL_CLOSURE, '', 'peer');
  }

  #ended(code: number): void {
    this.#unparsed = undefined;
    this.#outbox?.discard();
    this.#end(code, '', 'peer');
    this.#owner?.gone(this);
  }

  /** @internal */
  arrived(chunk: Buffer): void {
    if (this.#owner === undefined) return;
    if (this.#isEnding || (chunk.length <= PIECE_BYTES && !this.#isStrained())) {
      this.#take(chunk);
      return;
    }
    this.#unparsed = chunk;
    this.#raw?.pause();
    this.#owner.input.add(this);
  }

  readPiece(): boolean {
    const waiting = this.#unparsed;
    if (waiting === undefined) return false;
    this.#unparsed = waiting.length > PIECE_BYTES ? waiting.subarray(PIECE_BYTES) : undefined;
    this.#take(waiting.subarray(0, PIECE_BYTES));
    if (this.#unparsed !== undefined) return true;
    this.#raw?.resume();
    return false;
  }

  #isStrained(): boolean {
    return this.#owner?.messagePace?.isStrained(this.#paidUntilMs, performance.now()) ?? false;
  }

  #take(piece: Buffer): void {
    if (!this.#isEnding) {
      this.#parse?.call(this.#raw as Socket, piece);
      return;
    }
    this.#bytesAfterClose += piece.length;
    if (this.#bytesAfterClose <= PARSED_AFTER_CLOSE_BYTES) this.#parse?.call(this.#raw as Socket, piece);
    else if (this.#bytesAfterClose <= READ_AFTER_CLOSE_BYTES) this.#raw?.end();
    else if (this.#raw?.destroyed === false) this.#owner?.keepsSending(this);
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (!this.#pays(data.length)) return;
    // DataFn messages are text; binary ones are ignored, as the contract says.
    if (isBinary) this.#owner?.binary(this, data.length);
    else this.#owner?.message(this, String(data));
  }

  /** Whether the message rate allows what the client sent. */
  #pays(bytes = 0): boolean {
    if (this.#owner === undefined || this.#isEnding) return false;
    const pace = this.#owner.messagePace;
    if (pace === undefined) return true;
    const paidUntilMs = pace.take(this.#paidUntilMs, performance.now(), bytes);
    if (paidUntilMs === undefined) this.#owner.tooManyMessages(this);
    else this.#paidUntilMs = paidUntilMs;
    return paidUntilMs !== undefined;
  }
}

function onData(this: RawSocket, chunk: Buffer): void {
  this[CLIENT]?.arrived(chunk);
}

function onEnd(this: RawSocket): void {
  this[CLIENT]?.halfClosed();
}
