import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { ABNORMAL_CLOSURE, NO_STATUS_RECEIVED } from '../../protocol/close-codes.js';
import { OPCODE } from '../../protocol/frames.js';
import type { Reception } from '../measure/reception.js';
import { closeKey, type Tally } from '../measure/tally.js';
import { BEHAVIORS, type Behavior } from '../scenario/behaviors.js';
import type { Cohort } from '../scenario/model.js';
import {
  closeFrame,
  cursorNumber,
  encodeClientFrame,
  type FrameHandler,
  type FrameReaderState,
  readFrames,
} from './frames.js';
import { handshakeKey, readAnswer, upgradeRequest } from './handshake.js';

/** A cohort at work: its description, and the tally that its clients count in. */
export interface CohortState {
  readonly cohort: Cohort;
  readonly behavior: Behavior;
  tally: Tally;
  open: number;
}

export function cohortState(cohort: Cohort, tally: Tally): CohortState {
  return { cohort, behavior: BEHAVIORS[cohort.behavior], tally, open: 0 };
}

/** What a client needs of the fleet that it is part of. */
export interface ClientHost {
  /** Time at the beginning of the present callback, on the machine's monotonic clock. */
  now(): number;
  /** A cursor came; `cursor` is NaN when it is none of bench's making. */
  onCursor(client: BenchClient, cursor: number, atMs: number): void;
  /** The handshake has succeeded. */
  onOpen(client: BenchClient): void;
  /** An open connection has ended, whoever ended it. */
  onEnd(client: BenchClient): void;
  readonly readBuffer: Buffer;
}

export interface ConnectTarget {
  readonly url: URL;
  readonly localAddress: string | undefined;
  readonly token: string | undefined;
  readonly clientId: string;
  readonly intendedMs: number;
  readonly timeoutMs: number;
}

type State = 'idle' | 'connecting' | 'open' | 'leaving' | 'ended';

/**
 * One WebSocket client on a socket of its own, kept as small as a client can be: it reads frames without copying
 * them, and counts in its cohort's tally.
 */
export class BenchClient implements FrameReaderState, FrameHandler {
  state: State = 'idle';
  unread: Buffer | undefined;
  fragments: Buffer[] | undefined;
  /** When it was opened, and when it ended: deliveries around these times are in flight. */
  openedAtMs = 0;
  endedAtMs = 0;
  /** What it got of the plan that it heard of last, and of others that run beside it. */
  reception: Reception | undefined;
  otherReceptions: Reception[] | undefined;
  #socket: Socket | undefined;
  #key: string | undefined;
  #target: ConnectTarget | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #settled: (() => void) | undefined;
  #lastPingMs = 0;
  #unansweredSinceMs = 0;

  constructor(
    readonly host: ClientHost,
    readonly cohort: CohortState,
    /** Its number within the cohort, over all workers. */
    readonly index: number,
    readonly namespace: number,
  ) {}

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Opens the connection. Resolves with its outcome, good or bad, counted. */
  connect(target: ConnectTarget): Promise<void> {
    this.state = 'connecting';
    this.#target = target;
    this.#key = handshakeKey();
    this.unread = undefined;
    this.fragments = undefined;
    this.#lastPingMs = 0;
    this.#unansweredSinceMs = 0;
    this.cohort.tally.counters.attempts += 1;
    return new Promise((resolve) => {
      this.#settled = resolve;
      this.#timeout = setTimeout(() => {
        this.cohort.tally.counters.timeouts += 1;
        this.#finish();
      }, target.timeoutMs);
      this.#open(target);
    });
  }

  #open({ url, localAddress }: ConnectTarget): void {
    const isTls = url.protocol === 'wss:';
    const port = Number(url.port) || (isTls ? 443 : 80);
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    // One buffer for every socket: it is read out before the next read begins. Not so on Windows, nor under TLS.
    const shared = !isTls && process.platform !== 'win32';
    const onread = {
      buffer: this.host.readBuffer,
      callback: (length: number, buffer: Uint8Array) => {
        this.#onData(buffer.subarray(0, length) as Buffer);
        return true;
      },
    };
    const socket = isTls
      ? connectTls({ host, port, localAddress, servername: isIP(host) ? '' : host } as ConnectionOptions)
      : connectTcp({ host, port, localAddress, noDelay: true, ...(shared ? { onread } : {}) });
    this.#socket = socket;
    if (!shared) socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on(isTls ? 'secureConnect' : 'connect', () => this.#onConnect());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#onSocketError(error));
    socket.on('close', () => this.#onSocketClose());
  }

  #onConnect(): void {
    const { url, token } = this.#target as ConnectTarget;
    this.#socket?.write(upgradeRequest(url, this.#key as string, token));
  }

  #onData(chunk: Buffer): void {
    if (this.state === 'connecting') this.#onAnswer(chunk);
    else if (this.state === 'open' || this.state === 'leaving') readFrames(this, chunk, this);
  }

  #onAnswer(chunk: Buffer): void {
    const bytes = this.unread === undefined ? chunk : Buffer.concat([this.unread, chunk]);
    const answer = readAnswer(bytes, this.#key as string);
    const { tally } = this.cohort;
    switch (answer.kind) {
      case 'incomplete':
        this.unread = Buffer.from(bytes);
        return;
      case 'rejected':
        tally.rejected.count(String(answer.status));
        this.#finish();
        return;
      case 'invalid':
        tally.errors.count(answer.why);
        this.#finish();
        return;
      case 'accepted':
        this.unread = undefined;
        this.#onAccepted();
        if (answer.rest.length > 0) readFrames(this, answer.rest, this);
    }
  }

  #onAccepted(): void {
    const target = this.#target as ConnectTarget;
    this.state = 'open';
    this.openedAtMs = this.host.now();
    this.cohort.open += 1;
    this.cohort.tally.counters.opened += 1;
    this.cohort.tally.histograms.handshake.record(this.openedAtMs - target.intendedMs);
    this.#target = undefined;
    this.#key = undefined;
    if (this.cohort.cohort.hello) {
      const hello = JSON.stringify({ type: 'hello', clientId: target.clientId, cursors: {} });
      this.#send(OPCODE.text, Buffer.from(hello));
    }
    this.#settle();
    this.host.onOpen(this);
  }

  // Frames from the server.

  onText(bytes: Buffer, start: number, end: number): void {
    if (this.state === 'open') this.host.onCursor(this, cursorNumber(bytes, start, end), this.host.now());
  }

  onBinary(): void {
    this.cohort.tally.counters.protocolErrors += 1;
  }

  onPing(payload: Buffer): void {
    const now = this.host.now();
    const { tally, behavior } = this.cohort;
    tally.counters.pings += 1;
    if (this.#lastPingMs > 0) tally.histograms.pingInterval.record(now - this.#lastPingMs);
    this.#lastPingMs = now;
    if (behavior.pong === 'at-once') this.#send(OPCODE.pong, payload);
    else if (this.#unansweredSinceMs === 0) this.#unansweredSinceMs = now;
  }

  onClose(code: number, reason: string): void {
    if (this.state === 'open') {
      this.#countClose(code, reason);
      this.#write(closeFrame(code === NO_STATUS_RECEIVED ? 1000 : code));
    }
    this.#finish();
  }

  onProtocolError(): void {
    this.cohort.tally.counters.protocolErrors += 1;
    if (this.state === 'open') this.#countClose(ABNORMAL_CLOSURE, '');
    this.#finish();
  }

  #countClose(code: number, reason: string): void {
    const { tally, behavior } = this.cohort;
    tally.closed.count(closeKey(code, reason));
    if (reason !== 'Heartbeat timeout') return;
    if (behavior.pong === 'at-once') tally.counters.killed += 1;
    else if (this.#unansweredSinceMs > 0)
      tally.histograms.pongTimeout.record(this.host.now() - this.#unansweredSinceMs);
  }

  // The end.

  /** Leaves with a proper close. Resolves when the connection is gone. */
  leave(deadlineMs: number): Promise<void> {
    if (this.state !== 'open') return Promise.resolve();
    this.cohort.tally.counters.left += 1;
    return new Promise((resolve) => {
      this.#markEnded('leaving');
      this.#settled = resolve;
      this.#timeout = setTimeout(() => this.#finish(), deadlineMs);
      this.#write(closeFrame(1000));
    });
  }

  /** Drops the connection at once, whatever state it is in, and counts nothing. */
  abandon(): void {
    if (this.state === 'open') this.#markEnded('leaving');
    this.#finish();
  }

  #onSocketError(error: NodeJS.ErrnoException): void {
    if (this.state === 'connecting') this.cohort.tally.errors.count(error.code ?? error.message);
    else if (this.state === 'open') this.#countClose(ABNORMAL_CLOSURE, '');
    this.#finish();
  }

  #onSocketClose(): void {
    if (this.state === 'connecting') this.cohort.tally.errors.count('ERR_CLOSED_IN_HANDSHAKE');
    else if (this.state === 'open') this.#countClose(ABNORMAL_CLOSURE, '');
    this.#finish();
  }

  #markEnded(state: 'leaving' | 'ended'): void {
    this.endedAtMs = this.host.now();
    this.cohort.open -= 1;
    this.state = state;
    this.host.onEnd(this);
  }

  /** Whatever was, it is over. */
  #finish(): void {
    if (this.state === 'ended') return;
    if (this.state === 'open') this.#markEnded('ended');
    this.state = 'ended';
    this.unread = undefined;
    this.fragments = undefined;
    this.#target = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined && !socket.destroyed) {
      // What was written last (the answer to a close) still goes out.
      socket.destroySoon();
    }
    this.#settle();
  }

  #settle(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
    this.#settled?.();
    this.#settled = undefined;
  }

  #send(opcode: number, payload: Buffer): void {
    this.#write(encodeClientFrame(opcode, payload));
  }

  #write(frame: Buffer): void {
    if (this.#socket?.writable === true) this.#socket.write(frame);
  }
}
