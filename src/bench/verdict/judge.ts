import { formatAmount, formatCount, formatPercent } from '../../text/units.js';
import type { Measurements, ServerMeasurement } from '../measure/measurements.js';
import { scopeOf } from './metric-kinds.js';
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

const DEFERRED: Outcome = {
  passed: true,
  actual: undefined,
  shown: 'judged by datafn-ws merge',
  isDeferred: true,
};

/** As {@link judge}; a rule that says nothing about such a target does not fail, unless `isStrict`. */
export function judgeOn(
  target: Measurable,
  rule: Rule,
  measurements: Measurements,
  cohorts: readonly Sender[],
  isStrict: boolean,
  isShard = false,
): Outcome {
  const outcome = judge(rule, measurements);
  const why = whyNotMeasurable(rule, outcome, cohorts, target);
  if (isShard) return why === undefined ? DEFERRED : { ...DEFERRED, notMeasurable: why };
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
    ? `it requires ${MESSAGE_LIMIT}, as in datafn-ws serve, but this server accepts larger messages`
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

/** A rule with its text and its outcome. */
type Judged = Outcome & { readonly expectation: { readonly text: string; readonly rule: Rule } };

/** Where others take more of the machine than this, they may be why something took too long. */
const MUCH = 0.25;

/** Counts of what happens when something takes too long. */
const COUNTS_OF_TIME = ['timeouts', 'heartbeat.falseTimeouts'];

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
    `The machine is busy: other processes took ${formatPercent(others)} of its CPU, which may be why \`${late.expectation.text}\` does not hold (${late.shown})`,
  ];
}

function isOfTime({ expectation: { rule }, actual }: Judged): boolean {
  if (actual === undefined || actual <= rule.value) return false;
  return METRICS[rule.metric]?.kind === 'duration' || COUNTS_OF_TIME.includes(rule.metric);
}

/** Kinds of messages that are named. */
const MAX_KINDS = 3;

/** What arrived in place of cursors, where not a single cursor did. */
export function insteadOfCursors(measurements: Measurements): string[] {
  const { counters, otherMessages } = scopeOf(measurements, undefined).tally;
  const kinds = otherMessages.entries();
  if (counters.expected === 0 || counters.received + counters.foreign > 0 || kinds.length === 0) return [];
  const named = kinds.slice(0, MAX_KINDS).map(({ kind, count, first: { text } }) => {
    const example = text === undefined ? '' : `, such as ${text}`;
    return `${formatCount(count)} of ${kind}${example}`;
  });
  const more =
    kinds.length > MAX_KINDS ? `; and ${formatAmount(kinds.length - MAX_KINDS, 'other kind')}` : '';
  return [
    `No cursor arrived, but ${formatAmount(counters.expected, 'delivery', 'deliveries')} should have. What arrived: ${named.join('; ')}${more}. Clients recognize a cursor by JSON with "type":"cursor" and a "cursor"`,
  ];
}

/** Errors of this machine, with what would help. The server has no part in them. */
const LOCAL_ERRORS: Readonly<Record<string, string>> = {
  EMFILE:
    'this process has reached its limit of open files: use more --workers, or raise the limit with ulimit -n',
  ENFILE: 'the machine has reached its limit of open files: raise fs.file-max',
  EADDRNOTAVAIL: 'source ports ran out: widen net.ipv4.ip_local_port_range, or use fewer clients',
  ENOBUFS: 'the kernel ran out of memory for sockets: use fewer clients',
};

/** Connections that failed on this machine, and what to do about it. */
export function localErrors({ cohorts }: Measurements): string[] {
  return Object.entries(LOCAL_ERRORS).flatMap(([code, fix]) => {
    const count = cohorts.reduce((total, { tally }) => total + tally.errors.of(code), 0);
    return count === 0 ? [] : [`${count} connections failed here, not at the server, with ${code}: ${fix}`];
  });
}

/** Clients that were closed for a missed heartbeat, perhaps because bench was late to answer it. */
export function doubtfulTimeouts({ cohorts }: Measurements): string[] {
  const count = cohorts.reduce((total, { tally }) => total + tally.counters.falseTimeoutsInDoubt, 0);
  if (count === 0) return [];
  return [
    `The server closed ${formatAmount(count, 'client')} for a missed heartbeat after bench itself may have been too late to answer a ping: the machine is too busy for this scenario`,
  ];
}
