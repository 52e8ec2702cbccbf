import { isUtf8 } from 'node:buffer';
import { readMessage } from '../../protocol/client.js';
import {
  ABNORMAL_CLOSURE,
  INVALID_PAYLOAD,
  isRefusal,
  NO_STATUS_RECEIVED,
} from '../../protocol/close-codes.js';
import { OPCODE } from '../../protocol/frames.js';
import { formatAmount } from '../../text/units.js';
import type { Behavior } from '../behaviors/behaviors.js';
import type { DeliveryLedger, Receiver } from '../measure/delivery-ledger.js';
import { closeKey, type Tally } from '../measure/tally.js';
import type { Cohort } from '../model/scenario.js';
import type { FrameHandler, FrameReaderState } from './frame-reader.js';
import { type CursorLayouts, closeFrame, encodeClientFrame } from './wire.js';

/** A pong that may have been later than this proves nothing about a server that closes its client. */
const MAX_PONG_LATE_MS = 250;

/** A cohort at work: its description, and the tally that its clients count in. */
export interface CohortState {
  readonly cohort: Cohort;
  readonly behavior: Behavior;
  tally: Tally;
  open: number;
}

/** What the clients of a fleet share to account for what they read. */
export interface InboxHost {
  /** Milliseconds on the machine's monotonic clock. */
  now(): number;
  /** For how long, at most, what is read now has been there to be read. */
  lateMs(): number;
  readonly ledger: DeliveryLedger;
  readonly layouts: CursorLayouts;
}

/** The client that an inbox belongs to. */
export interface InboxOwner extends Receiver {
  readonly host: InboxHost;
  readonly cohort: CohortState;
  /** That of its present connection. */
  readonly inbox: Inbox;
  readonly isOpen: boolean;
  send(opcode: number, payload: Buffer): void;
  writeRaw(bytes: Buffer): void;
  /** The connection is over. */
  finish(): void;
}

/** What one connection of a client receives: it answers what must be answered, and hands the rest to the ledger. */
export class Inbox implements FrameReaderState, FrameHandler {
  unread: FrameReaderState['unread'];
  message: FrameReaderState['message'];
  skipBytes = 0;
  /** When the last chunk was read. All of its frames have arrived together. */
  readAtMs = 0;
  /** From the first ping on. */
  heartbeat: HeartbeatWatch | undefined;
  /** Whether the server has treated this connection as one of its clients: by a cursor, or a ping. */
  #wasServed = false;
  #wasRefused = false;

  constructor(private readonly owner: InboxOwner) {}

  /** Whether the server let the client in. One that was refused only after it had been served was in until then. */
  get wasAdmitted(): boolean {
    return this.#wasServed || !this.#wasRefused;
  }

  /** Frees what has not come whole. */
  clear(): void {
    this.unread = undefined;
    this.message = undefined;
    this.skipBytes = 0;
  }

  onText(bytes: Buffer, start: number, end: number): boolean {
    const { owner } = this;
    const { layouts, ledger } = owner.host;
    const cursor = layouts.read(bytes, start, end);
    if (Number.isNaN(cursor)) return this.#onUnknownLayout(bytes.subarray(start, end));
    if (!owner.isOpen) return true;
    this.#wasServed = true;
    ledger.receive(owner, cursor, end - start - layouts.envelopeBytes, this.readAtMs);
    return true;
  }

  #onUnknownLayout(bytes: Buffer): boolean {
    if (!isUtf8(bytes)) {
      this.onProtocolError('a text that is not UTF-8', INVALID_PAYLOAD);
      return false;
    }
    const { owner } = this;
    if (!owner.isOpen) return true;
    const { layouts, ledger } = owner.host;
    const text = bytes.toString();
    const message = readMessage(text);
    if (message.isCursor) {
      this.#wasServed = true;
      layouts.learn(text, message);
      ledger.receive(owner, message.cursor, message.text?.length ?? 0, this.readAtMs, message.text);
    } else ledger.receiveOther(owner, message.kind, this.readAtMs, () => text);
    return true;
  }

  onBinary(bytes: Buffer, start: number, end: number): void {
    this.#receiveOther('binary', () => inHex(bytes.subarray(start, end)));
  }

  onTooLong(): void {
    this.#receiveOther('longer than 1 MiB', () => undefined);
  }

  #receiveOther(kind: string, text: () => string | undefined): void {
    if (this.owner.isOpen) this.owner.host.ledger.receiveOther(this.owner, kind, this.readAtMs, text);
  }

  onPing(payload: Buffer): void {
    const { owner } = this;
    const { host } = owner;
    const { tally, behavior, cohort } = owner.cohort;
    this.#wasServed = true;
    this.heartbeat ??= new HeartbeatWatch();
    const heartbeat = this.heartbeat;
    heartbeat.onPing(host.now(), host.lateMs(), behavior.pong === 'immediate', tally);
    if (behavior.pong === 'immediate') owner.send(OPCODE.pong, payload);
    if (behavior.pong !== 'after-delay') return;
    const pong = encodeClientFrame(OPCODE.pong, payload);
    setTimeout(() => {
      if (owner.inbox !== this) return;
      heartbeat.onPong();
      owner.writeRaw(pong);
    }, cohort.settings.pongDelayMs).unref();
  }

  onClose(code: number, reason: string): void {
    if (this.owner.isOpen) {
      this.countClose(code, reason);
      this.owner.writeRaw(closeFrame(code === NO_STATUS_RECEIVED ? undefined : code));
    }
    this.owner.finish();
  }

  onProtocolError(why: string, code: number): void {
    const { host } = this.owner;
    host.ledger.protocolError(this.owner, why, host.now());
    if (this.owner.isOpen) {
      this.countClose(ABNORMAL_CLOSURE, '');
      this.owner.writeRaw(closeFrame(code));
    }
    this.owner.finish();
  }

  /** Counts how the server ended the connection. */
  countClose(code: number, reason: string): void {
    const { host, cohort } = this.owner;
    const { tally, behavior } = cohort;
    tally.closed.count(closeKey(code, reason));
    this.#wasRefused = isRefusal(code, reason);
    if (this.#wasRefused && this.#wasServed) tally.counters.refusedLate += 1;
    if (reason !== 'Heartbeat timeout') return;
    const lateMs = host.lateMs();
    if (behavior.pong === 'immediate' && behavior.reads === 'all') {
      const isInDoubt = (this.heartbeat ?? new HeartbeatWatch()).isInDoubt(lateMs);
      tally.counters[isInDoubt ? 'falseTimeoutsInDoubt' : 'falseTimeouts'] += 1;
    } else this.heartbeat?.onTimeout(host.now(), lateMs, tally);
  }
}

/** The pings of one connection: how far apart they are, and how long they stay unanswered. */
export class HeartbeatWatch {
  lastPingMs = 0;
  /** How late the last ping, and the one before it, may have been read. */
  #lastLateMs = 0;
  #earlierLateMs = 0;
  #unansweredSinceMs = 0;
  #unansweredLateMs = 0;

  /** @param lateMs for how long, at most, the ping has been there to be read. */
  onPing(nowMs: number, lateMs: number, isAnswered: boolean, { counters, histograms }: Tally): void {
    counters.pings += 1;
    if (this.lastPingMs > 0) {
      const intervalMs = nowMs - this.lastPingMs;
      histograms.pingInterval.record(intervalMs);
      histograms.pingIntervalLeast.record(intervalMs - lateMs);
      histograms.pingIntervalMost.record(intervalMs + this.#lastLateMs);
    }
    this.lastPingMs = nowMs;
    this.#earlierLateMs = this.#lastLateMs;
    this.#lastLateMs = lateMs;
    if (isAnswered || this.#unansweredSinceMs > 0) return;
    this.#unansweredSinceMs = nowMs;
    this.#unansweredLateMs = lateMs;
  }

  /** A late pong answers all pings before it. */
  onPong(): void {
    this.#unansweredSinceMs = 0;
  }

  /** The server closed a client that answers pings: was bench late to read one? */
  isInDoubt(lateMs: number): boolean {
    return Math.max(lateMs, this.#lastLateMs, this.#earlierLateMs) > MAX_PONG_LATE_MS;
  }

  /** The server closed a client that does not answer. */
  onTimeout(nowMs: number, lateMs: number, { histograms }: Tally): void {
    if (this.#unansweredSinceMs === 0) return;
    const timeoutMs = nowMs - this.#unansweredSinceMs;
    histograms.pongTimeout.record(timeoutMs);
    histograms.pongTimeoutLeast.record(timeoutMs - lateMs);
    histograms.pongTimeoutMost.record(timeoutMs + this.#unansweredLateMs);
  }
}

/** Bytes of a binary message that are shown. */
const SHOWN_BYTES = 32;

function inHex(bytes: Buffer): string {
  const shown = bytes.toString('hex', 0, SHOWN_BYTES).replace(/..(?=.)/g, '$& ');
  return `${formatAmount(bytes.length, 'byte')}: ${shown}${bytes.length > SHOWN_BYTES ? ' …' : ''}`;
}
