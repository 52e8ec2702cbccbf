import {
  contains,
  countFor,
  cursorText,
  dueMs,
  type EmissionPlan,
  FanoutSkew,
  indexAt,
  namespaceAt,
  ordinalAt,
  slotAt,
} from './emission-plan.js';
import type { Fault, Sighting } from './evidence.js';
import { Histogram, type HistogramData } from './histogram.js';
import { NewestEmitted } from './newest-emitted.js';
import { ordinalsDueBefore, Reception } from './reception.js';
import { foreignCursor, shownCursor, shownText } from './shown-cursor.js';
import type { Tally } from './tally.js';

/** Cursors that were due up to this long after a client opened were in flight: it need not get them. */
const OPENING_MS = 250;
/** Characters of a message that is not a cursor. */
const MAX_TEXT_LENGTH = 120;
const DIGITS = /^\d+$/;
const NOTHING: ReadonlySet<number> = new Set();

/** A client, as far as deliveries go. The ledger keeps its accounts in it, so that finding them costs nothing. */
export interface Receiver {
  /** Its number within its cohort. */
  readonly index: number;
  readonly namespace: number;
  readonly cohort: {
    readonly tally: Tally;
    readonly behavior: { readonly reads: 'all' | 'slowly' | 'nothing' };
  };
  readonly openedAtMs: number;
  /** Whether the server owes it the cursors of its namespace. */
  readonly isMember: boolean;
  /** Whether it may still have something to read. */
  readonly isReading: boolean;
  /** What it got of the plan that it heard of last, and of others that run beside it. */
  reception: Reception | undefined;
  otherReceptions: Reception[] | undefined;
  /** The newest cursor of its namespace that it has heard, on any connection; 0 before the first. */
  heard: number;
  /** Set while it pulls: cursors of a backend are then what wakes it, though bench did not emit them. */
  readonly puller?: { onCursor(cursor: number): void } | undefined;
}

/**
 * The account of every delivery: which cursor a client must get, what it got, and what is wrong with it. Clients hand
 * over what they read. Pure: it knows neither sockets nor the time.
 */
export class DeliveryLedger {
  /** Cursors that arrived. */
  received = 0;
  readonly newest = new NewestEmitted();
  readonly #plans: PlanAccount[] = [];
  #current: PlanAccount | undefined;
  #recentFanout = new Histogram();

  constructor(
    /** By index. */
    private readonly namespaces: readonly string[],
    /** When the run began. */
    private readonly startMs: number,
  ) {}

  /** Announces what is going to be emitted. */
  expect(plan: EmissionPlan): void {
    this.#current = new PlanAccount(plan);
    this.#plans.push(this.#current);
  }

  /**
   * Takes a cursor that a client read.
   *
   * @param length its characters; 0 where it came as a JSON number, which has none of its own.
   * @param text the cursor where it is not just digits, or came in another layout than ours.
   */
  receive(receiver: Receiver, cursor: number, length: number, atMs: number, text?: string): void {
    this.received += 1;
    const { tally, behavior } = receiver.cohort;
    const account = this.#accountOf(cursor);
    if (account === undefined && receiver.puller !== undefined) {
      receiver.puller.onCursor(cursor);
      return;
    }
    // The same number in other digits (`042`) is not what was emitted. A JSON number has no digits of its own.
    if (
      account === undefined ||
      (length > 0 && length !== account.lengthOf(cursor)) ||
      (text !== undefined && !DIGITS.test(text))
    ) {
      tally.counters.foreign += 1;
      this.#noteForeign(receiver, cursor, length, atMs, text);
      return;
    }
    const { plan } = account;
    tally.counters.received += 1;
    const index = cursor - plan.firstCursor;
    if (namespaceAt(plan, index) !== receiver.namespace) {
      tally.counters.leaked += 1;
      this.#noteLeaked(receiver, plan, index, atMs);
      return;
    }
    receiver.puller?.onCursor(cursor);
    if (cursor > receiver.heard) receiver.heard = cursor;
    const reception = account.receptionOf(receiver);
    const fault = reception.receive(index, tally);
    if (fault !== undefined) this.#noteEarlier(fault, receiver, reception, index, atMs);
    if (atMs > account.lastReceiptMs) account.lastReceiptMs = atMs;
    // A slow reader is late by itself, and what is emitted during a fault by that.
    if (!plan.isOrdered || plan.owes === 'newest' || behavior.reads !== 'all') return;
    const dueAtMs = dueMs(plan, index);
    // What a client is sent because it missed it says nothing about how fast it would have been.
    if (dueAtMs < receiver.openedAtMs) return;
    const latencyMs = atMs - dueAtMs;
    tally.histograms.fanout.record(latencyMs);
    this.#recentFanout.record(latencyMs);
    account.skew.record(index, atMs);
  }

  /** Takes a message that is not a cursor; `text` gives its beginning, if it was kept. */
  receiveOther(receiver: Receiver, kind: string, atMs: number, text: () => string | undefined): void {
    const { otherMessages } = receiver.cohort.tally;
    otherMessages.note(shownText(kind, MAX_TEXT_LENGTH), atMs - this.startMs, () => {
      const beginning = text();
      return {
        client: receiver.index,
        namespace: this.namespaces[receiver.namespace] as string,
        ...(beginning === undefined ? {} : { text: shownText(beginning, MAX_TEXT_LENGTH) }),
      };
    });
  }

  /** Takes a breach of RFC 6455 by the server. */
  protocolError(receiver: Receiver, breach: string, atMs: number): void {
    receiver.cohort.tally.counters.protocolErrors += 1;
    this.#note('protocolErrors', receiver, atMs, () => ({ breach }));
  }

  /** Takes the end of a client's connection: what was due before `dueBeforeMs` should have arrived. */
  ended(receiver: Receiver, dueBeforeMs: number): void {
    const isSlow = receiver.cohort.behavior.reads === 'slowly';
    for (const account of this.#plans) {
      const isSettled = (account.isOver && !isSlow) || account.plan.owes === 'newest';
      if (isSettled || !receiver.isMember || !account.slots.has(receiver.namespace)) continue;
      const reception = account.receptionOf(receiver);
      if (account.isOver) {
        const lost = account.sealUpTo(reception.next, reception, receiver.cohort.tally);
        this.#noteLost(receiver, account, lost);
        continue;
      }
      // A slow reader finds its end behind all that it had not read yet, or leaves without it: when the server sent it
      // its last cursor is not known.
      const isTimed = account.plan.isOrdered && !isSlow;
      const due = isTimed ? ordinalsDueBefore(account.plan, reception.slot, dueBeforeMs) : 0;
      account.ended.push({ reception, final: Math.max(reception.next, due), receiver });
    }
    receiver.reception = undefined;
    receiver.otherReceptions = undefined;
  }

  /** Takes what was really emitted of a plan. */
  finish(plan: number, emitted: number, failed: readonly number[]): PlanAccount {
    const account = this.#plans.find((one) => one.plan.id === plan);
    if (account === undefined) throw new Error(`plan ${plan} is not known`);
    account.finish(emitted, failed);
    this.newest.note(account.plan, emitted, failed);
    return account;
  }

  /** The plans of which it is known what was emitted. */
  get finished(): readonly PlanAccount[] {
    return this.#plans.filter(({ isOver }) => isOver);
  }

  /** Settles the accounts of receivers that are still connected: what has not arrived is lost. */
  settle(account: PlanAccount, receivers: readonly Receiver[]): void {
    if (account.plan.owes === 'newest') return;
    for (const receiver of receivers) {
      const { tally } = receiver.cohort;
      const reception = account.receptionOf(receiver);
      this.#noteLost(receiver, account, account.seal(reception, tally, receiver.isReading));
    }
  }

  /** Settles the accounts of receivers whose connection ended before. */
  settleEnded(account: PlanAccount): void {
    for (const { reception, final, receiver } of account.ended.splice(0))
      this.#noteLost(receiver, account, account.sealUpTo(final, reception, receiver.cohort.tally));
  }

  /** Fan-out latencies since the last time. */
  takeRecentFanout(): HistogramData {
    const recent = this.#recentFanout.toData();
    if (recent.count > 0) this.#recentFanout = new Histogram();
    return recent;
  }

  #accountOf(cursor: number): PlanAccount | undefined {
    if (this.#current !== undefined && contains(this.#current.plan, cursor)) return this.#current;
    return this.#plans.find(({ plan }) => contains(plan, cursor));
  }

  // Evidence: what closures of `receive` captured would be allocated with every delivery, so it has none.

  #note(fault: Fault, receiver: Receiver, atMs: number, details: () => Partial<Sighting>): void {
    receiver.cohort.tally.evidence.note(fault, atMs - this.startMs, () => ({
      client: receiver.index,
      namespace: this.namespaces[receiver.namespace] as string,
      ...details(),
    }));
  }

  #noteForeign(receiver: Receiver, cursor: number, length: number, atMs: number, text?: string): void {
    this.#note('foreign', receiver, atMs, () => foreignCursor(cursor, length, text));
  }

  #noteLeaked(receiver: Receiver, plan: EmissionPlan, index: number, atMs: number): void {
    this.#note('leaked', receiver, atMs, () => ({
      cursor: shownCursor(plan, index),
      emittedTo: this.namespaces[namespaceAt(plan, index)] as string,
    }));
  }

  /** A cursor that came again, or after a newer one. */
  #noteEarlier(
    fault: 'duplicated' | 'reordered',
    receiver: Receiver,
    { plan, slot, next }: Reception,
    index: number,
    atMs: number,
  ): void {
    this.#note(fault, receiver, atMs, () => ({
      cursor: shownCursor(plan, index),
      ...(fault === 'reordered' ? { after: shownCursor(plan, indexAt(plan, slot, next - 1)) } : {}),
    }));
  }

  /** Keeps the cursor that a client has lost first, if it has lost any. */
  #noteLost(receiver: Receiver, { plan, slots }: PlanAccount, ordinal: number | undefined): void {
    if (ordinal === undefined) return;
    const index = indexAt(plan, slots.get(receiver.namespace) as number, ordinal);
    // Connections that race to emit follow no schedule.
    const atMs = plan.isOrdered ? dueMs(plan, index) : plan.startMs;
    this.#note('lost', receiver, atMs, () => ({ cursor: shownCursor(plan, index) }));
  }
}

/** The account of one plan: who must get it, what has arrived, and, once it is known, what was really emitted. */
export class PlanAccount {
  /** Slot of a namespace in the plan, by the index of the namespace. */
  readonly slots: ReadonlyMap<number, number>;
  readonly skew = new FanoutSkew();
  lastReceiptMs = 0;
  /** Receptions of connections that have ended, and up to where they had to get cursors. */
  readonly ended: { reception: Reception; final: number; receiver: Receiver }[] = [];
  /** Characters of the plan's cursors where all have the same; else 0. */
  readonly #cursorLength: number;
  #emitted: number | undefined;
  readonly #failedBySlot = new Map<number, Set<number>>();

  constructor(readonly plan: EmissionPlan) {
    const [first, last] = [cursorText(plan, 0).length, cursorText(plan, Math.max(0, plan.count - 1)).length];
    this.#cursorLength = first === last ? first : 0;
    this.slots = new Map(plan.namespaces.map((namespace, slot) => [namespace, slot]));
  }

  /** Characters of one of the plan's cursors, as it was emitted. */
  lengthOf(cursor: number): number {
    return this.#cursorLength || cursorText(this.plan, cursor - this.plan.firstCursor).length;
  }

  /** Whether it is known what was emitted. */
  get isOver(): boolean {
    return this.#emitted !== undefined;
  }

  finish(emitted: number, failed: readonly number[]): void {
    this.#emitted = emitted;
    for (const index of failed) {
      const slot = slotAt(this.plan, Math.floor(index / this.plan.batch));
      const ordinals = this.#failedBySlot.get(slot) ?? new Set();
      ordinals.add(ordinalAt(this.plan, index));
      this.#failedBySlot.set(slot, ordinals);
    }
  }

  /** What a receiver got of the plan so far. */
  receptionOf(receiver: Receiver): Reception {
    if (receiver.reception?.plan === this.plan) return receiver.reception;
    const other = receiver.otherReceptions?.find(({ plan }) => plan === this.plan);
    if (other !== undefined) return other;
    const slot = this.slots.get(receiver.namespace) as number;
    const conflates = receiver.cohort.behavior.reads === 'slowly' || this.plan.owes === 'newest';
    const reception = new Reception(this.plan, slot, this.#firstExpected(slot, receiver), conflates);
    if (receiver.reception !== undefined) {
      receiver.otherReceptions = [receiver.reception, ...(receiver.otherReceptions ?? [])];
      // What was settled long ago is of no more use; a slow reader's accounts are settled last of all.
      if (!conflates) receiver.otherReceptions.length = Math.min(receiver.otherReceptions.length, 3);
    }
    receiver.reception = reception;
    return reception;
  }

  /** The first ordinal that a client must get, given when it opened. */
  #firstExpected(slot: number, { openedAtMs }: Receiver): number {
    if (openedAtMs < this.plan.startMs) return 0;
    return this.plan.isOrdered
      ? ordinalsDueBefore(this.plan, slot, openedAtMs + OPENING_MS)
      : Number.POSITIVE_INFINITY;
  }

  /** Whether a receiver got everything that was emitted to it. */
  isComplete(receiver: Receiver): boolean {
    const reception = this.receptionOf(receiver);
    return reception.isComplete(this.#final(reception.slot), this.#failed(reception.slot));
  }

  /**
   * Settles the account of a receiver that was there to the end.
   *
   * @returns what {@link Reception.seal} does.
   */
  seal(reception: Reception, tally: Tally, isReading: boolean) {
    return reception.seal(this.#final(reception.slot), this.#failed(reception.slot), tally, isReading);
  }

  /** As {@link seal}, for a receiver that was there until then. */
  sealUpTo(upTo: number, reception: Reception, tally: Tally) {
    return reception.seal(Math.min(upTo, this.#final(reception.slot)), this.#failed(reception.slot), tally);
  }

  #final(slot: number): number {
    return countFor(this.plan, slot, this.#emitted ?? 0);
  }

  #failed(slot: number): ReadonlySet<number> {
    return this.#failedBySlot.get(slot) ?? NOTHING;
  }
}
