import type { DatafnLogger } from '../../manager/types.js';
import type { CursorItem } from '../http/cursors.js';
import { Deadlines } from '../limits/deadlines.js';
import type { Learned } from './learn.js';

/** What a {@link CursorFeed} works with. */
export interface CursorFeedParts {
  broadcast(item: CursorItem): unknown;
  /** Sends a cursor that was broadcast once more. */
  repeat(item: CursorItem): unknown;
  /** Raises the remembered newest cursor of a namespace. */
  remember(namespace: string, cursor: string): void;
  /** Namespaces that are known; the least recently used is evicted. */
  readonly maxNamespaces: number;
  readonly logger: DatafnLogger;
}

/** DataFn clients drop a cursor that comes while they pull, so the newest is sent once more when there is quiet. */
const REPEAT_MS = 1000;

/** The highest cursor that was broadcast to a namespace, and when it was learned. */
interface Newest {
  readonly cursor: number;
  readonly moment: number;
}

/**
 * Broadcasts what is learned: the newest cursor of a namespace, once in a tick of the event loop, and never one that is lower
 * than one before.
 */
export class CursorFeed {
  /** The least recently used first. */
  readonly #newest = new Map<string, Newest>();
  readonly #due = new Map<string, CursorItem>();
  /** Repeated when a namespace has been quiet for a while. */
  readonly #repeats: Deadlines<string>;
  #moment = 0;
  #isScheduled = false;
  #hasSeenRestart = false;

  constructor(private readonly parts: CursorFeedParts) {
    this.#repeats = new Deadlines(REPEAT_MS, (namespace) => this.#repeat(namespace));
  }

  /** Counts up with what is learned; a request notes it when it comes in. */
  get moment(): number {
    return this.#moment;
  }

  /** @param since the {@link moment} at which the request came in. */
  learned(namespace: string, { cursor, isNews, isFresh }: Learned, since: number): void {
    if (!isNews) {
      this.parts.remember(namespace, String(cursor));
      return;
    }
    const known = this.#newest.get(namespace);
    // Responses overtake each other, so a lower cursor is an older one. But the cursor of a push that began when this one
    // was known must be higher, unless the backend has begun to count anew.
    const hasRestarted = isFresh && known !== undefined && cursor < known.cursor && since >= known.moment;
    if (known !== undefined && cursor <= known.cursor && !hasRestarted) return;
    this.#moment += 1;
    this.#newest.delete(namespace);
    this.#newest.set(namespace, { cursor, moment: this.#moment });
    if (this.#newest.size > this.parts.maxNamespaces) {
      for (const oldest of this.#newest.keys()) {
        this.#newest.delete(oldest);
        break;
      }
    }
    if (hasRestarted) this.#sawRestart();
    // In the order in which the namespaces changed first.
    const reset = hasRestarted || this.#due.get(namespace)?.reset;
    this.#due.set(namespace, { namespace, cursor: String(cursor), ...(reset ? { reset: true } : {}) });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const due = [...this.#due.values()];
    this.#due.clear();
    for (const item of due) {
      this.parts.broadcast(item);
      // From the last one on.
      this.#repeats.delete(item.namespace);
      this.#repeats.add(item.namespace);
    }
  };

  /** Repeats nothing more. */
  stop(): void {
    this.#repeats.clear();
  }

  #repeat(namespace: string): void {
    const known = this.#newest.get(namespace);
    if (known !== undefined) this.parts.repeat({ namespace, cursor: String(known.cursor) });
  }

  #sawRestart(): void {
    if (this.#hasSeenRestart) return;
    this.#hasSeenRestart = true;
    this.parts.logger.warn(
      'The backend counts its cursors anew from a lower one: clients that know a higher one do not pull until it is passed',
    );
  }
}
