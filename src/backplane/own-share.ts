/**
 * How many of the slots of a limit each of so many processes may take without asking. Together they never exceed the limit.
 */
export function shareOf(limit: number, processes: number): number {
  return Math.floor(limit / processes);
}

/**
 * The slots that a worker has, and those that it may take without asking its primary: a share of each limit. Of a namespace
 * in which another worker needs more than its share, none is taken without asking any more, until it has emptied.
 */
export class OwnShare {
  /** Clients of each namespace, those included that are being asked for. */
  readonly #counts = new Map<string, number>();
  /** Namespaces whose count has changed since it was last told. */
  readonly #untold = new Set<string>();
  /** Namespaces in which every slot is asked for. */
  readonly #exact = new Set<string>();
  /** Whether every slot of all namespaces is asked for. */
  #isExact = false;
  #total = 0;

  constructor(private readonly options: { readonly workers: number; readonly maxConnections: number }) {}

  /**
   * Sets how many clients of a namespace this process has, where it may without asking.
   *
   * @returns false when it must ask; nothing has changed then.
   */
  take(namespace: string, count: number, limit: number): boolean {
    const { workers, maxConnections } = this.options;
    if (this.#isExact || this.#exact.has(namespace)) return false;
    const more = count - this.count(namespace);
    if (more > 0) {
      if (count > shareOf(limit, workers)) return false;
      if (this.#total + more > shareOf(maxConnections, workers)) return false;
    }
    this.set(namespace, count);
    this.#untold.add(namespace);
    return true;
  }

  /** Clients of a namespace. */
  count(namespace: string): number {
    return this.#counts.get(namespace) ?? 0;
  }

  /** Sets a count that the primary knows, or is asked for: what is asked for is not taken without asking meanwhile. */
  set(namespace: string, count: number): void {
    this.#total += count - this.count(namespace);
    if (count === 0) this.#counts.delete(namespace);
    else this.#counts.set(namespace, count);
  }

  /** The counts to tell; they count as told. */
  untold(): [namespace: string, count: number][] {
    const counts = [...this.#untold].map((namespace): [string, number] => [namespace, this.count(namespace)]);
    this.#untold.clear();
    return counts;
  }

  /** @param all whether the limit of all namespaces is meant, too. */
  ask(namespaces: readonly string[], all: boolean): void {
    for (const namespace of namespaces) this.#exact.add(namespace);
    if (all) this.#isExact = true;
  }

  /** Takes {@link ask} back. */
  share(namespaces: readonly string[], all: boolean): void {
    for (const namespace of namespaces) this.#exact.delete(namespace);
    if (all) this.#isExact = false;
  }
}
