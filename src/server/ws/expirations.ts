import { type Clock, systemClock, type TimerHandle } from '../../manager/clock.js';

/**
 * The longest that the time of day is not looked at. It may be set, and a machine that sleeps stops timers, not time;
 * and no timer waits longer than 24 days.
 */
const MAX_WAIT_MS = 60_000;

/** Ended in one go; as with pings, what has come in meanwhile is read before the next. */
const SLICE_SIZE = 200;

interface Entry<Item> {
  readonly item: Item;
  readonly atMs: number;
  /** Where it is in the heap. */
  index: number;
}

/**
 * Calls when things are over, each at a time of its own, with one timer for all of them.
 *
 * A binary heap that knows where everything is: adding and removing cost O(log n), so that clients that come and go
 * leave nothing behind until their tokens would have expired.
 */
export class Expirations<Item> {
  readonly #heap: Entry<Item>[] = [];
  readonly #entries = new Map<Item, Entry<Item>>();
  #timer: { readonly handle: TimerHandle; readonly atMs: number } | undefined;
  #sliceIsPending = false;

  /**
   * @param expire called for each that is over, once; it must not throw.
   * @param now the time of day in milliseconds since 1970.
   */
  constructor(
    private readonly expire: (item: Item) => void,
    private readonly clock: Clock = systemClock,
    private readonly now: () => number = Date.now,
  ) {}

  get size(): number {
    return this.#heap.length;
  }

  /** Something that is not here yet is over at `atMs`. */
  add(item: Item, atMs: number): void {
    const entry = { item, atMs, index: this.#heap.length };
    this.#heap.push(entry);
    this.#entries.set(item, entry);
    this.#rise(entry);
    this.#arm();
  }

  /** Something is no longer of interest; what is not here is ignored. */
  remove(item: Item): void {
    const entry = this.#entries.get(item);
    if (entry === undefined) return;
    this.#take(entry);
    if (this.#heap.length === 0) this.#disarm();
  }

  #take(entry: Entry<Item>): void {
    this.#entries.delete(entry.item);
    const last = this.#heap.pop() as Entry<Item>;
    if (last === entry) return;
    this.#place(last, entry.index);
    this.#rise(last);
    this.#sink(last);
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || this.#sliceIsPending) return;
    if (this.#timer !== undefined && this.#timer.atMs <= first.atMs) return;
    this.#disarm();
    const waitMs = Math.min(Math.max(first.atMs - this.now(), 0), MAX_WAIT_MS);
    const handle = this.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#expireSlice();
    }, Math.ceil(waitMs));
    this.#timer = { handle, atMs: first.atMs };
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  #expireSlice(): void {
    this.#sliceIsPending = false;
    const now = this.now();
    for (let count = 0; count < SLICE_SIZE; count++) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > now) {
        this.#arm();
        return;
      }
      this.#take(first);
      this.expire(first.item);
    }
    this.#sliceIsPending = true;
    this.clock.setImmediate(() => this.#expireSlice());
  }

  #place(entry: Entry<Item>, index: number): void {
    entry.index = index;
    this.#heap[index] = entry;
  }

  #rise(entry: Entry<Item>): void {
    while (entry.index > 0) {
      const { index } = entry;
      const above = this.#heap[(index - 1) >> 1] as Entry<Item>;
      if (above.atMs <= entry.atMs) return;
      this.#place(entry, above.index);
      this.#place(above, index);
    }
  }

  #sink(entry: Entry<Item>): void {
    for (;;) {
      const { index } = entry;
      const [left, right] = [this.#heap[2 * index + 1], this.#heap[2 * index + 2]];
      const below = right !== undefined && left !== undefined && right.atMs < left.atMs ? right : left;
      if (below === undefined || entry.atMs <= below.atMs) return;
      this.#place(entry, below.index);
      this.#place(below, index);
    }
  }
}
