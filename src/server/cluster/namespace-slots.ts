import type { Reservation } from '../../backplane/backplane.js';
import { CLOSE, type CloseCode } from '../../protocol/close-codes.js';

/** The slots of one namespace that this process has, and wants. */
interface Slots {
  /** Clients that are admitted, or about to be. */
  taken: number;
  /** What the cluster was last told. */
  told: number;
  isAsking: boolean;
  waiting: ((refusal: CloseCode | undefined) => void)[];
}

/**
 * Slots in the namespaces of a cluster: a client gets one before the manager admits it. One request for a namespace is
 * under way at a time, for all clients that wait, so the counts that it states never overtake each other, and a burst of
 * clients costs one round trip.
 */
export class NamespaceSlots {
  readonly #byNamespace = new Map<string, Slots>();
  #unchecked = 0;

  /**
   * @param reserve asks the cluster for a count of clients; see `Backplane.reserve`.
   * @param take sets a count where the cluster need not be asked; see `Backplane.take`.
   */
  constructor(
    private readonly reserve: (namespace: string, count: number) => Promise<Reservation>,
    private readonly take: (namespace: string, count: number) => boolean = () => false,
  ) {}

  /** Clients admitted so far without the cluster, because its engine was away. */
  get unchecked(): number {
    return this.#unchecked;
  }

  /** Gets a slot that the cluster need not be asked for; it must be released. False where there is none. */
  acquireAtOnce(namespace: string): boolean {
    const slots = this.#byNamespace.get(namespace);
    // First come, first served.
    if (slots?.isAsking || (slots !== undefined && slots.waiting.length > 0)) return false;
    const taken = (slots?.taken ?? 0) + 1;
    if (!this.take(namespace, taken)) return false;
    if (slots === undefined) this.#byNamespace.set(namespace, slotsOf(taken));
    else {
      slots.taken = taken;
      slots.told = taken;
    }
    return true;
  }

  /** Resolves with `undefined` for a slot, which must be released, else with the close to refuse the client with. */
  acquire(namespace: string): Promise<CloseCode | undefined> {
    const slots = this.#byNamespace.get(namespace) ?? slotsOf(0);
    this.#byNamespace.set(namespace, slots);
    return new Promise((resolve) => {
      slots.waiting.push(resolve);
      this.#ask(namespace, slots);
    });
  }

  release(namespace: string): void {
    const slots = this.#byNamespace.get(namespace);
    if (slots === undefined) return;
    slots.taken -= 1;
    this.#ask(namespace, slots);
  }

  #ask(namespace: string, slots: Slots): void {
    if (slots.isAsking) return;
    if (slots.waiting.length === 0 && slots.taken === slots.told) {
      if (slots.taken === 0) this.#byNamespace.delete(namespace);
      return;
    }
    if (slots.waiting.length === 0 && this.take(namespace, slots.taken)) {
      slots.told = slots.taken;
      if (slots.taken === 0) this.#byNamespace.delete(namespace);
      return;
    }
    slots.isAsking = true;
    // Those that come in the same tick are asked for together.
    queueMicrotask(() => void this.#request(namespace, slots));
  }

  async #request(namespace: string, slots: Slots): Promise<void> {
    const waiting = slots.waiting.splice(0);
    const had = slots.taken;
    const { granted, checked, isTotal } = await this.reserve(namespace, had + waiting.length);
    slots.told = granted;
    const admitted = Math.min(waiting.length, Math.max(0, granted - had));
    if (!checked) this.#unchecked += admitted;
    slots.taken += admitted;
    slots.isAsking = false;
    const refusal = isTotal ? CLOSE.connectionLimit : CLOSE.namespaceConnectionLimit;
    for (const [index, settle] of waiting.entries()) settle(index < admitted ? undefined : refusal);
    this.#ask(namespace, slots);
  }
}

function slotsOf(taken: number): Slots {
  return { taken, told: taken, isAsking: false, waiting: [] };
}
