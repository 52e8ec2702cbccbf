import { type Clock, systemClock, type TimerHandle } from '../../manager/clock.js';

/**
 * Entries that have the same time each, from when they were added. One timer serves them all: a map keeps them in the
 * order in which they are due, so it only ever waits for the first.
 */
export class Deadlines<Entry> {
  readonly #dueMs = new Map<Entry, number>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param delayMs how long an entry has; 0 is forever, and entries are only counted then.
   * @param onDue called for an entry whose time is over, which is removed.
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

  delete(entry: Entry): void {
    this.#dueMs.delete(entry);
  }

  /** Stops its timer. For an owner that has ended, when nothing is due any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  clear(): void {
    this.#dueMs.clear();
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

/** How often the time of day is read. It may be set, and a machine that sleeps stops timers, but not time. */
const SWEEP_MS = 1000;
/** Ended in one go; as with pings, what has come in meanwhile is read before the next. */
const SLICE_SIZE = 200;

/** Entries that are over at a time of day of their own, give or take a second. */
export class Expirations<Entry> {
  readonly #atMs = new Map<Entry, number>();
  #timer: TimerHandle | undefined;

  /**
   * @param expire called once for each entry that is over, which is removed. Must not throw.
   * @param now the time of day in milliseconds since 1970.
   */
  constructor(
    private readonly expire: (entry: Entry) => void,
    private readonly clock: Clock = systemClock,
    private readonly now: () => number = Date.now,
  ) {}

  get size(): number {
    return this.#atMs.size;
  }

  add(entry: Entry, atMs: number): void {
    this.#atMs.set(entry, atMs);
    this.#timer ??= this.clock.setTimeout(this.#sweep, SWEEP_MS);
  }

  delete(entry: Entry): void {
    this.#atMs.delete(entry);
  }

  /** Stops its timer. For an owner that has ended, when nothing is due any more. */
  stop(): void {
    this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #sweep = (): void => {
    const nowMs = this.now();
    let left = SLICE_SIZE;
    for (const [entry, atMs] of this.#atMs) {
      if (atMs > nowMs) continue;
      if (left === 0) {
        this.clock.setImmediate(this.#sweep);
        return;
      }
      left -= 1;
      this.#atMs.delete(entry);
      this.expire(entry);
    }
    this.#timer = this.#atMs.size === 0 ? undefined : this.clock.setTimeout(this.#sweep, SWEEP_MS);
  };
}
