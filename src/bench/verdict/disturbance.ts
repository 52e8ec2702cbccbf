import { METRICS } from './metrics.js';
import type { Outcome, Rule } from './rule.js';

/** A rule with its text, and what became of it. */
type Judged = Outcome & { readonly expectation: { readonly text: string; readonly rule: Rule } };

/** Where others take more of the machine than this, they may be why something took too long. */
const MUCH = 0.25;

/** Counts of what happens when something takes too long. */
const COUNTS_OF_TIME = ['timeouts', 'heartbeat.killed'];

/**
 * Why a run says nothing of a server that shares its machine with bench: a rule about how long something takes does
 * not hold, and other processes took a good part of the machine meanwhile. What no lack of time explains, such as a
 * leaked cursor, is the server's doing on any machine.
 *
 * @param others share of the machine's CPU time that neither bench nor the server had.
 */
export function disturbance(outcomes: readonly Judged[], others: number): string[] {
  if (others <= MUCH) return [];
  const late = outcomes.find((outcome) => !outcome.passed && isOfTime(outcome));
  if (late === undefined) return [];
  return [
    `The machine is busy: other processes took ${Math.round(others * 100)} % of its CPU, which may be why \`${late.expectation.text}\` does not hold (${late.shown})`,
  ];
}

function isOfTime({ expectation: { rule }, actual }: Judged): boolean {
  if (actual === undefined || actual <= rule.value) return false;
  return METRICS[rule.metric]?.kind === 'duration' || COUNTS_OF_TIME.includes(rule.metric);
}
