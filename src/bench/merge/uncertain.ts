import { formatDuration } from '../../text/units.js';
import type { Measurements } from '../measure/measurements.js';
import { judge, type Outcome, type Rule } from '../verdict/rule.js';

/** Durations from a time on one machine to a time on another. All others begin and end on the same one. */
const ACROSS = /^(?:fanout\.|convergence\.)/;

/**
 * How far a time between two shards may be from the truth: each of their clocks is known to within something.
 *
 * @param each of each shard; `undefined` where its clock is not known.
 * @returns `undefined` when one is not known. 0 for a single shard, whose times are all of one clock.
 */
export function uncertaintyAcross(each: readonly (number | undefined)[]): number | undefined {
  if (each.length < 2) return 0;
  const known = each.flatMap((one) => one ?? []);
  if (known.length < each.length) return undefined;
  const [most = 0, next = 0] = [...known].sort((a, b) => b - a);
  return most + next;
}

/** As {@link judge}; a rule that is finer than the clocks is not judged. */
export function judgeAcross(
  rule: Rule,
  measurements: Measurements,
  uncertaintyMs: number | undefined,
  isStrict: boolean,
): Outcome {
  const outcome = judge(rule, measurements);
  const { actual, shown } = outcome;
  if (uncertaintyMs === 0 || actual === undefined || !ACROSS.test(rule.metric)) return outcome;
  if (uncertaintyMs === undefined)
    return notJudged(
      isStrict,
      'the target does not tell its time (timeMs of GET /v1/stats), so the clocks of the shards cannot be compared',
    );
  const range = `± ${formatDuration(uncertaintyMs)}`;
  if (rule.value < uncertaintyMs)
    return notJudged(
      isStrict,
      `it is finer than the clocks of the shards, which are known to within ${range}`,
    );
  // Whatever the truth is within the range, the rule has to come to the same.
  const holds = [-1, 1].map((sign) => holdsAt(rule, actual + sign * uncertaintyMs));
  if (holds[0] !== holds[1])
    return notJudged(
      isStrict,
      `${shown} ${range} is too close to it: the clocks of the shards are not known any better`,
    );
  return { ...outcome, shown: `${shown} ${range}` };
}

function holdsAt({ operator, value }: Rule, actual: number): boolean {
  return operator.startsWith('<') ? actual <= value : operator.startsWith('>') ? actual >= value : true;
}

function notJudged(isStrict: boolean, why: string): Outcome {
  return { passed: !isStrict, actual: undefined, shown: 'not measurable', notMeasurable: why };
}
