/**
 * Entries that are given the same time each, from when they were added. One timer serves them all: a map keeps them
 * in the order in which they fall due, so it only ever waits for the first.
 */
export class Deadlines<Entry> {
  readonly #dueMs = new Map<Entry, number>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param delayMs how long an entry has; 0 is for ever, and entries are only counted then.
   * @param onDue called for an entry whose time is over. It is no longer among them.
   */
  constructor(
    private readonly delayMs: number,
    private readonly onDue: (entry: Entry) => void,
  ) {}

  get size(): number {
    return this.#dueMs.size;
  }

  /** Gives an entry its time; one that is there already keeps the time it has left. */
  add(entry: Entry): void {
    if (this.#dueMs.has(entry)) return;
    this.#dueMs.set(entry, performance.now() + this.delayMs);
    if (this.#timer === undefined) this.#arm(this.delayMs);
  }

  has(entry: Entry): boolean {
    return this.#dueMs.has(entry);
  }

  delete(entry: Entry): void {
    this.#dueMs.delete(entry);
  }

  #arm(waitMs: number): void {
    if (this.delayMs === 0) return;
    // What it waits for (a socket, as a rule) keeps the process alive, or need not.
    this.#timer = setTimeout(this.#sweep, waitMs).unref();
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    for (const [entry, dueMs] of this.#dueMs) {
      const leftMs = dueMs - performance.now();
      if (leftMs > 0) {
        this.#arm(leftMs);
        return;
      }
      this.#dueMs.delete(entry);
      this.onDue(entry);
    }
  };
}
