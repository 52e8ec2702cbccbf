// How DataFn clients reconnect.

const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
const JITTER_MS = 500;

/**
 * How long a DataFn client waits before its next try: 1 s × 2ⁿ, at most 60 s, and up to 500 ms on top.
 *
 * @param failures tries that have failed since the connection was last open.
 * @param random from [0, 1).
 * @param scale what all of it is multiplied with, to make a test short.
 */
export function backoffMs(failures: number, random: number, scale: number): number {
  return (Math.min(FIRST_MS * 2 ** failures, LONGEST_MS) + random * JITTER_MS) * scale;
}
