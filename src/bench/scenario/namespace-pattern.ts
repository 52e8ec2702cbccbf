import { formatCount } from '../../text/units.js';

const RANGE = /\{(\d+)\.\.(\d+)\}/;
/** More namespaces than this in one pattern are a slip of the pen. */
const MAX_EXPANDED = 200_000;

/**
 * Expands `user:{1..3}` to `user:1`, `user:2`, `user:3`; a text without a range to itself.
 *
 * @returns the names, or what is wrong with the pattern.
 */
export function expandPattern(pattern: string): string[] | string {
  const match = RANGE.exec(pattern);
  if (match === null) return [pattern];
  const [from, to] = [Number(match[1]), Number(match[2])];
  if (from > to) return `expected the range to rise, got {${from}..${to}}`;
  if (to - from >= MAX_EXPANDED)
    return `expected at most ${formatCount(MAX_EXPANDED)} namespaces, got ${formatCount(to - from + 1)}`;
  const [head, tail] = [pattern.slice(0, match.index), pattern.slice(match.index + match[0].length)];
  const names: string[] = [];
  for (let number = from; number <= to; number++) {
    // What is behind it may have a range of its own.
    const expanded = expandPattern(`${head}${number}${tail}`);
    if (typeof expanded === 'string') return expanded;
    names.push(...expanded);
    if (names.length > MAX_EXPANDED)
      return `expected at most ${formatCount(MAX_EXPANDED)} namespaces, got more`;
  }
  return names;
}
