import { formatCount, formatDuration } from '../../text/units.js';
import { FAULTS, type Fault, type Sighting } from '../measure/evidence.js';
import type { CohortMeasurement, Measurements } from '../measure/measurements.js';
import type { Rule } from '../verdict/rule.js';

/**
 * For a rule about deliveries that went wrong, or about RFC 6455: of each cohort that had any, how many (of how many),
 * and the first.
 */
export function evidenceFor({ metric, cohort }: Rule, { cohorts }: Measurements): string[] {
  const fault = FAULTS.find((one) => metric === one || metric === `cursors.${one}`);
  if (fault === undefined) return [];
  return cohorts
    .filter(({ name, tally }) => (cohort === undefined || cohort === name) && tally.counters[fault] > 0)
    .map((one) => [shareOf(fault, one), ...firstOf(fault, one)].join('; '));
}

function shareOf(fault: Fault, { name, tally: { counters } }: CohortMeasurement): string {
  if (fault === 'protocolErrors') return `${formatCount(counters[fault])} in cohort ${name}`;
  const { expected, received, foreign } = counters;
  const all = { lost: expected, foreign: received + foreign }[fault as string] ?? received;
  return `${formatCount(counters[fault])} of ${formatCount(all)} deliveries to cohort ${name}`;
}

function firstOf(fault: Fault, { name, tally }: CohortMeasurement): string[] {
  return tally.evidence
    .entries()
    .flatMap(([one, sighting]) => (one === fault ? [`first: ${inWords(fault, sighting, name)}`] : []));
}

function inWords(fault: Fault, sighting: Sighting, cohort: string): string {
  const { atMs, client, namespace, cursor, emittedTo, after, breach } = sighting;
  // As the client calls itself in its hello.
  const who = `client bench-${cohort}-${client} of ${namespace}`;
  const at = formatDuration(atMs);
  const what = cursor === undefined ? 'a cursor too long to be shown' : `cursor ${cursor}`;
  switch (fault) {
    case 'lost':
      return `${who} never got ${what}, due at ${at}`;
    case 'duplicated':
      return `at ${at} ${who} got ${what} again`;
    case 'reordered':
      return `at ${at} ${who} got ${what} after ${after}`;
    case 'leaked':
      return `at ${at} ${who} got ${what}, emitted to ${emittedTo}`;
    case 'foreign':
      return `at ${at} ${who} got ${what}, which bench did not emit`;
    case 'protocolErrors':
      return `at ${at} ${who} got: ${breach}`;
  }
}
