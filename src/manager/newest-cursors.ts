import { cursorNumber } from '../protocol/cursor-order.js';
import { ownCopy } from '../text/own-copy.js';

/** The newest cursor that was broadcast to a namespace. */
export interface NewestCursor {
  readonly cursor: string;
  /** What clients compare it by. */
  readonly number: number;
  /** Serial number of the last client that was there when it was broadcast: those up to it have been handed it. */
  readonly heardUpTo: number;
}

/**
 * The newest cursor of each namespace, of so many namespaces at most: the one that nobody has spoken of for longest
 * makes room for a new one.
 */
export class NewestCursors {
  /** From the one that was used longest ago to the one used last. */
  readonly #byNamespace = new Map<string, NewestCursor>();

  constructor(private readonly maxNamespaces: number) {}

  /** Namespaces whose newest cursor is known. */
  get size(): number {
    return this.#byNamespace.size;
  }

  /** Takes note of a broadcast. An older cursor than the newest, and one that is no number, changes nothing. */
  note(namespace: string, cursor: string, heardUpTo: number): void {
    const number = cursorNumber(cursor);
    const known = this.#byNamespace.get(namespace);
    if (Number.isNaN(number) || (known !== undefined && number < known.number)) return;
    this.#byNamespace.delete(namespace);
    this.#byNamespace.set(ownCopy(namespace), { cursor: ownCopy(cursor), number, heardUpTo });
    if (this.#byNamespace.size <= this.maxNamespaces) return;
    for (const oldest of this.#byNamespace.keys()) {
      this.#byNamespace.delete(oldest);
      return;
    }
  }

  /** The newest cursor of a namespace, which counts as a use of it. */
  get(namespace: string): NewestCursor | undefined {
    const known = this.#byNamespace.get(namespace);
    if (known === undefined) return undefined;
    this.#byNamespace.delete(namespace);
    this.#byNamespace.set(namespace, known);
    return known;
  }
}
