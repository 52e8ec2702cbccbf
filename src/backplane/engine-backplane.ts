import { randomUUID } from 'node:crypto';
import type { Kick } from '../manager/types.js';
import { messageOf } from '../protocol/errors.js';
import type {
  Backplane,
  BackplaneListener,
  BackplaneState,
  BackplaneView,
  ClusterCursor,
  KickOutcome,
  PublishedCursor,
  PublishOptions,
  PublishOutcome,
  Reservation,
} from './backplane.js';
import { within } from './deadline.js';
import type {
  ConnectEngine,
  EngineLink,
  EngineMessage,
  EngineUpdate,
  NodeClock,
  UpdateMode,
  UpdateReply,
} from './engine.js';
import { KeptCursors } from './kept-cursors.js';
import { Kicks } from './kicks.js';
import { Members } from './members.js';
import { CursorRegister, isAfter, ranked } from './register.js';
import { EngineSession, type SessionOwner } from './session.js';

/** What an {@link EngineBackplane} works with. */
export interface EngineBackplaneParts {
  readonly connect: ConnectEngine;
  readonly clock: NodeClock;
  /** Milliseconds that the engine has to acknowledge a batch or a reservation. */
  readonly timeoutMs: number;
  /** Namespaces whose newest cursor is kept. */
  readonly maxNamespaces: number;
  /** The version of this package, for the others to see. */
  readonly version: string;
  /** From [0, 1); spreads the nodes that reconnect. */
  readonly random: () => number;
}

/** Cursors in one command: it holds the engine for a few milliseconds at most. */
const BATCH_SIZE = 500;
const FIRST_RETRY_MS = 50;
/** An engine that comes back is noticed this soon. */
const LONGEST_RETRY_MS = 500;

/** A backplane on an engine that all nodes connect to. What differs between engines is the {@link EngineLink}. */
export class EngineBackplane implements Backplane, SessionOwner {
  readonly #id = randomUUID();
  readonly #register: CursorRegister;
  readonly #kept = new KeptCursors();
  /** Clients of each namespace that this node has told of. */
  readonly #counts = new Map<string, number>();
  /** Namespaces whose count the engine may have wrong. */
  readonly #unsureCounts = new Set<string>();
  readonly #members = new Members();
  readonly #kicks: Kicks;
  #listener: BackplaneListener | undefined;
  #state: BackplaneState = 'connecting';
  #lagMs: number | undefined;
  #sessions = 0;
  #session: EngineSession | undefined;
  /** Resolves when the first attempt to connect has come to an end. */
  readonly #attempted: Promise<void>;
  #markAttempted!: () => void;
  #wake = () => {};

  constructor(private readonly parts: EngineBackplaneParts) {
    this.#register = new CursorRegister(parts.maxNamespaces);
    this.#kicks = new Kicks(this.#id, parts, () => this.#session?.link);
    this.#attempted = new Promise((resolve) => {
      this.#markAttempted = resolve;
    });
  }

  start(listener: BackplaneListener): void {
    if (this.#listener !== undefined || this.#state === 'closed') return;
    this.#listener = listener;
    this.#kicks.closeHere = (kick) => listener.kick?.(kick) ?? 0;
    void this.#stayConnected();
  }

  async publish(items: readonly PublishedCursor[], options: PublishOptions = {}): Promise<PublishOutcome> {
    const { clock } = this.parts;
    const isRequired = options.required === true || options.monotonic === true;
    const startedAtMs = clock.nowMs;
    const updates = this.#updatesOf(items);
    if (!isRequired) for (const update of updates) this.#remember(update, startedAtMs);
    // A server that has just been started is given the time to connect.
    if (this.#state === 'connecting') {
      await within(this.#attempted, this.parts.timeoutMs, clock);
      // The recovery has sent what was kept.
      if (!isRequired) return this.#outcome(!updates.some((update) => this.#kept.has(update)));
    }
    const link = this.#session?.link;
    if (link === undefined) return this.#outcome(false);
    const leftMs = Math.max(0, this.parts.timeoutMs - (clock.nowMs - startedAtMs));
    const mode = options.monotonic ? 'monotonic' : 'live';
    let isLate = false;
    const sent = this.#send(link, updates, mode).then((stale) => {
      // The caller of a required batch has been told that it failed: the clients here hear it as those elsewhere do.
      if (stale === undefined && isRequired) this.#merge(updates, isLate);
      return stale;
    });
    const settled = await within(sent, leftMs, clock);
    isLate = settled.in === 'no time';
    if (settled.in !== 'time') return this.#outcome(false);
    return { ...this.#outcome(settled.value === undefined), stale: settled.value };
  }

  async reserve(namespace: string, count: number, limit: number): Promise<Reservation> {
    const { clock, timeoutMs } = this.parts;
    if (this.#state === 'connecting') await within(this.#attempted, timeoutMs, clock);
    const link = this.#session?.link;
    if (link !== undefined) {
      const settled = await within(link.reserve(namespace, count, limit), timeoutMs, clock);
      if (settled.in === 'time') {
        this.#count(namespace, settled.value);
        return { granted: settled.value, checked: true };
      }
    }
    this.#unsureCounts.add(namespace);
    this.#count(namespace, count);
    return { granted: count, checked: false };
  }

  kick(kick: Kick): Promise<KickOutcome> {
    const others = this.#members.alive(this.parts.clock.nowMs).map(({ id }) => id);
    return this.#kicks.ask(kick, others);
  }

  view(): BackplaneView {
    const { clock, version } = this.parts;
    const connections = this.#listener?.connections() ?? 0;
    const self = { id: this.#id, version, connections, ageMs: 0, isSelf: true };
    return {
      state: this.#state,
      lagMs: this.#lagMs,
      kept: this.#kept.size,
      nodes: [self, ...this.#members.alive(clock.nowMs)],
    };
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const { clock, timeoutMs } = this.parts;
    const link = this.#session?.link;
    this.#setState('closed');
    if (link !== undefined) {
      const leave = async () => {
        await this.#sendKept(link, Number.POSITIVE_INFINITY);
        await link.leave();
      };
      await within(leave(), timeoutMs, clock);
    }
    this.#session?.end('closed');
    this.#wake();
  }

  get id(): string {
    return this.#id.slice(0, 8);
  }

  // What its session calls.

  get hasCursors(): boolean {
    return this.#register.size > 0;
  }

  beat(): { version: string; connections: number } {
    return { version: this.parts.version, connections: this.#listener?.connections() ?? 0 };
  }

  lag(ms: number): void {
    this.#lagMs = Math.round(ms * 10) / 10;
  }

  heard(message: EngineMessage): void {
    if (message.node === this.#id) return;
    if (message.kind === 'kick' || message.kind === 'kicked') this.#kicks.heard(message);
    else if (message.kind === 'leave') this.#members.left(message.node);
    else if (message.kind === 'beat') {
      if (this.#members.heard(message.node, message, this.parts.clock.nowMs)) this.#session?.beatNow();
    } else if (message.late) this.#catchUp(message.items);
    else {
      for (const item of message.items) this.#register.merge(item.namespace, item);
      this.#listener?.cursors(message.items, false);
    }
  }

  up(): void {
    if (this.#state === 'closed') return;
    this.#setState('up');
    this.#markAttempted();
  }

  async recover(link: EngineLink): Promise<void> {
    const known = new Map<string, ClusterCursor>();
    for await (const part of link.scan()) {
      for (const item of part) known.set(item.namespace, item);
      this.#catchUp(part);
    }
    await this.#sendKept(link, Number.POSITIVE_INFINITY);
    await this.#send(link, this.#missingIn(known), 'late');
    await link.restate([...this.#counts]);
    this.#unsureCounts.clear();
  }

  tend(link: EngineLink): void {
    const failed = (error: unknown) => this.#session?.end(messageOf(error));
    this.#sendKept(link, this.parts.clock.nowMs - this.parts.timeoutMs).catch(failed);
    if (this.#unsureCounts.size === 0) return;
    const counts = [...this.#unsureCounts].map((name) => [name, this.#counts.get(name) ?? 0] as const);
    this.#unsureCounts.clear();
    link.restate(counts).catch(failed);
  }

  async #stayConnected(): Promise<void> {
    const { connect, clock, random } = this.parts;
    let failures = 0;
    while (!this.#isClosed()) {
      this.#sessions += 1;
      const session = new EngineSession(connect, { node: this.#id, session: this.#sessions }, clock, this);
      this.#session = session;
      const why = await session.run();
      if (this.#isClosed()) return;
      failures = this.#state === 'up' ? 0 : failures + 1;
      this.#members.clear();
      this.#lagMs = undefined;
      this.#setState('down', why);
      this.#markAttempted();
      const waitMs = Math.min(FIRST_RETRY_MS * 2 ** failures, LONGEST_RETRY_MS) * (0.5 + random() / 2);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        clock.setTimeout(resolve, waitMs);
      });
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #setState(state: BackplaneState, why?: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#listener?.state(state, why);
  }

  #outcome(replicated: boolean): PublishOutcome {
    return { replicated, nodes: 1 + this.#members.alive(this.parts.clock.nowMs).length };
  }

  #updatesOf(items: readonly PublishedCursor[]): EngineUpdate[] {
    /** Epochs that this batch begins. */
    const begun = new Map<string, number>();
    return items.map(({ namespace, cursor, reset = false, affectedPrincipals }) => {
      const known = begun.get(namespace) ?? this.#register.get(namespace)?.epoch;
      if (reset) begun.set(namespace, (known ?? 0) + 1);
      return {
        namespace,
        cursor,
        epoch: reset ? (known ?? 0) + 1 : (known ?? 0),
        kind: reset ? 'reset' : known === undefined ? 'adopt' : 'merge',
        ...(affectedPrincipals === undefined ? {} : { affectedPrincipals }),
      };
    });
  }

  #remember(update: EngineUpdate, nowMs: number): void {
    this.#register.merge(update.namespace, update);
    this.#kept.keep(update, nowMs);
  }

  #merge(updates: readonly ClusterCursor[], tellsClients: boolean): void {
    if (tellsClients) this.#catchUp(updates);
    else for (const update of updates) this.#register.merge(update.namespace, update);
  }

  /** Hands over what is newer than everything that the clients here have been handed. */
  #catchUp(items: readonly ClusterCursor[]): void {
    const newer = items.filter((item) => this.#register.merge(item.namespace, item));
    if (newer.length > 0) this.#listener?.cursors(newer, true);
  }

  /** Sends cursors in as many commands as it takes; a monotonic batch is judged as a whole, so it is one. */
  async #send(
    link: EngineLink,
    updates: readonly EngineUpdate[],
    mode: UpdateMode,
  ): Promise<PublishOutcome['stale']> {
    const size = mode === 'monotonic' ? updates.length : BATCH_SIZE;
    const sent: Promise<UpdateReply>[] = [];
    for (let at = 0; at < updates.length; at += size) {
      const batch = updates.slice(at, at + size);
      const reply = link.update(batch, mode);
      sent.push(reply);
      reply.then(
        (answer) => this.#acknowledged(batch, answer),
        () => {},
      );
    }
    const replies = await Promise.all(sent);
    return replies.flatMap((reply) => ('stale' in reply ? reply.stale : []))[0];
  }

  #acknowledged(batch: readonly EngineUpdate[], reply: UpdateReply): void {
    if ('stale' in reply) return;
    for (const [index, update] of batch.entries()) {
      this.#kept.acknowledge(update);
      const epoch = reply.epochs[index] ?? update.epoch;
      // The engine knows of resets that this node has not heard of.
      if (epoch > update.epoch) this.#register.merge(update.namespace, { cursor: update.cursor, epoch });
    }
  }

  async #sendKept(link: EngineLink, beforeMs: number): Promise<void> {
    const due = this.#kept.take(beforeMs, this.parts.clock.nowMs);
    await this.#send(link, due, 'late');
  }

  #missingIn(engine: ReadonlyMap<string, ClusterCursor>): EngineUpdate[] {
    const missing: EngineUpdate[] = [];
    for (const [namespace, value] of this.#register.entries()) {
      const other = engine.get(namespace);
      const theirs = other && ranked(other);
      if (theirs !== undefined && !isAfter(value, theirs)) continue;
      if (this.#kept.get(namespace) !== undefined) continue;
      missing.push({ namespace, cursor: value.cursor, epoch: value.epoch, kind: 'merge' });
    }
    return missing;
  }

  #count(namespace: string, count: number): void {
    if (count === 0) this.#counts.delete(namespace);
    else this.#counts.set(namespace, count);
  }
}
