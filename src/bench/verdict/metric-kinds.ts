import { formatCount, formatDuration, formatSize } from '../../text/units.js';
import type { Histogram } from '../measure/histogram.js';
import type { CohortMeasurement, Measurements, ServerMeasurement } from '../measure/measurements.js';
import { type CounterName, type Counts, type HistogramName, Tally } from '../measure/tally.js';

/** The meaning of a metric's number, which decides the units that a rule may give. */
export type MetricKind = 'count' | 'duration' | 'rate' | 'size';

/** What a metric is read from: one cohort, or all of them added up. */
export interface MetricScope {
  readonly cohorts: readonly CohortMeasurement[];
  readonly tally: Tally;
  readonly all: Measurements;
}

/** What a metric is counted by. */
export type KeyKind = 'close codes' | 'HTTP statuses' | 'error codes' | 'reasons';

/** A part of a scenario that makes a count differ between two runs of the same code; see `isNondeterministic`. */
export type Chance =
  /** Clients that come and go on their own. */
  | 'comings'
  /** A time without a server. */
  | 'downtime'
  /** Emits that may fail. */
  | 'failing-emits'
  /** That things take time. Every scenario has it. */
  | 'timing';

/** How a metric of two runs is compared. */
export type Compared =
  /** What became of clients and server. The scenario decides it, so any change is a regression. */
  | { readonly as: 'outcome'; readonly unless: readonly Chance[] }
  /** What must not happen: more is worse, less is better. */
  | { readonly as: 'defect'; readonly unless: readonly Chance[] }
  /** Less (or more) is better. A change counts when it exceeds both a share and an amount in its unit. */
  | { readonly as: 'cost' | 'gain'; readonly share: number; readonly amount: number }
  /** Not compared: the amount of work, what depends on chance, or another view of a compared metric. */
  | { readonly as: 'nothing' };

export const NOTHING: Compared = { as: 'nothing' };
export const outcome = (...unless: readonly Chance[]): Compared => ({ as: 'outcome', unless });
export const defect = (...unless: readonly Chance[]): Compared => ({ as: 'defect', unless });
/** A change of a fifth is reported if it also exceeds `amount`. */
export const cost = (amount: number): Compared => ({ as: 'cost', share: 0.2, amount });
export const gain = (amount: number): Compared => ({ as: 'gain', share: 0.2, amount });
export const TIME = cost(10);
export const MEMORY = cost(8 * 1024 ** 2);

export interface Metric {
  readonly kind: MetricKind;
  readonly summary: string;
  readonly compared: Compared;
  /** Whether a rule can name a cohort, as in `hot.accepted`. */
  readonly perCohort: boolean;
  /** Which of the server's statistics it is. */
  readonly statistic?: keyof ServerMeasurement;
  /** What may stand in brackets behind it. */
  readonly keys?: KeyKind;
  /** The value, in milliseconds for a duration; `undefined` without samples. */
  read(scope: MetricScope, key: string | undefined): number | undefined;
  /** The range that certainly holds the value, where bench itself may have been late to read something. */
  doubt?(scope: MetricScope): { readonly low: number; readonly high: number } | undefined;
  /** Every key that a rule can put in brackets, with its value. */
  keyed?(scope: MetricScope): readonly (readonly [string, number])[];
}

/** Statistics of a histogram that a rule can name. */
const STATISTICS: Readonly<Record<string, (histogram: Histogram) => number | undefined>> = {
  min: (histogram) => histogram.minMs,
  mean: (histogram) => histogram.meanMs,
  max: (histogram) => histogram.maxMs,
  p50: (histogram) => histogram.percentileMs(50),
  p90: (histogram) => histogram.percentileMs(90),
  p95: (histogram) => histogram.percentileMs(95),
  p99: (histogram) => histogram.percentileMs(99),
  'p99.9': (histogram) => histogram.percentileMs(99.9),
};

/** Statistics that are compared: one of the usual case and one of the worst, but no extreme. */
const COMPARED_STATISTICS = ['p50', 'p99'];

type Condition = (scope: MetricScope, value: number) => number | undefined;

const wereTried: Condition = ({ tally }, value) => (tally.counters.attempts === 0 ? undefined : value);
/** For what can become of a connection in a phase that did not open it. */
export const wereThere: Condition = ({ tally, cohorts }, value) =>
  tally.counters.attempts +
    tally.counters.disconnected +
    tally.closed.total +
    sum(cohorts, ({ open }) => open) ===
  0
    ? undefined
    : value;
export const wereExpected: Condition = ({ tally }, value) =>
  tally.counters.expected === 0 ? undefined : value;
export const wereSent: Condition = ({ tally }, value) =>
  tally.counters.expected + tally.counters.received === 0 ? undefined : value;
export const wereChanges: Condition = ({ tally }, value) =>
  tally.counters.changesOwed === 0 ? undefined : value;
export const pulled: Condition = ({ tally }, value) => (tally.counters.pulls === 0 ? undefined : value);
/** A server that never pings gets no credit for having no heartbeat failures; failures count all the same. */
export const werePinged: Condition = ({ tally }, value) =>
  tally.counters.pings === 0 && value === 0 ? undefined : value;

/** A count that can be asked of one cohort. */
export function counted(
  summary: string,
  compared: Compared,
  read: (scope: MetricScope) => number,
  when = wereTried,
): Metric {
  return {
    kind: 'count',
    summary,
    compared,
    perCohort: true,
    read: (scope) => when(scope, read(scope)),
  };
}

export function counter(name: CounterName, summary: string, compared: Compared, when = wereTried): Metric {
  return counted(summary, compared, ({ tally }) => tally.counters[name], when);
}

export function ledger(
  name: 'closed' | 'rejected' | 'errors' | 'pullFailures',
  keys: KeyKind,
  summary: string,
  compared: Compared,
  when = wereTried,
): Metric {
  return {
    ...counted(summary, compared, ({ tally }) => tally[name].total, when),
    keys,
    read: (scope, key) =>
      when(scope, key === undefined ? scope.tally[name].total : countOf(scope.tally[name], key)),
    keyed: ({ tally }) => tally[name].entries(),
  };
}

/** Entries of a ledger under a code, or under a code and a reason. */
function countOf(entries: Counts, key: string): number {
  return entries
    .entries()
    .filter(([entry]) => entry === key || (!key.includes(' ') && entry.startsWith(`${key} `)))
    .reduce((total, [, count]) => total + count, 0);
}

/** A metric for each statistic of a kind of durations. */
export function durations(
  name: string,
  summary: string,
  compared: Compared,
  read: HistogramName | ((all: Measurements) => Histogram),
  doubt?: { readonly least: HistogramName; readonly most: HistogramName },
): Readonly<Record<string, Metric>> {
  const isOfAll = typeof read === 'function';
  const histogramOf = ({ all, tally }: MetricScope) => (isOfAll ? read(all) : tally.histograms[read]);
  const metrics = Object.entries(STATISTICS).map(([statistic, of]): [string, Metric] => [
    `${name}.${statistic}`,
    {
      kind: 'duration',
      summary: `${summary}: ${statistic}.`,
      perCohort: !isOfAll,
      compared: COMPARED_STATISTICS.includes(statistic) ? compared : NOTHING,
      read: (scope) => of(histogramOf(scope)),
      ...(doubt === undefined
        ? {}
        : {
            doubt: ({ tally: { histograms } }) => {
              const [low, high] = [of(histograms[doubt.least]), of(histograms[doubt.most])];
              return low === undefined || high === undefined ? undefined : { low, high };
            },
          }),
    },
  ]);
  return Object.fromEntries(metrics);
}

/** A statistic that the server reports. */
const ofServer =
  (kind: MetricKind) =>
  (name: Exclude<keyof ServerMeasurement, 'closed'>, summary: string, compared: Compared): Metric => ({
    ...{ kind, summary, perCohort: false, compared, statistic: name },
    read: ({ all }) => all.server[name],
  });

export const serverCount = ofServer('count');
export const serverTime = ofServer('duration');
export const serverSize = ofServer('size');

/** A count of the whole run; without a sample while `samples` is 0. */
export function whole(
  summary: string,
  compared: Compared,
  value: (all: Measurements) => number,
  samples: (all: Measurements) => number,
): Metric {
  return {
    kind: 'count',
    summary,
    compared,
    perCohort: false,
    read: ({ all }) => (samples(all) === 0 ? undefined : value(all)),
  };
}

export function sum(
  cohorts: readonly CohortMeasurement[],
  of: (cohort: CohortMeasurement) => number,
): number {
  return cohorts.reduce((total, cohort) => total + of(cohort), 0);
}

/** The scope of a cohort, or of all when none is named. */
export function scopeOf(all: Measurements, cohort: string | undefined): MetricScope {
  const cohorts = cohort === undefined ? all.cohorts : all.cohorts.filter(({ name }) => name === cohort);
  const [only] = cohorts;
  if (only !== undefined && cohorts.length === 1) return { cohorts, tally: only.tally, all };
  const tally = new Tally();
  for (const one of cohorts) tally.add(one.tally);
  return { cohorts, tally, all };
}

/** A metric as a rule names it: of one cohort or of all, with what stands in its brackets. */
export interface MetricName {
  readonly name: string;
  readonly cohort?: string | undefined;
  readonly key?: string | undefined;
}

/** The unit of a metric in a report. */
export type MetricUnit = 'count' | 'ms' | 'per second' | 'bytes';

/** A metric as a scenario writes it: `hot.closed[4503 "Connection limit reached"]`. */
export function metricText({ name, cohort, key }: MetricName): string {
  const path = cohort === undefined ? name : `${cohort}.${name}`;
  if (key === undefined) return path;
  const blank = key.indexOf(' ');
  return blank < 0 ? `${path}[${key}]` : `${path}[${key.slice(0, blank)} "${key.slice(blank + 1)}"]`;
}

/** A value for people, with its unit. */
export function valueText(value: number, unit: MetricUnit): string {
  switch (unit) {
    case 'ms':
      return formatDuration(value);
    case 'bytes':
      return formatSize(value);
    case 'per second':
      return `${formatCount(value)}/s`;
    case 'count':
      return formatCount(value);
  }
}
