import { cursorNumber } from '../protocol/client.js';
import { ownCopy } from '../text/own-copy.js';

/** A cursor as nodes compare it. */
export interface RankedCursor {
  readonly cursor: string;
  /** Counts the resets of the namespace; begins at 0. */
  readonly epoch: number;
}

/** What a register knows of a namespace. */
export interface RegisterValue extends RankedCursor {
  /** What clients compare the cursor by. */
  readonly number: number;
}

/**
 * Whether `one` is newer than `other`: by epoch, then by number, then by text. The text is compared byte by byte in
 * UTF-8, as the scripts in the engine do it, so that all nodes agree on one of two cursors with the same number.
 */
export function isAfter(one: RegisterValue, other: RegisterValue): boolean {
  if (one.epoch !== other.epoch) return one.epoch > other.epoch;
  if (one.number !== other.number) return one.number > other.number;
  if (one.cursor === other.cursor) return false;
  return Buffer.compare(Buffer.from(one.cursor), Buffer.from(other.cursor)) > 0;
}

/** A cursor with its number; `undefined` for a cursor that is no number, which is never the newest. */
export function ranked({ cursor, epoch }: RankedCursor): RegisterValue | undefined {
  const number = cursorNumber(cursor);
  return Number.isNaN(number) ? undefined : { cursor, epoch, number };
}

/**
 * The newest cursor of each namespace. Merging takes the greater of two, so it does not matter how often, or in which
 * order, a cursor is merged: registers that have merged the same cursors are equal.
 */
export class CursorRegister {
  /** The least recently changed first. */
  readonly #values = new Map<string, RegisterValue>();

  /** @param maxNamespaces how many are kept; the one that has not changed for longest is evicted. */
  constructor(private readonly maxNamespaces: number) {}

  get size(): number {
    return this.#values.size;
  }

  get(namespace: string): RegisterValue | undefined {
    return this.#values.get(namespace);
  }

  entries(): IterableIterator<[namespace: string, value: RegisterValue]> {
    return this.#values.entries();
  }

  /** Takes a cursor in. Returns whether it is newer than what was known of its namespace. */
  merge(namespace: string, cursor: RankedCursor): boolean {
    const value = ranked(cursor);
    const known = this.#values.get(namespace);
    if (value === undefined || (known !== undefined && !isAfter(value, known))) return false;
    this.#values.delete(namespace);
    this.#values.set(ownCopy(namespace), { ...value, cursor: ownCopy(value.cursor) });
    if (this.#values.size > this.maxNamespaces) this.#evict();
    return true;
  }

  #evict(): void {
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }
}
