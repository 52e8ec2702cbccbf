import type { WebSocketClient } from '../../src/manager/types.js';
import type { PreparedMessage } from '../../src/protocol/messages.js';

/** One call of `close`. */
export interface RecordedClose {
  readonly code: number | undefined;
  readonly reason: string | undefined;
}

/** Which of the optional methods a {@link FakeClient} has: `close` and `ping`, unless told otherwise. */
export interface FakeClientOptions {
  readonly withoutClose?: boolean;
  readonly withoutPing?: boolean;
  readonly withSendPrepared?: boolean;
}

/** A client that records what is done to it, and fails on demand. */
export class FakeClient implements WebSocketClient {
  /** Messages that were sent, and did not fail. */
  readonly sent: string[] = [];
  /** Messages that came as a prepared one; each is in {@link sent} too. */
  readonly prepared: PreparedMessage[] = [];
  /** Closes, failing ones included. */
  readonly closes: RecordedClose[] = [];
  /** Pings that did not fail. */
  pings = 0;

  /** Thrown by `send` while it is set. */
  sendError: unknown;
  /** Thrown by `close` while it is set. */
  closeError: unknown;
  /** Thrown by `ping` while it is set. */
  pingError: unknown;

  /** Whether `sendPrepared` takes a message; one that is on its way out does not. */
  takesPrepared = true;

  /** Called inside of each `send` that does not fail: what a client does when it calls back at once. */
  onSend: (() => void) | undefined;
  /** Called inside of each `close`. */
  onClose: (() => void) | undefined;
  /** Called inside of each `ping` that does not fail. */
  onPing: (() => void) | undefined;

  readonly close?: (code?: number, reason?: string) => void;
  readonly ping?: () => void;
  readonly sendPrepared?: (message: PreparedMessage) => boolean;

  constructor({
    withoutClose = false,
    withoutPing = false,
    withSendPrepared = false,
  }: FakeClientOptions = {}) {
    if (!withoutClose) {
      this.close = (code, reason) => {
        this.closes.push({ code, reason });
        this.onClose?.();
        if (this.closeError !== undefined) throw this.closeError;
      };
    }
    if (!withoutPing) {
      this.ping = () => {
        if (this.pingError !== undefined) throw this.pingError;
        this.pings += 1;
        this.onPing?.();
      };
    }
    if (withSendPrepared) {
      this.sendPrepared = (message) => {
        if (!this.takesPrepared) return false;
        this.send(message.text);
        this.prepared.push(message);
        return true;
      };
    }
  }

  send(data: string): void {
    if (this.sendError !== undefined) throw this.sendError;
    this.sent.push(data);
    this.onSend?.();
  }
}
