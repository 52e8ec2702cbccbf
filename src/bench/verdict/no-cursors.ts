import { formatAmount, formatCount } from '../../text/units.js';
import type { Measurements } from '../measure/measurements.js';
import { scopeOf } from './metric-kinds.js';

/** Kinds of messages that are named. */
const MAX_KINDS = 3;

/** Returns what arrived in place of cursors, where not a single cursor did; else `undefined`. */
export function insteadOfCursors(measurements: Measurements): string | undefined {
  const { counters, otherMessages } = scopeOf(measurements, undefined).tally;
  const kinds = otherMessages.entries();
  if (counters.expected === 0 || counters.received + counters.foreign > 0 || kinds.length === 0)
    return undefined;
  const named = kinds.slice(0, MAX_KINDS).map(({ kind, count, first: { text } }) => {
    const example = text === undefined ? '' : `, such as ${text}`;
    return `${formatCount(count)} of ${kind}${example}`;
  });
  const more =
    kinds.length > MAX_KINDS ? `; and ${formatAmount(kinds.length - MAX_KINDS, 'other kind')}` : '';
  return `Nothing that arrived is a cursor, though ${formatAmount(counters.expected, 'delivery', 'deliveries')} had to arrive. What arrived: ${named.join('; ')}${more}. A client takes JSON with "type":"cursor" and a "cursor" for one`;
}
