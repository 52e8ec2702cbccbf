import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { serverOf } from '../../bench/fleet/wire.js';
import type { TlsTrust } from '../../emit/api-client.js';
import { NO_STATUS_RECEIVED } from '../../protocol/close-codes.js';
import { OPCODE } from '../../protocol/frames.js';
import { FrameRules } from './frame-rules.js';
import { closePayload, encodeFrame, type Frame, FrameDecoder, type FrameShape, hex } from './frames.js';
import { Handshake, type HandshakeOptions } from './handshake.js';
import { Waiters } from './waiters.js';

/** More than this in a head or a frame, and the connection is ended: no server has a reason for it. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** When a peer answers pings. */
export type Pongs = 'at once' | 'never' | { readonly afterMs: number };

export interface PeerOptions extends HandshakeOptions {
  readonly tls: TlsTrust | undefined;
  /** Default `at once`. */
  readonly pongs?: Pongs;
  /** Whether a close frame of the server is answered. Default true. */
  readonly answersClose?: boolean;
  /** Called for each text. */
  readonly onText?: (text: string) => void;
  /** Called when a frame of the server breaks RFC 6455. */
  readonly onBreach?: (breach: string, frame: Frame) => void;
}

/** A close frame as it came. */
export interface CloseFrame {
  /** 1005 for a frame without a code. */
  readonly code: number;
  readonly reason: string;
  readonly atMs: number;
}

/** A WebSocket client on a bare socket. It sends any bytes it is told to, and notes everything that comes. */
export class Peer {
  /** The head of the answer to the handshake. */
  head = '';
  /** The status of that answer; 0 until it has come. */
  status = 0;
  /** How a 101 breaks RFC 6455. */
  handshakeBreach: string | undefined;
  readonly texts: string[] = [];
  readonly binaries: Buffer[] = [];
  readonly pongs: Buffer[] = [];
  /** When each ping came. */
  readonly pings: number[] = [];
  closeFrame: CloseFrame | undefined;
  /** How the socket ended; `undefined` while it is open. */
  ended: 'end' | 'reset' | undefined;
  /** Why it could not connect. */
  error: NodeJS.ErrnoException | undefined;
  readonly #socket: Socket;
  readonly #options: PeerOptions;
  readonly #handshake: Handshake;
  readonly #decoder = new FrameDecoder();
  readonly #rules = new FrameRules();
  readonly #waiters = new Waiters();
  readonly #timers = new Set<NodeJS.Timeout>();
  #unread: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  #message: number = OPCODE.text;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#handshake = new Handshake(options);
    const { isSecure, host, port, servername } = serverOf(new URL(options.url));
    const where = { host, port, noDelay: true };
    this.#socket = isSecure
      ? connectTls({ ...where, servername, ...options.tls } as ConnectionOptions)
      : connectTcp(where);
    this.#socket.once(isSecure ? 'secureConnect' : 'connect', () => this.#socket.write(this.#handshake.text));
    this.#socket.on('data', (chunk: Buffer) => {
      this.#read(chunk);
      if (Math.max(this.#unread.length, this.#decoder.unread.length) > MAX_UNREAD_BYTES)
        this.#socket.destroy();
      this.#waiters.changed();
    });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error;
      this.ended ??= 'reset';
    });
    this.#socket.on('close', () => {
      this.ended ??= 'end';
      for (const timer of this.#timers) clearTimeout(timer);
      this.#waiters.changed();
    });
  }

  /** Whether the connection is upgraded, and neither end has closed it. */
  get isOpen(): boolean {
    return this.status === 101 && this.closeFrame === undefined && this.ended === undefined;
  }

  /** The request of the handshake, as it was sent. */
  get request(): string {
    return this.#handshake.text;
  }

  /** Resolves with true as soon as `isMet` is, which is looked at after each event; with false after `ms`. */
  until(isMet: () => boolean, ms: number): Promise<boolean> {
    return this.#waiters.until(isMet, ms);
  }

  /** Sends bytes as they are. */
  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  frame(opcode: number, payload: Buffer | string = '', shape?: FrameShape): void {
    this.write(encodeFrame(opcode, Buffer.from(payload as string), shape));
  }

  text(text: string): void {
    this.frame(OPCODE.text, text);
  }

  /** Sends a ping and waits for its pong, before which the server has read everything that was sent earlier. */
  async roundTrip(ms: number): Promise<boolean> {
    const payload = Buffer.from(`barrier ${this.pongs.length}`);
    this.frame(OPCODE.ping, payload);
    const hasPong = () => this.pongs.some((one) => one.equals(payload));
    await this.until(() => hasPong() || !this.isOpen, ms);
    return hasPong() && this.isOpen;
  }

  /** Stops reading: the buffers of the server fill up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends the connection with a TCP reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Ends the connection as a client does, and without more ado after `ms`. */
  async leave(ms: number): Promise<void> {
    if (this.isOpen) this.frame(OPCODE.close, closePayload(1000));
    this.resume();
    if (this.status === 101) await this.until(() => this.ended !== undefined, ms);
    this.#socket.destroy();
    if (this.ended === undefined) await this.until(() => this.ended !== undefined, ms);
  }

  /** What became of the connection, in words. */
  get state(): string {
    const { closeFrame, ended, status } = this;
    if (closeFrame !== undefined) {
      const { code, reason } = closeFrame;
      return code === NO_STATUS_RECEIVED
        ? 'a close frame without a code'
        : `a close frame with ${code}${reason === '' ? ' and no reason' : ` "${reason}"`}`;
    }
    if (ended === 'reset') return `no answer but an error: ${this.error?.code ?? 'reset'}`;
    if (ended === 'end')
      return status === 101
        ? 'the end of the connection, without a close frame'
        : `HTTP ${status || 'no answer'}`;
    if (status === 101) return 'an open connection';
    return status === 0 ? 'no answer to the handshake' : `HTTP ${status}`;
  }

  #read(chunk: Buffer): void {
    if (this.status === 101) {
      for (const frame of this.#decoder.push(chunk)) this.#take(frame);
      return;
    }
    if (this.status !== 0) return;
    this.#unread = Buffer.concat([this.#unread, chunk]);
    const answer = this.#handshake.read(this.#unread);
    if (answer === undefined) return;
    this.#unread = Buffer.alloc(0);
    this.head = answer.head;
    this.status = answer.status;
    this.handshakeBreach = answer.breach;
    if (answer.rest.length > 0 && this.status === 101) this.#read(answer.rest);
  }

  #take(frame: Frame): void {
    const breach = this.#rules.breachOf(frame);
    if (breach !== undefined) this.#options.onBreach?.(breach, frame);
    const { opcode, payload, isFinal } = frame;
    switch (opcode) {
      case OPCODE.ping:
        this.pings.push(performance.now());
        this.#answerPing(payload);
        return;
      case OPCODE.pong:
        this.pongs.push(payload);
        return;
      case OPCODE.close:
        this.closeFrame ??= {
          code: payload.length < 2 ? NO_STATUS_RECEIVED : payload.readUInt16BE(0),
          reason: payload.toString('utf8', 2),
          atMs: performance.now(),
        };
        if (this.#options.answersClose ?? true) this.frame(OPCODE.close, payload.subarray(0, 2));
        return;
      default:
        if (opcode !== OPCODE.continuation) this.#message = opcode;
        this.#fragments.push(payload);
        if (isFinal) this.#takeMessage(Buffer.concat(this.#fragments.splice(0)));
    }
  }

  #takeMessage(bytes: Buffer): void {
    if (this.#message !== OPCODE.text) {
      this.binaries.push(bytes);
      return;
    }
    const text = bytes.toString();
    this.texts.push(text);
    this.#options.onText?.(text);
  }

  #answerPing(payload: Buffer): void {
    const { pongs = 'at once' } = this.#options;
    if (pongs === 'at once') this.frame(OPCODE.pong, payload);
    if (typeof pongs !== 'object') return;
    const timer = setTimeout(() => this.frame(OPCODE.pong, payload), pongs.afterMs);
    this.#timers.add(timer);
  }
}

/** Bytes of a text and what they say, for a failure. */
export function quoted(text: string): string {
  const bytes = Buffer.from(text);
  const shown = text.length > 120 ? `${text.slice(0, 117)}…` : text;
  return `${JSON.stringify(shown)} (${hex(bytes)})`;
}
