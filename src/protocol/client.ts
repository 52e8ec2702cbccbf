import type { Hello } from './messages.js';

// What DataFn clients do: how they read a message and compare cursors.

/** A message that a client takes for a cursor. */
export interface CursorMessage {
  readonly isCursor: true;
  /** What the client makes of the cursor; NaN where it makes nothing of it. */
  readonly cursor: number;
  /** The cursor as it was sent; a JSON number has no digits of its own. */
  readonly text: string | undefined;
}

/** A message that a client ignores. */
export interface OtherMessage {
  readonly isCursor: false;
  /** Messages of one kind are counted together. */
  readonly kind: string;
}

/** Characters of a type that are kept. */
const MAX_TYPE_LENGTH = 40;

/**
 * Reads a text as a DataFn client does: JSON of the type "cursor", with a cursor that `parseInt` reads, a string or a
 * number.
 */
export function readMessage(text: string): CursorMessage | OtherMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return other('text that is not JSON');
  }
  if (typeof value !== 'object' || value === null) return other('JSON that is not an object');
  const { type, cursor } = value as { type?: unknown; cursor?: unknown };
  if (typeof type !== 'string') return other('JSON without a type');
  if (type !== 'cursor') return other(`type ${JSON.stringify(type.slice(0, MAX_TYPE_LENGTH))}`);
  if (!cursor || (typeof cursor !== 'string' && typeof cursor !== 'number'))
    return other('type "cursor" without a cursor');
  return {
    isCursor: true,
    cursor: Number.parseInt(String(cursor), 10),
    text: typeof cursor === 'string' ? cursor : undefined,
  };
}

function other(kind: string): OtherMessage {
  return { isCursor: false, kind };
}

/**
 * What DataFn clients compare cursors by: `parseInt(cursor, 10)`. NaN for one that does not begin with a number; no
 * client takes that for newer than what it has.
 */
export function cursorNumber(cursor: string): number {
  return Number.parseInt(cursor, 10);
}

/**
 * Whether a hello shows that its client has not got as far as the cursor with the number `newest`.
 *
 * The highest of its cursors counts, as it does for the client itself: all resources of a namespace share one sequence,
 * and a client takes no cursor for news that is not beyond it. One that names no cursor at all shows nothing; one with an
 * empty list of them, or without a number in it, has nothing yet.
 */
export function isBehind(hello: Hello, newest: number): boolean {
  if (hello.cursor === undefined && hello.cursors === undefined) return false;
  const highest = highestCursor(hello);
  return highest === undefined || cursorNumber(highest) < newest;
}

/** The highest cursor of a hello, as clients compare them; `undefined` when no cursor is a number. */
export function highestCursor({ cursor, cursors }: Hello): string | undefined {
  let most = cursor === undefined ? Number.NaN : cursorNumber(cursor);
  let highest = Number.isNaN(most) ? undefined : cursor;
  if (cursors === undefined) return highest;
  for (const one of Object.values(cursors)) {
    const number = cursorNumber(one);
    if (number <= most || Number.isNaN(number)) continue;
    most = number;
    highest = one;
  }
  return highest;
}
