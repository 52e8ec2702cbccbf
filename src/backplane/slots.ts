/** What {@link Slots.claim} grants. */
export interface Grant {
  readonly granted: number;
  /** Whether fewer were granted than asked for because of the limit of all clients. It is looked at first. */
  readonly isTotal: boolean;
}

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

  /** Clients of a namespace. */
  in(namespace: string): number {
    return this.#byNamespace.get(namespace)?.total ?? 0;
  }

  /**
   * Sets how many clients of a namespace a holder has. An absolute count, so saying it twice changes nothing.
   *
   * @param limit how many clients of the namespace all holders together may have.
   * @returns as many of `count` as the limits allow, and never less than the holder had, unless it asks for less.
   */
  claim(holder: Holder, namespace: string, count: number, limit: number): Grant {
    const entry = this.#byNamespace.get(namespace) ?? { total: 0, byHolder: new Map<Holder, number>() };
    const had = entry.byHolder.get(holder) ?? 0;
    const roomInAll = Math.max(0, this.maxTotal - this.#total);
    const room = Math.min(roomInAll, Math.max(0, limit - entry.total));
    const granted = Math.min(count, had + room);
    const more = granted - had;
    if (more === 0) return { granted, isTotal: granted < count && room === roomInAll };
    entry.total += more;
    if (granted === 0) entry.byHolder.delete(holder);
    else entry.byHolder.set(holder, granted);
    if (entry.total === 0) this.#byNamespace.delete(namespace);
    else this.#byNamespace.set(namespace, entry);
    this.#count(holder, more);
    return { granted, isTotal: granted < count && room === roomInAll };
  }

  /** Frees everything that a holder has: it is gone, and its clients are gone with it. */
  release(holder: Holder): void {
    for (const [namespace, { byHolder }] of this.#byNamespace)
      if (byHolder.has(holder)) this.claim(holder, namespace, 0, Number.POSITIVE_INFINITY);
    this.#byHolder.delete(holder);
  }

  #count(holder: Holder, more: number): void {
    this.#total += more;
    this.#byHolder.set(holder, this.of(holder) + more);
  }
}
