import type { Measurements, ServerMeasurement } from '../measure/measurements.js';
import { METRICS } from './metrics.js';
import { judge, type Outcome, type Rule } from './rule.js';

/** What a target can be asked, and what not. */
export interface Measurable {
  /** Why its servers say nothing about a measurement; `undefined` when they do. */
  whyNotMeasured(what: keyof ServerMeasurement): string | undefined;
  /** Whether its servers have the settings of `datafn-ws serve`. */
  readonly hasOurSettings: boolean;
}

/** A cohort, as far as what it sends is known. */
interface Sender {
  readonly name: string;
  readonly behavior: string;
  readonly settings: { readonly kinds: readonly string[] };
}

/** The message that oversized clients send is just larger than the default of this setting. */
const MESSAGE_LIMIT = 'maxMessageSize: 64KiB';

/** As {@link judge}; a rule that says nothing about such a target does not fail, unless `isStrict`. */
export function judgeOn(
  target: Measurable,
  rule: Rule,
  measurements: Measurements,
  cohorts: readonly Sender[],
  isStrict: boolean,
): Outcome {
  const outcome = judge(rule, measurements);
  const why = whyNotMeasurable(rule, outcome, cohorts, target);
  if (why === undefined) return outcome;
  return { passed: !isStrict, actual: undefined, shown: 'not measurable', notMeasurable: why };
}

function whyNotMeasurable(
  rule: Rule,
  { actual }: Outcome,
  cohorts: readonly Sender[],
  target: Measurable,
): string | undefined {
  const statistic = METRICS[rule.metric]?.statistic;
  if (statistic !== undefined) return target.whyNotMeasured(statistic);
  // DataFn has no limit for a message: a server without one is as right as ours.
  const asksForMessageLimit =
    rule.metric === 'closed' &&
    rule.key?.split(' ')[0] === '1009' &&
    rule.operator === '==' &&
    rule.value > 0;
  const isWithoutLimit = asksForMessageLimit && !target.hasOurSettings && actual === 0;
  return isWithoutLimit && sendOversized(cohorts, rule.cohort)
    ? `it asks for the setting ${MESSAGE_LIMIT} of datafn-ws serve, and the server takes larger messages`
    : undefined;
}

function sendOversized(cohorts: readonly Sender[], name: string | undefined): boolean {
  return cohorts.some(
    (cohort) =>
      (name === undefined || cohort.name === name) &&
      cohort.behavior === 'malformed' &&
      cohort.settings.kinds.includes('oversized'),
  );
}
