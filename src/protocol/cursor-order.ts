import type { Hello } from './messages.js';

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
 * A client with a cursor per resource is behind when any of them is lower: which resource the newest is about is not
 * known here, and one message too many costs less than one too few. One that names no cursor at all shows nothing;
 * one with an empty list of them has nothing yet.
 */
export function isBehind({ cursor, cursors }: Hello, newest: number): boolean {
  if (cursor === undefined && cursors === undefined) return false;
  const held = [...(cursor === undefined ? [] : [cursor]), ...Object.values(cursors ?? {})];
  // Not `<`: what is no number is behind, too.
  return held.length === 0 || held.some((one) => !(cursorNumber(one) >= newest));
}
