import { formatAmount, formatCount, formatDuration } from '../../protocol/units.js';
import { metricText, valueText } from '../verdict/metric-text.js';
import { METRICS } from '../verdict/metrics.js';
import type { JsonResult } from './schema.js';
import { shorten } from './terminal-layout.js';

// What the formats for people show in tables: the same rows, whatever they are written in.

type Cohort = JsonResult['total']['cohorts'][number];

type Expectation = JsonResult['expectations'][number];

/** What became of a rule. It can be not measurable whether or not that is a failure. */
export type Standing = 'held' | 'failed' | 'not measurable' | 'not reached';

export function standingOf({ passed, notMeasurable, notReached }: Expectation): Standing {
  if (notMeasurable !== undefined) return 'not measurable';
  return passed ? 'held' : notReached === true ? 'not reached' : 'failed';
}

/** Rules are marked by a sign as well as a color: half of all logs have no colors. */
export const SIGNS: Readonly<Record<Standing, string>> = {
  held: '✓',
  failed: '✗',
  'not measurable': '–',
  'not reached': '–',
};

/** Whether a rule did not hold: one that is not measurable only with `--strict`. */
export function hasFailed(expectation: Expectation): boolean {
  return !expectation.passed && standingOf(expectation) !== 'not reached';
}

/** How many rules held, and how many are not measurable: `14 of 16 expectations held, 1 not measurable`. */
export function heldText({ expectations }: JsonResult, held = 'held'): string {
  const count = (standing: Standing) => expectations.filter((one) => standingOf(one) === standing).length;
  const unmeasured = count('not measurable');
  const rest = unmeasured === 0 ? '' : `, ${unmeasured} not measurable`;
  return `${count('held')} of ${expectations.length} expectations ${held}${rest}`;
}

/** What to say behind a rule that is not one of the scenario about the whole run. */
export function scopeText({ phase, implicit }: Expectation): string | undefined {
  return implicit === true ? 'implicit' : phase;
}

/** A value may be as long as a whole scenario. */
const MAX_VALUE_LENGTH = 80;

/** What `--set` has changed, in words; `show` makes a text of somebody a part of them. */
export function changesText({ scenario }: JsonResult, show: (text: string) => string): string | undefined {
  if (scenario.changes.length === 0) return undefined;
  const written = (text: string) => (text === '' ? 'empty' : show(shorten(text, MAX_VALUE_LENGTH)));
  const said = scenario.changes.map(({ path, value, before }) => {
    const file = before === undefined ? 'the file does not set it' : `the file has ${written(before)}`;
    return `${show(path)} is ${written(value)} (${file})`;
  });
  return `This run changed the scenario: ${said.join('; ')}`;
}

/** Something that became of connections of a cohort. */
export interface OutcomeRow {
  readonly outcome: string;
  readonly count: number;
  /** The metric that counts it, and what stands in its brackets. */
  readonly metric: string;
  readonly key?: string;
}

/** Everything that became of the connections of a cohort. */
export function outcomesOf(cohort: Cohort): OutcomeRow[] {
  const { accepted, open, counters, closed, rejected, errors } = cohort;
  const keyed = (metric: string, counts: Readonly<Record<string, number>>, before = '') =>
    // An object has keys that look like a number first, wherever they were put.
    Object.entries(counts)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, count]) => ({ outcome: `${before}${key}`, count, metric, key }));
  const counted = (metric: string, outcome: string, count = 0) =>
    count > 0 ? [{ outcome, count, metric }] : [];
  return [
    ...((counters.attempts ?? 0) > 0 ? [{ outcome: 'accepted', count: accepted, metric: 'accepted' }] : []),
    ...keyed('closed', closed, 'closed '),
    ...keyed('rejected', rejected, 'HTTP '),
    ...keyed('errors', errors),
    ...counted('timeouts', 'handshake timeout', counters.timeouts),
    ...counted('left', 'left by themselves', counters.left),
    ...counted('gone', 'gone without a word', goneOf(cohort)),
    ...counted('open', 'open at the end', open),
  ];
}

/** Half-open clients go dead of their own accord, which nothing counts: those that nothing else became of. */
function goneOf({ behavior, open, counters, closed }: Cohort): number {
  if (behavior !== 'half-open') return 0;
  const ended = Object.values(closed).reduce((sum, count) => sum + count, counters.left ?? 0);
  return (counters.opened ?? 0) - ended - open;
}

/** Of how many clients those that were accepted are; one that connects more than once is accepted as often. */
export function acceptedBy({ clients, counters }: Cohort): string {
  return (counters.attempts ?? 0) > clients
    ? `times, by ${formatAmount(clients, 'client')}`
    : `of ${formatCount(clients)}`;
}

/** Counters of deliveries, and how they are called where there is little room. */
const DELIVERIES = {
  expected: 'expected',
  received: 'received',
  lost: 'lost',
  duplicated: 'dupl.',
  reordered: 'reord.',
  leaked: 'leaked',
  foreign: 'foreign',
  conflated: 'confl.',
} as const;

export const DELIVERY_NAMES: readonly string[] = Object.keys(DELIVERIES);
export const SHORT_DELIVERY_NAMES: readonly string[] = Object.values(DELIVERIES);

/** What a cohort had to get and got; a bad number is one that no server should have above 0. */
export interface DeliveryRow {
  readonly cohort: string;
  readonly counts: readonly { readonly value: number; readonly isBad: boolean }[];
}

/** A row for each cohort that had something to get, or got something. */
export function deliveriesOf({ total }: JsonResult): DeliveryRow[] {
  const good = ['expected', 'received', 'conflated'];
  return total.cohorts
    .filter(({ counters }) => DELIVERY_NAMES.some((name) => (counters[name] ?? 0) > 0))
    .map(({ name: cohort, counters }) => ({
      cohort,
      counts: DELIVERY_NAMES.map((name) => {
        const value = counters[name] ?? 0;
        return { value, isBad: value > 0 && !good.includes(name) };
      }),
    }));
}

/**
 * What was received beyond what was expected, in a sentence; `undefined` for nothing. A cursor that came twice, to the
 * wrong client, or after it had been given up is counted for itself.
 */
export function inFlightText({ total }: JsonResult): string | undefined {
  const inFlight = total.cohorts.reduce((sum, { counters }) => {
    const of = (name: string) => counters[name] ?? 0;
    const inTime = of('expected') - of('lost') - of('conflated');
    const once = of('received') - of('duplicated') - of('leaked') - of('late');
    return sum + Math.max(0, once - inTime);
  }, 0);
  if (inFlight === 0) return undefined;
  const were = inFlight === 1 ? 'delivery was' : 'deliveries were';
  return `${formatCount(inFlight)} ${were} received but not expected: in flight while a client joined or left, when nobody can say whether it has to get them.`;
}

/** Most kinds of messages that a report lists; there may be several for each of a thousand cohorts. */
const MAX_MESSAGE_KINDS = 20;

/** Messages that are not cursors, in words: of each cohort and kind how many came, and the first. */
export function otherMessagesOf({ total }: JsonResult): string[] {
  const all = total.cohorts.flatMap(({ name, otherMessages = [] }) =>
    otherMessages.map(({ kind, count, first: { atMs, client, namespace, text } }) => {
      const what = text === undefined ? '' : `: ${text}`;
      return `${formatCount(count)} of ${kind} to cohort ${name}; first: at ${formatDuration(atMs)} to client bench-${name}-${client} of ${namespace}${what}`;
    }),
  );
  if (all.length <= MAX_MESSAGE_KINDS) return all;
  const further = formatAmount(all.length - MAX_MESSAGE_KINDS, 'further kind');
  return [...all.slice(0, MAX_MESSAGE_KINDS), `${further}: see the JSON report`];
}

/** Durations by the metric that tells of them: their histogram, and how they are called wherever they are shown. */
const TIMED: Readonly<Record<string, { readonly histogram: string; readonly name: string }>> = {
  handshake: { histogram: 'handshake', name: 'handshake' },
  fanout: { histogram: 'fanout', name: 'fan-out latency' },
  'fanout.skew': { histogram: 'skew', name: 'fan-out skew, first to last' },
  convergence: { histogram: 'convergence', name: 'convergence after last emit' },
  reconnect: { histogram: 'reconnect', name: 'end to reconnected' },
  'heartbeat.interval': { histogram: 'pingInterval', name: 'heartbeat interval' },
  'heartbeat.timeout': { histogram: 'pongTimeout', name: 'heartbeat timeout' },
  'emit.lag': { histogram: 'emitLag', name: 'emitter behind schedule' },
  'api.latency': { histogram: 'apiLatency', name: 'HTTP load: latency' },
};

/** A metric such as `fanout.p99`, taken apart; `undefined` for one that is no statistic of durations. */
export function timedOf(metric: string) {
  const [, base = '', statistic = ''] = /^(.+)\.(min|mean|max|p[\d.]+)$/.exec(metric) ?? [];
  const timed = TIMED[base];
  return timed === undefined ? undefined : { base, statistic, ...timed };
}

export const PERCENTILE_NAMES = ['p50', 'p90', 'p99', 'max'] as const;

export interface TimingRow {
  readonly name: string;
  /** What a rule calls it, less the statistic. */
  readonly metric: string;
  readonly samples: number;
  /** In milliseconds, as {@link PERCENTILE_NAMES} names them; a single sample has no percentiles. */
  readonly values: readonly (number | undefined)[];
}

/** A row for each kind of duration that was measured. */
export function timingsOf({ total }: JsonResult): TimingRow[] {
  return Object.entries(TIMED).flatMap(([metric, { histogram: key, name }]) => {
    const histogram = total.histograms[key];
    if (histogram === undefined) return [];
    const values = PERCENTILE_NAMES.map((one) =>
      histogram.count === 1 && one !== 'max' ? undefined : histogram[one],
    );
    return [{ name, metric, samples: histogram.count, values }];
  });
}

/** A duration in a table. */
export function durationCell(ms: number | undefined): string {
  return ms === undefined ? '–' : formatDuration(ms);
}

/** The value of a metric of all cohorts together, if it has one. */
export function metricOf({ total }: JsonResult, name: string): number | undefined {
  return total.metrics.find((metric) => metric.name === name && !('cohort' in metric) && !('key' in metric))
    ?.value;
}

/** How long all of its runs took. */
export function wholeMs({ durationMs, repeat }: JsonResult): number {
  return repeat === undefined ? durationMs : repeat.runs.reduce((sum, run) => sum + run.durationMs, 0);
}

/** How the runs of a repetition went, in words. */
export function repeatText({ times, runs, shown }: NonNullable<JsonResult['repeat']>): string {
  const passed = runs.filter(({ verdict }) => verdict === 'passed').length;
  const had = runs.length < times ? `${runs.length} of ${times} runs` : formatAmount(times, 'run');
  return `${had}, ${passed} passed; metrics are medians, phases and connections those of run ${shown}`;
}

/** A metric of several runs. */
export interface RepeatRow {
  readonly metric: string;
  readonly median: string;
  readonly low: string;
  readonly high: string;
}

/** A row for each duration, size and rate that is compared, and for each count that was not always the same. */
export function repeatRowsOf({ repeat, total }: JsonResult): RepeatRow[] {
  if (repeat === undefined) return [];
  return total.metrics.flatMap((metric) => {
    const { name, cohort, unit, value, spread, isLeftToChance } = metric;
    const compared = METRICS[name];
    if (spread === undefined || compared === undefined) return [];
    const isMeasure = compared.compared.as === 'cost' || compared.compared.as === 'gain';
    const isOdd =
      (compared.compared.as === 'outcome' || compared.compared.as === 'defect') &&
      compared.perCohort === (cohort !== undefined) &&
      isLeftToChance !== true &&
      spread.low !== spread.high;
    if (isMeasure ? cohort !== undefined : !isOdd) return [];
    const [median, low, high] = [value, spread.low, spread.high].map((one) => valueText(one, unit)) as [
      string,
      string,
      string,
    ];
    return [{ metric: metricText(metric), median, low, high }];
  });
}
