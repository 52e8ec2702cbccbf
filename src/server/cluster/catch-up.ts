import type { ClusterCursor } from '../../backplane/backplane.js';
import { cursorNumber } from '../../protocol/client.js';

/** How often a part of what waits is sent. */
const SLICE_MS = 50;

/**
 * Sends the cursors that were missed while the engine was away, a few clients at a time: each client that hears one pulls
 * at once, and the database should not get all of them in the same moment.
 */
export class CatchUp {
  readonly #waiting = new Map<string, ClusterCursor>();
  #timer: NodeJS.Timeout | undefined;
  /** Clients that may be sent to now. */
  #budget = 0;

  /**
   * @param perSecond clients that are sent to in a second; 0 is no limit.
   * @param deliver sends one cursor; how many clients were handed it.
   */
  constructor(
    private readonly perSecond: number,
    private readonly deliver: (item: ClusterCursor) => number,
  ) {}

  /** Namespaces whose clients have not been sent to yet. */
  get size(): number {
    return this.#waiting.size;
  }

  add(items: readonly ClusterCursor[]): void {
    for (const item of items) {
      // The newest to the end: namespaces are served in the order in which they fell behind.
      this.#waiting.delete(item.namespace);
      this.#waiting.set(item.namespace, item);
    }
    if (this.#timer === undefined) this.#slice();
  }

  /** A cursor is going out to a namespace by itself: what it is not older than need not be sent any more. */
  passedBy(namespace: string, cursor: string): void {
    const item = this.#waiting.get(namespace);
    if (item !== undefined && cursorNumber(cursor) >= cursorNumber(item.cursor))
      this.#waiting.delete(namespace);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #slice(): void {
    this.#timer = undefined;
    const share = this.perSecond === 0 ? Number.POSITIVE_INFINITY : (this.perSecond * SLICE_MS) / 1000;
    // A large namespace is sent to as a whole; the slices after it are shorter by what it took too much.
    this.#budget = Math.min(share, this.#budget + share);
    for (const [namespace, item] of this.#waiting) {
      if (this.#budget <= 0) break;
      this.#waiting.delete(namespace);
      this.#budget -= this.deliver(item);
    }
    if (this.#waiting.size > 0 || this.#budget < share)
      this.#timer = setTimeout(() => this.#slice(), SLICE_MS).unref();
  }
}
