import type { ConnectionInfo } from '../events/events.js';
import { type FaultStage, faultKind } from './kinds.js';
import type { CompleteRule, FaultRule } from './plan.js';

/** How often a rule had a chance to strike, and how often it did. */
export interface RuleCounts {
  readonly seen: number;
  readonly used: number;
  /** Whether it strikes no more: its time is over, or `next` is used up. */
  readonly isOver: boolean;
}

/** What `GET /v1/faults` answers. */
export interface FaultsView {
  readonly seed: number;
  readonly rules: readonly (FaultRule & { readonly counts: RuleCounts })[];
  /** Whether a rule may still strike. */
  readonly isActive: boolean;
}

/** Sets, clears and shows the rules of a server. */
export interface FaultControl {
  /** @throws {DatafnWsError} `ERR_INVALID_OPTION` for a plan that is not valid; nothing is changed then. */
  set(plan: unknown): void;
  clear(): void;
  view(): FaultsView;
}

/** Called when a rule strikes. */
export type UseListener = (fault: CompleteRule['fault'], client: ConnectionInfo | undefined) => void;

/** A rule in force. */
export class ActiveRule {
  readonly stage: FaultStage;
  #seen = 0;
  #used = 0;
  #hasEnded = false;
  readonly #endListeners = new Set<() => void>();

  /** @param random returns numbers from 0 to below 1. */
  constructor(
    readonly rule: CompleteRule,
    private readonly random: () => number,
    private readonly onUse: UseListener,
  ) {
    this.stage = faultKind(rule.fault).stage;
  }

  /** Whether it strikes no more. */
  get isOver(): boolean {
    return this.#hasEnded || this.#used >= this.rule.next;
  }

  /** Whether its time is over. One that is used up may still hold something back. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get view(): FaultRule & { readonly counts: RuleCounts } {
    return { ...this.rule.given, counts: { seen: this.#seen, used: this.#used, isOver: this.isOver } };
  }

  /** Whether it is about a namespace, whatever the client. */
  isAbout(namespace: string | undefined): boolean {
    const { match } = this.rule;
    return match.namespace === undefined || match.namespace === namespace;
  }

  /** Whether it is about a client. */
  matches(namespace: string | undefined, clientId: string | undefined): boolean {
    const { match } = this.rule;
    return this.isAbout(namespace) && (match.clientId === undefined || match.clientId === clientId);
  }

  /** Takes a chance to strike, or lets it pass. A chance that is taken is counted and reported. */
  takes(client?: ConnectionInfo): boolean {
    if (this.isOver) return false;
    const { every, probability, fault } = this.rule;
    this.#seen += 1;
    if (this.#seen % every !== 0) return false;
    if (probability < 1 && this.random() >= probability) return false;
    this.#used += 1;
    this.onUse(fault, client);
    return true;
  }

  /** A time around `delayMs`. */
  delayMs(): number {
    const { delayMs, jitterMs } = this.rule.settings;
    return jitterMs === 0 ? delayMs : Math.max(0, delayMs + (this.random() * 2 - 1) * jitterMs);
  }

  /** In another order, never in the same one. */
  shuffled<Item>(items: readonly Item[]): Item[] {
    const mixed = [...items];
    for (let last = mixed.length - 1; last > 0; last--) {
      const other = Math.floor(this.random() * (last + 1));
      [mixed[last], mixed[other]] = [mixed[other] as Item, mixed[last] as Item];
    }
    const isSame = mixed.every((item, at) => item === items[at]);
    return isSame ? [...mixed.slice(1), ...mixed.slice(0, 1)] : mixed;
  }

  /** Calls back when its time is over. Returns a function that cancels that. */
  whenEnded(listener: () => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  /** Its time is over: what it held back is released. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const listener of this.#endListeners) listener();
    this.#endListeners.clear();
  }
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
