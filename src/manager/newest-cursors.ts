import { cursorNumber, isBehind } from '../protocol/client.js';
import type { Hello } from '../protocol/messages.js';
import { ownCopy } from '../text/own-copy.js';

/** What a manager remembers of its broadcasts, for clients that were away. */
export interface CursorMemory {
  /**
   * A cursor was broadcast; `heardUpTo` is the serial number of the last client that was there.
   *
   * @param epoch how often the namespace has been reset; by default as often as is known, and with `next` once more.
   */
  note(namespace: string, cursor: string, heardUpTo: number, epoch?: number | 'next'): void;
  /** The cursor to send to a client whose hello shows that it is behind, else `undefined`. */
  missedBy(hello: Hello, client: { readonly namespace: string; readonly serial: number }): string | undefined;
}

/** The newest cursor that was broadcast to a namespace. */
export interface NewestCursor {
  readonly cursor: string;
  /** What clients compare it by. */
  readonly number: number;
  /** How often the namespace has been reset. A cursor of a later epoch is newer, however low it is. */
  readonly epoch: number;
  /** Serial number of the last client that was there when it was broadcast: those up to it have been handed it. */
  readonly heardUpTo: number;
}

/**
 * The newest cursor of each namespace. A client that comes back need not wait for the next broadcast with it, as it does
 * in the DataFn reference.
 */
export class NewestCursors implements CursorMemory {
  /** The least recently used first. */
  readonly #byNamespace = new Map<string, NewestCursor>();

  /**
   * @param maxNamespaces how many are kept; the least recently used is evicted.
   * @param resumes whether clients that are behind are sent the newest cursor.
   */
  constructor(
    private readonly maxNamespaces: number,
    private readonly resumes: boolean,
  ) {}

  /** Namespaces whose newest cursor is known. */
  get size(): number {
    return this.#byNamespace.size;
  }

  /** An older cursor than the newest, and one that is not a number, changes nothing. */
  note(namespace: string, cursor: string, heardUpTo: number, ofEpoch?: number | 'next'): void {
    const number = cursorNumber(cursor);
    const known = this.#byNamespace.get(namespace);
    const knownEpoch = known?.epoch ?? 0;
    const epoch = ofEpoch === 'next' ? knownEpoch + 1 : (ofEpoch ?? knownEpoch);
    if (Number.isNaN(number) || (known !== undefined && isOlder({ number, epoch }, known))) return;
    this.#byNamespace.delete(namespace);
    this.#byNamespace.set(ownCopy(namespace), { cursor: ownCopy(cursor), number, epoch, heardUpTo });
    if (this.#byNamespace.size <= this.maxNamespaces) return;
    for (const oldest of this.#byNamespace.keys()) {
      this.#byNamespace.delete(oldest);
      return;
    }
  }

  /** The newest cursor of a namespace; to look at it is no use of it. */
  peek(namespace: string): NewestCursor | undefined {
    return this.#byNamespace.get(namespace);
  }

  /** The newest cursor of a namespace, which counts as a use of it. */
  get(namespace: string): NewestCursor | undefined {
    const known = this.#byNamespace.get(namespace);
    if (known === undefined) return undefined;
    this.#byNamespace.delete(namespace);
    this.#byNamespace.set(namespace, known);
    return known;
  }

  /** Forgets the newest cursor of a namespace, or of all. */
  forget(namespace: string | undefined): void {
    if (namespace === undefined) this.#byNamespace.clear();
    else this.#byNamespace.delete(namespace);
  }

  missedBy(hello: Hello, { namespace, serial }: { namespace: string; serial: number }): string | undefined {
    const newest = this.resumes ? this.get(namespace) : undefined;
    // A client that was there when it was broadcast has been sent it, before its hello or since.
    if (newest === undefined || serial <= newest.heardUpTo) return undefined;
    return isBehind(hello, newest.number) ? newest.cursor : undefined;
  }
}

type Rank = Pick<NewestCursor, 'number' | 'epoch'>;

function isOlder(one: Rank, other: Rank): boolean {
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.number < other.number);
}
