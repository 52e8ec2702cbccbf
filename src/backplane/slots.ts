/** What {@link Slots.claim} grants. */
export interface Grant {
  readonly granted: number;
  /** Whether fewer were granted than asked for because of the limit of all clients. It is looked at first. */
  readonly isTotal: boolean;
}

/** Slots that are free, or are not. */
export interface Room {
  /** Of a namespace. */
  readonly namespace: number;
  /** Of all clients. */
  readonly all: number;
}

const NOTHING: Room = { namespace: 0, all: 0 };

/** How many clients each holder, such as a worker, has of each namespace: exact limits over all of them. */
export class Slots<Holder> {
  readonly #byNamespace = new Map<string, { total: number; readonly byHolder: Map<Holder, number> }>();
  readonly #byHolder = new Map<Holder, number>();
  #total = 0;

  /** @param maxTotal how many clients all holders together may have; `Infinity` is no limit. */
  constructor(private readonly maxTotal: number) {}

  /** Clients of all holders. */
  get total(): number {
    return this.#total;
  }

  /** Namespaces that have a client. */
  get namespaces(): number {
    return this.#byNamespace.size;
  }

  /** Clients of a holder. */
  of(holder: Holder): number {
    return this.#byHolder.get(holder) ?? 0;
  }

  /** Clients of a namespace that a holder has. */
  count(holder: Holder, namespace: string): number {
    return this.#byNamespace.get(namespace)?.byHolder.get(holder) ?? 0;
  }

  /** Clients of a namespace. */
  in(namespace: string): number {
    return this.#byNamespace.get(namespace)?.total ?? 0;
  }

  /** Slots that are free within the limits. */
  room(namespace: string, limit: number, withheld: Room = NOTHING): Room {
    return {
      namespace: Math.max(0, limit - this.in(namespace) - withheld.namespace),
      all: Math.max(0, this.maxTotal - this.#total - withheld.all),
    };
  }

  /**
   * Sets how many clients of a namespace a holder has. An absolute count, so saying it twice changes nothing.
   *
   * @param limit how many clients of the namespace all holders together may have.
   * @param withheld slots that are not free, although no holder has them.
   * @returns as many of `count` as the limits allow, and never less than the holder had, unless it asks for less.
   */
  claim(holder: Holder, namespace: string, count: number, limit: number, withheld?: Room): Grant {
    const had = this.count(holder, namespace);
    const room = this.room(namespace, limit, withheld);
    const granted = Math.min(count, had + Math.min(room.all, room.namespace));
    this.set(holder, namespace, granted);
    return { granted, isTotal: granted < count && room.all <= room.namespace };
  }

  /** Sets how many clients of a namespace a holder has, whatever the limits. */
  set(holder: Holder, namespace: string, count: number): void {
    const more = count - this.count(holder, namespace);
    if (more === 0) return;
    const entry = this.#byNamespace.get(namespace) ?? { total: 0, byHolder: new Map<Holder, number>() };
    entry.total += more;
    if (count === 0) entry.byHolder.delete(holder);
    else entry.byHolder.set(holder, count);
    if (entry.total === 0) this.#byNamespace.delete(namespace);
    else this.#byNamespace.set(namespace, entry);
    this.#total += more;
    this.#byHolder.set(holder, this.of(holder) + more);
  }

  /** Frees everything that a holder has: it is gone, and its clients are gone with it. */
  release(holder: Holder): void {
    for (const [namespace, { byHolder }] of this.#byNamespace)
      if (byHolder.has(holder)) this.set(holder, namespace, 0);
    this.#byHolder.delete(holder);
  }
}
