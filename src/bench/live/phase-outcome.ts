import { formatCount } from '../../text/units.js';
import type { PhaseResult } from '../model/result.js';
import { actionsOf } from '../model/scenario.js';
import { kindOf } from '../phases/index.js';

/** What a phase came to, in a few words. */
export function phaseOutcome({ phase, measurements }: PhaseResult): string {
  const tallies = measurements.cohorts.map(({ tally }) => tally);
  const sum = (of: (tally: (typeof tallies)[number]) => number) =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const always = new Set([...actionsOf(phase)].flatMap((action) => kindOf(action).counts ?? []));
  const received = sum(({ counters }) => counters.received);
  // Those that opened, and were then closed with a code that refuses.
  const refused = sum((tally) => tally.counters.opened - tally.accepted);
  const opened = sum(({ counters }) => counters.opened);
  const thenRefused = refused === 0 ? 'opened' : `opened (${formatCount(refused)} then refused)`;
  const parts: [string, number, boolean][] = [
    [thenRefused, opened, always.has('opened')],
    ['refused', opened === 0 ? refused : 0, false],
    ['closed by the server', sum((tally) => tally.closed.total) - refused, false],
    [
      'failed',
      sum(({ errors, rejected, counters }) => errors.total + rejected.total + counters.timeouts),
      false,
    ],
    ['disconnected', sum(({ counters }) => counters.disconnected), always.has('disconnected')],
    ['reconnected', sum(({ counters }) => counters.reconnects), false],
    [received === 1 ? 'delivery' : 'deliveries', received, always.has('deliveries')],
    ['lost', sum(({ counters }) => counters.lost), always.has('lost')],
  ];
  return parts
    .filter(([, count, isAlways]) => isAlways || count > 0)
    .map(([word, count]) => `${formatCount(count)} ${word}`)
    .join(', ');
}
