import type { TimerHandle } from '../manager/clock.js';
import type { NodeClock } from './engine.js';
import type { AskMessage, ReserveMessage, ShareMessage } from './ipc-messages.js';
import { shareOf } from './own-share.js';
import { type Grant, Slots } from './slots.js';

/** A process that takes slots. */
export interface SlotHolder {
  send(message: AskMessage | ShareMessage): void;
}

export interface SharedSlotsOptions {
  /** Clients that all holders together may have. */
  readonly maxConnections: number;
  /** The most holders that there are at a time. */
  readonly workers: number;
  readonly clock: Pick<NodeClock, 'setTimeout' | 'clearTimeout'>;
}

/** What a holder asks for, and who is told how much of it is granted. */
interface Request<Holder> extends Pick<ReserveMessage, 'namespace' | 'count'> {
  readonly holder: Holder;
  readonly limit: number;
  readonly answer: (grant: Grant) => void;
}

/** A limit within which every slot is asked for: that of a namespace, or that of all clients. */
interface Exact<Holder> {
  /** Slots that each holder could take without asking before. */
  readonly share: number;
  /** Holders that may not know yet: each may have taken its share. */
  readonly waitingFor: Set<Holder>;
  /** Requests that wait for those. */
  waiting: Request<Holder>[];
  /** Set while it is worth waiting. */
  deadline: TimerHandle | undefined;
}

/** How long a request waits for holders that do not say what they have. Then it is a client too few, never one too many. */
const ASK_MS = 1000;
/** Slots are shared again when no holder has more than this part of its share. */
const CALM = 0.75;

/**
 * Exact limits over holders that each take a share of the slots without asking. One that needs more asks; from then on all
 * of them ask for each slot of that namespace, or of all namespaces, so that what one leaves unused is there for the others.
 */
export class SharedSlots<Holder extends SlotHolder> {
  readonly #slots: Slots<Holder>;
  readonly #holders = new Set<Holder>();
  /** By namespace; `undefined` is the limit of all clients. */
  readonly #exact = new Map<string | undefined, Exact<Holder>>();
  /** What the holders were told to ask for, by the id of that message. */
  readonly #asked = new Map<number, string | undefined>();
  #lastId = 0;

  constructor(private readonly options: SharedSlotsOptions) {
    this.#slots = new Slots(options.maxConnections);
  }

  /** Clients of all holders, as far as these have told. */
  get total(): number {
    return this.#slots.total;
  }

  /** Namespaces that have a client. */
  get namespaces(): number {
    return this.#slots.namespaces;
  }

  /** Clients of a holder. */
  of(holder: Holder): number {
    return this.#slots.of(holder);
  }

  /** Takes a holder in. What it hears here must come before it takes anything without asking. */
  add(holder: Holder): void {
    this.#holders.add(holder);
    const namespaces = [...this.#exact.keys()].filter((name) => name !== undefined);
    const all = this.#exact.has(undefined);
    if (all || namespaces.length > 0) holder.send({ type: 'ask', namespaces, all });
  }

  /** Frees what a holder has: it is gone, and its clients are gone with it. */
  remove(holder: Holder): void {
    this.#holders.delete(holder);
    this.#slots.release(holder);
    for (const [name, exact] of [...this.#exact]) {
      exact.waiting = exact.waiting.filter((one) => one.holder !== holder);
      exact.waitingFor.delete(holder);
      if (exact.waitingFor.size === 0) this.#settle(name, exact);
    }
  }

  /** What a holder has taken without asking, or given back. */
  held(holder: Holder, counts: readonly (readonly [namespace: string, count: number])[]): void {
    for (const [namespace, count] of counts) {
      this.#slots.set(holder, namespace, count);
      this.#shareIfCalm(namespace);
    }
    this.#shareIfCalm(undefined);
  }

  /** A holder asks from here on, and has told what it has taken before. */
  asking(holder: Holder, id: number): void {
    const name = this.#asked.get(id);
    const exact = this.#asked.has(id) ? this.#exact.get(name) : undefined;
    if (exact?.waitingFor.delete(holder) && exact.waitingFor.size === 0) {
      this.#asked.delete(id);
      this.#settle(name, exact);
    }
  }

  /** Sets how many clients of a namespace a holder has, as far as the limits allow; see `Backplane.reserve`. */
  reserve(
    holder: Holder,
    { namespace, count, limit }: Pick<ReserveMessage, 'namespace' | 'count' | 'limit'>,
    answer: (grant: Grant) => void,
  ): void {
    const request = { holder, namespace, count, limit: limit ?? Number.POSITIVE_INFINITY, answer };
    this.#answer(request);
    this.#shareIfCalm(namespace);
    this.#shareIfCalm(undefined);
  }

  /** Stops every timer. */
  dispose(): void {
    for (const exact of this.#exact.values()) this.#stopWaiting(exact);
  }

  /** Answers a request; first waits for the holders to say what they have, where more could be granted then. */
  #answer(request: Request<Holder>): void {
    const { holder, namespace, count, limit, answer } = request;
    const { maxConnections } = this.options;
    const withheld = {
      namespace: this.#withheld(namespace, limit, holder, (one) => this.#slots.count(one, namespace)),
      all: this.#withheld(undefined, maxConnections, holder, (one) => this.#slots.of(one)),
    };
    const room = this.#slots.room(namespace, limit, withheld);
    const more = count - this.#slots.count(holder, namespace);
    const waitsFor =
      (more > room.namespace && withheld.namespace > 0 && this.#worthWaitingFor(namespace, limit)) ||
      (more > room.all && withheld.all > 0 && this.#worthWaitingFor(undefined, maxConnections));
    if (waitsFor) waitsFor.waiting.push(request);
    else answer(this.#slots.claim(holder, namespace, count, limit, withheld));
  }

  /** Slots that others may have taken without asking, and not told yet. */
  #withheld(
    name: string | undefined,
    limit: number,
    asker: Holder,
    countOf: (holder: Holder) => number,
  ): number {
    if (limit === Number.POSITIVE_INFINITY) return 0;
    const exact = this.#exact.get(name);
    const share = exact?.share ?? shareOf(limit, this.options.workers);
    let withheld = 0;
    // What the one that asks takes without asking meanwhile, it has counted itself.
    for (const holder of exact?.waitingFor ?? this.#holders)
      if (holder !== asker) withheld += Math.max(0, share - countOf(holder));
    return withheld;
  }

  /** Has every slot within a limit asked for from here on; `undefined` when the holders were waited for long enough. */
  #worthWaitingFor(name: string | undefined, limit: number): Exact<Holder> | undefined {
    const known = this.#exact.get(name);
    if (known !== undefined) return known.deadline === undefined ? undefined : known;
    this.#lastId += 1;
    const id = this.#lastId;
    const exact: Exact<Holder> = {
      share: shareOf(limit, this.options.workers),
      waitingFor: new Set(this.#holders),
      waiting: [],
      deadline: this.options.clock.setTimeout(() => this.#answerWaiting(exact), ASK_MS),
    };
    this.#exact.set(name, exact);
    this.#asked.set(id, name);
    for (const holder of this.#holders) holder.send({ type: 'ask', id, ...aboutOf(name) });
    return exact;
  }

  /** All holders have said what they have. */
  #settle(name: string | undefined, exact: Exact<Holder>): void {
    this.#answerWaiting(exact);
    this.#shareIfCalm(name);
  }

  #answerWaiting(exact: Exact<Holder>): void {
    this.#stopWaiting(exact);
    for (const request of exact.waiting.splice(0)) this.#answer(request);
  }

  #stopWaiting(exact: Exact<Holder>): void {
    if (exact.deadline !== undefined) this.options.clock.clearTimeout(exact.deadline);
    exact.deadline = undefined;
  }

  /** Lets the holders take their shares again, where a good part of them is free. */
  #shareIfCalm(name: string | undefined): void {
    const exact = this.#exact.get(name);
    if (exact === undefined || exact.waitingFor.size > 0) return;
    for (const holder of this.#holders) {
      const count = name === undefined ? this.#slots.of(holder) : this.#slots.count(holder, name);
      if (count > exact.share * CALM) return;
    }
    this.#exact.delete(name);
    for (const holder of this.#holders) holder.send({ type: 'share', ...aboutOf(name) });
  }
}

function aboutOf(name: string | undefined): Pick<AskMessage, 'namespaces' | 'all'> {
  return { namespaces: name === undefined ? [] : [name], all: name === undefined };
}
