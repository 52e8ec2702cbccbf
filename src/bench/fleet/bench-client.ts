import type { Socket } from 'node:net';
import { ABNORMAL_CLOSURE } from '../../protocol/close-codes.js';
import { OPCODE } from '../../protocol/frames.js';
import type { Upgrade } from '../../protocol/upgrade.js';
import type { OpenClient } from '../behaviors/behaviors.js';
import type { Reception } from '../measure/reception.js';
import type { EndsBy } from '../model/scenario.js';
import type { Puller } from '../pulls/puller.js';
import { GrowingBytes, readFrames } from './frame-reader.js';
import { type CohortState, Inbox, type InboxHost, type InboxOwner } from './inbox.js';
import {
  closeFrame,
  encodeClientFrame,
  handshakeKey,
  openSocket,
  readAnswer,
  type SocketHandler,
  type SocketTarget,
  upgradeRequest,
} from './wire.js';

/** From the last read of a client until it may be said to have nothing more to read. */
const READING_MS = 2000;
/** Reads of a client that reads at a rate, in a second. */
const SLOW_READS_PER_SECOND = 10;
/** How long a close handshake may take before the connection is dropped. */
const LEAVE_MS = 5000;

/** What a client needs of the fleet that it is part of. */
export interface ClientHost extends InboxHost {
  /** An open connection has ended, from either side. */
  onEnd(client: BenchClient): void;
  /** The `draw`-th random number of a client. */
  random(client: BenchClient, draw: number): number;
  readonly readBuffer: Buffer;
}

export interface ConnectTarget extends SocketTarget {
  readonly upgrade: Upgrade;
  readonly token: string | undefined;
  readonly clientId: string;
  readonly intendedMs: number;
  readonly timeoutMs: number;
}

/** `dead`: the socket is there, and nothing is read from it or written to it any more. */
type State = 'idle' | 'connecting' | 'open' | 'leaving' | 'dead' | 'ended';

/**
 * One WebSocket client on a socket of its own, kept as small as a client can be: it reads frames without copying
 * them, counts in its cohort's tally, and hands what it received to the ledger.
 */
export class BenchClient implements SocketHandler, OpenClient, InboxOwner {
  state: State = 'idle';
  inbox = new Inbox(this);
  /** When it was opened, and when it ended: deliveries around these times are in flight. */
  openedAtMs = 0;
  endedAtMs = 0;
  /** What it got of the plan that it heard of last, and of others that run beside it. */
  reception: Reception | undefined;
  otherReceptions: Reception[] | undefined;
  /** Tries that have failed since it was last open. */
  failures = 0;
  heard = 0;
  joinedAtMs = 0;
  /** While it pulls. */
  puller: Puller | undefined;
  /** Connections that it has lost, and tries that have failed. */
  losses = 0;
  #draws = 0;
  #socket: Socket | undefined;
  #key: string | undefined;
  /** What has come of the answer to the upgrade request. */
  #answer: GrowingBytes | undefined;
  #target: ConnectTarget | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settled: (() => void) | undefined;

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

  /**
   * Whether the server owes it the cursors of its namespace: it showed the token of that namespace, and was admitted.
   */
  get isMember(): boolean {
    return this.cohort.behavior.token === 'own' && this.inbox.wasAdmitted;
  }

  /** Whether a ping has come on this connection. */
  get wasPinged(): boolean {
    return this.inbox.heartbeat !== undefined;
  }

  /** For how long no ping has come, for certain: since it opened, or since the last one. */
  get unpingedMs(): number {
    const sinceMs = Math.max(this.openedAtMs, this.inbox.heartbeat?.lastPingMs ?? 0);
    return this.host.now() - this.host.lateMs() - sinceMs;
  }

  /** Whether it may have something to read yet: it pauses, or read a moment ago. */
  get isReading(): boolean {
    return this.#socket?.isPaused() === true || this.host.now() - this.inbox.readAtMs < READING_MS;
  }

  /** Whether {@link connect} may be called: it has not been yet, or the connection is over. */
  get isIdle(): boolean {
    return this.state === 'idle' || this.state === 'ended';
  }

  random(): number {
    this.#draws += 1;
    return this.host.random(this, this.#draws);
  }

  /** Opens the connection. Resolves with its outcome, good or bad, counted. */
  connect(target: ConnectTarget): Promise<void> {
    this.state = 'connecting';
    this.#target = target;
    this.#key = handshakeKey();
    this.#answer = undefined;
    this.inbox = new Inbox(this);
    this.cohort.tally.counters.attempts += 1;
    return new Promise((resolve) => {
      this.#settled = resolve;
      this.later(target.timeoutMs, () => {
        this.cohort.tally.counters.timeouts += 1;
        this.finish();
      });
      this.#socket = openSocket(target, this.#buffer(), this);
    });
  }

  /** Where reads go. The buffer of the fleet is shared: each read is handled before the next begins. */
  #buffer(): Buffer {
    if (this.#isThrottled) {
      const { readBytesPerSecond } = this.cohort.cohort.settings;
      return Buffer.allocUnsafeSlow(Math.max(64, Math.floor(readBytesPerSecond / SLOW_READS_PER_SECOND)));
    }
    // On Windows a read holds its buffer until it completes, so there each needs its own.
    return process.platform === 'win32' ? Buffer.allocUnsafeSlow(16 * 1024) : this.host.readBuffer;
  }

  get #isThrottled(): boolean {
    const { behavior, settings } = this.cohort.cohort;
    return behavior === 'slow-reader' && settings.readBytesPerSecond > 0;
  }

  onSocketConnect(socket: Socket): void {
    // The handshake may have timed out before the connection was there.
    if (socket !== this.#socket) return;
    const { upgrade, token } = this.#target as ConnectTarget;
    // Header values are Latin-1 (RFC 9110 section 5.5).
    socket.write(upgradeRequest(upgrade, this.#key as string, token), 'latin1');
  }

  onSocketData(socket: Socket, chunk: Buffer): boolean {
    // What an earlier connection still had to say is nothing to the present one.
    if (socket !== this.#socket) return true;
    this.#onData(chunk);
    if (!this.#isThrottled || this.state !== 'open') return true;
    this.pauseReading();
    const { readBytesPerSecond } = this.cohort.cohort.settings;
    this.later((chunk.length * 1000) / readBytesPerSecond, () => this.resumeReading());
    return false;
  }

  #onData(chunk: Buffer): void {
    const { inbox } = this;
    inbox.readAtMs = this.host.now();
    if (this.state === 'connecting') this.#onAnswer(chunk);
    else if (this.state === 'open' || this.state === 'leaving') readFrames(inbox, chunk, inbox);
  }

  #onAnswer(chunk: Buffer): void {
    this.#answer?.append(chunk, 0, chunk.length);
    const answer = readAnswer(this.#answer?.bytes ?? chunk, this.#key as string);
    const { tally } = this.cohort;
    switch (answer.kind) {
      case 'incomplete':
        if (this.#answer !== undefined) return;
        this.#answer = new GrowingBytes(Number.POSITIVE_INFINITY);
        this.#answer.append(chunk, 0, chunk.length);
        return;
      case 'rejected':
        tally.rejected.count(String(answer.status));
        this.finish();
        return;
      case 'invalid':
        tally.errors.count(answer.code);
        if (answer.breach !== undefined) this.host.ledger.protocolError(this, answer.breach, this.host.now());
        this.finish();
        return;
      case 'accepted':
        this.#answer = undefined;
        this.#onAccepted();
        if (answer.rest.length > 0) this.#onData(answer.rest);
    }
  }

  #onAccepted(): void {
    const target = this.#target as ConnectTarget;
    const { cohort, tally } = this.cohort;
    const endedBeforeMs = this.endedAtMs;
    this.state = 'open';
    this.openedAtMs = this.host.now();
    this.failures = 0;
    if (this.joinedAtMs === 0) this.joinedAtMs = this.openedAtMs;
    this.cohort.open += 1;
    tally.counters.opened += 1;
    tally.histograms.handshake.record(this.openedAtMs - target.intendedMs);
    if (endedBeforeMs > 0 && this.cohort.behavior.reconnects) {
      tally.counters.reconnects += 1;
      tally.histograms.reconnect.record(this.openedAtMs - endedBeforeMs);
    }
    this.#target = undefined;
    this.#key = undefined;
    this.#settle();
    if (cohort.hello !== undefined) {
      const { namespace } = cohort.hello;
      // As DataFn clients do, a cursor for each table; one that has heard none names no table.
      const cursors = this.heard === 0 ? {} : { bench: String(this.heard) };
      const hello = { type: 'hello', clientId: target.clientId, cursors, namespace };
      this.send(OPCODE.text, Buffer.from(JSON.stringify(hello)));
    }
    void this.puller?.onOpen();
    this.cohort.behavior.onOpen?.(this, cohort.settings);
  }

  // What a behavior may do with an open connection.

  later(delayMs: number, callback: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(callback, delayMs);
  }

  pauseReading(): void {
    this.#socket?.pause();
  }

  resumeReading(): void {
    this.#socket?.resume();
  }

  send(opcode: number, payload: Buffer): void {
    this.writeRaw(encodeClientFrame(opcode, payload));
  }

  writeRaw(bytes: Buffer): void {
    if ((this.state === 'open' || this.state === 'leaving') && this.#socket?.writable === true)
      this.#socket.write(bytes);
  }

  goDead(): void {
    if (this.state !== 'open') return;
    this.pauseReading();
    this.#markEnded('dead');
    clearTimeout(this.#timer);
  }

  // The end.

  /** Ends an open connection of its own accord. Resolves when it is gone (or, vanished, dead). */
  end(how: EndsBy): Promise<void> {
    if (this.state !== 'open') return Promise.resolve();
    this.cohort.tally.counters.disconnected += 1;
    this.joinedAtMs = 0;
    switch (how) {
      case 'vanish':
        this.goDead();
        return Promise.resolve();
      case 'reset': {
        const socket = this.#socket;
        this.#markEnded('leaving');
        socket?.resetAndDestroy();
        this.finish();
        return Promise.resolve();
      }
      case 'close':
        this.writeRaw(closeFrame(1000));
        return new Promise((resolve) => {
          this.#markEnded('leaving');
          this.resumeReading();
          this.#settled = resolve;
          this.later(LEAVE_MS, () => this.finish());
        });
    }
  }

  /** Drops the connection at once, whatever state it is in, and counts nothing. */
  abandon(): void {
    if (this.state === 'open') this.#markEnded('leaving');
    this.#socket?.destroy();
    this.finish();
  }

  onSocketError(socket: Socket, error: NodeJS.ErrnoException): void {
    if (socket !== this.#socket) return;
    if (this.state === 'connecting') this.cohort.tally.errors.count(error.code ?? error.message);
    else if (this.state === 'open') this.inbox.countClose(ABNORMAL_CLOSURE, '');
    this.finish();
  }

  onSocketClose(socket: Socket): void {
    if (socket !== this.#socket) return;
    if (this.state === 'connecting') this.cohort.tally.errors.count('ERR_CLOSED_IN_HANDSHAKE');
    else if (this.state === 'open') this.inbox.countClose(ABNORMAL_CLOSURE, '');
    this.finish();
  }

  #markEnded(state: 'leaving' | 'dead' | 'ended'): void {
    this.endedAtMs = this.host.now();
    this.cohort.open -= 1;
    this.state = state;
    this.host.onEnd(this);
  }

  /** The connection is over, in whatever state it was. */
  finish(): void {
    if (this.state === 'ended' || this.state === 'idle') return;
    if (this.state === 'connecting') this.failures += 1;
    if (this.state === 'connecting' || this.state === 'open') this.losses += 1;
    if (this.state === 'open') this.#markEnded('ended');
    this.state = 'ended';
    this.#answer = undefined;
    this.inbox.clear();
    this.#target = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    // What was written last (the answer to a close) still goes out.
    if (socket?.connecting) socket.destroy();
    else if (socket !== undefined && !socket.destroyed) socket.destroySoon();
    this.#settle();
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#settled?.();
    this.#settled = undefined;
  }
}
