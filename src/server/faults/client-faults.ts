import type { Socket } from 'node:net';
import type { PreparedMessage } from '../../protocol/messages.js';
import { ServerSocket } from '../ws/server-socket.js';
import type { ActiveRule } from './active-rule.js';
import { CURSOR_FAULTS, type FaultScene, originalOf, type Sender } from './cursor-faults.js';
import type { Moment } from './kinds.js';
import { paceWrites, reset, restoreWrites, silence } from './socket-faults.js';
import type { Timers } from './timers.js';

/** Bandwidth is given out this many times a second. */
const PIECES_PER_SECOND = 50;

/** Linux shows a reset as a plain end to a client that has not yet read what came before, such as the handshake. */
const RESET_AFTER_MS = 5;

/** What the faults of a client call. */
export interface ClientFaultsOwner {
  readonly timers: Timers;
  /** As the manager knows it, which is earlier than the connection does. */
  clientIdOf(client: ServerSocket): string | undefined;
  /** A client was not handed a cursor. */
  missed(client: ServerSocket, cursor: string): void;
  /** A client was handed a cursor, after the broadcast of it. */
  deliveredLate(): void;
  /** Has the manager take a ping as answered. */
  pongOf(client: ServerSocket): void;
}

/**
 * The faults of one client: stands between the manager and its connection, in place of the methods that send. A
 * connection that no rule is about keeps its own.
 */
export class ClientFaults implements FaultScene {
  readonly #pings: readonly ActiveRule[];
  readonly #atCursor: readonly ActiveRule[];
  readonly #cancels: (() => void)[] = [];
  readonly #send: Sender;
  /** The rules whose effect the socket has. */
  readonly #onSocket = new Set<ActiveRule>();
  #isSilent = false;
  /** The message that is being broadcast, until the client has been handed it. */
  #current: PreparedMessage | undefined;
  /** Messages that the client was handed: one that is sent twice counts once. */
  readonly #handed = new WeakSet<PreparedMessage>();

  /** @param rules those that are about the namespace of the client. */
  constructor(
    readonly client: ServerSocket,
    private readonly rules: readonly ActiveRule[],
    private readonly owner: ClientFaultsOwner,
  ) {
    const sendsTo = (faults: readonly ActiveRule[], last: Sender): Sender =>
      faults.reduceRight((send, one) => CURSOR_FAULTS[one.rule.fault]?.(one, this, send) ?? send, last);
    // Frames come last: what a cursor fault makes of a message is fragmented as well.
    const fragments = rules.filter(({ rule }) => rule.fault === 'fragment');
    const ofCursors = rules.filter(({ stage }) => stage === 'cursor');
    const send: Sender = (message) => {
      if (!this.#isSilent && ServerSocket.prototype.sendPrepared.call(client, message)) this.#count(message);
    };
    this.#send = sendsTo(ofCursors, sendsTo(fragments, send));
    this.#pings = rules.filter(({ rule: { fault } }) => fault === 'no-pings' || fault === 'late-heartbeat');
    this.#atCursor = rules.filter(({ rule }) => rule.settings.on === 'cursor');
    client.sendPrepared = (message) => {
      for (const rule of this.#atCursor) this.#strike(rule);
      if (!client.isOpen) return false;
      this.#current = message;
      this.#send(message);
      if (this.#current === undefined) return true;
      this.#current = undefined;
      this.owner.missed(client, message.cursor);
      return false;
    };
    client.ping = () => this.#ping();
  }

  /** The client has been handed a message: counts the cursor that it is about. */
  #count(message: PreparedMessage): void {
    const original = originalOf(message);
    if (original === undefined || this.#handed.has(original)) return;
    this.#handed.add(original);
    if (original === this.#current) this.#current = undefined;
    else this.owner.deliveredLate();
  }

  later(ms: number, callback: () => void): () => void {
    return this.owner.timers.later(ms, callback);
  }

  whenEnded(rule: ActiveRule, listener: () => void): void {
    this.#cancels.push(rule.whenEnded(listener));
  }

  takes(rule: ActiveRule): boolean {
    const { client } = this;
    return rule.matches(client.namespace, this.owner.clientIdOf(client)) && rule.takes(client);
  }

  /** Lets the faults of connections strike that are due at this moment. */
  at(moment: Exclude<Moment, 'cursor'>): void {
    for (const rule of this.rules) {
      const { fault, match, settings } = rule.rule;
      const isPace = fault === 'bandwidth' || fault === 'byte-by-byte';
      // From the moment on at which it is known whom it strikes.
      const isDue = isPace
        ? moment === 'now' || moment === (match.clientId === undefined ? 'open' : 'hello')
        : settings.on === moment;
      if (isDue) this.#strike(rule);
    }
  }

  #strike(rule: ActiveRule): void {
    const { client } = this;
    const raw = client.rawSocket;
    if (raw === undefined || !client.isOpen || this.#onSocket.has(rule) || !this.takes(rule)) return;
    const { fault, settings } = rule.rule;
    switch (fault) {
      case 'close':
        client.close(settings.code, settings.reason);
        break;
      case 'reset':
        this.later(RESET_AFTER_MS, () => reset(raw));
        break;
      case 'half-open':
        this.#silence(rule, raw);
        break;
      case 'byte-by-byte':
        this.#pace(rule, raw, 1, () => settings.gapMs);
        break;
      case 'bandwidth': {
        const { bytesPerSecond } = settings;
        const piece = Math.max(1, Math.ceil(bytesPerSecond / PIECES_PER_SECOND));
        this.#pace(rule, raw, piece, (bytes) => (bytes * 1000) / bytesPerSecond);
      }
    }
  }

  #pace(rule: ActiveRule, raw: Socket, pieceBytes: number, waitMs: (bytes: number) => number): void {
    this.#onSocket.add(rule);
    this.whenEnded(rule, paceWrites(raw, pieceBytes, waitMs, this.owner.timers));
  }

  #silence(rule: ActiveRule, raw: Socket): void {
    this.#onSocket.add(rule);
    this.#isSilent = true;
    // The pong to a ping that is under way will not be read.
    this.owner.pongOf(this.client);
    // A socket that has just been upgraded is resumed in this tick.
    queueMicrotask(() => silence(raw));
    this.whenEnded(rule, () => reset(raw));
  }

  #ping(): void {
    const { client } = this;
    if (this.#isSilent) {
      this.owner.pongOf(client);
      return;
    }
    const ping = () => ServerSocket.prototype.ping.call(client);
    const rule = this.#pings.find((one) => this.takes(one));
    if (rule === undefined) {
      ping();
      return;
    }
    this.owner.pongOf(client);
    if (rule.rule.fault === 'late-heartbeat') this.later(rule.delayMs(), ping);
  }

  /** The connection is gone. */
  dispose(): void {
    for (const cancel of this.#cancels) cancel();
  }

  /** Gives the connection its own methods back. The rules have ended. */
  remove(): void {
    const methods: { sendPrepared?: unknown; ping?: unknown } = this.client;
    delete methods.sendPrepared;
    delete methods.ping;
    if (this.client.rawSocket !== undefined) restoreWrites(this.client.rawSocket);
  }
}
