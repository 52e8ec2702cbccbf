import type { JsonResult } from './schema.js';

// What the formats for people show in tables: the same rows, whatever they are written in.

type Cohort = JsonResult['total']['cohorts'][number];

/** Something that became of connections of a cohort. */
export interface OutcomeRow {
  readonly outcome: string;
  readonly count: number;
  /** The metric that counts it, and what stands in its brackets. */
  readonly metric: string;
  readonly key?: string;
}

/** Everything that became of the connections of a cohort. */
export function outcomesOf({ accepted, open, counters, closed, rejected, errors }: Cohort): OutcomeRow[] {
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
    ...counted('open', 'open at the end', open),
  ];
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

/** Durations by the name of their histogram, and how they are called. */
const TIMED = {
  handshake: 'handshake',
  fanout: 'fan-out latency',
  skew: 'fan-out skew, first to last',
  convergence: 'convergence after last emit',
  reconnect: 'end to reconnected',
  pingInterval: 'heartbeat: ping to ping',
  pongTimeout: 'heartbeat: ping to 1001',
  emitLag: 'emitter behind schedule',
  apiLatency: 'HTTP load: latency',
} as const;

export const PERCENTILE_NAMES = ['p50', 'p90', 'p99', 'max'] as const;

export interface TimingRow {
  readonly name: string;
  readonly samples: number;
  /** In milliseconds, as {@link PERCENTILE_NAMES} names them. */
  readonly values: readonly number[];
}

/** A row for each kind of duration that was measured. */
export function timingsOf({ total }: JsonResult): TimingRow[] {
  return Object.entries(TIMED).flatMap(([key, name]) => {
    const histogram = total.histograms[key];
    if (histogram === undefined) return [];
    return [{ name, samples: histogram.count, values: PERCENTILE_NAMES.map((one) => histogram[one]) }];
  });
}

/** The value of a metric of all cohorts together, if it has one. */
export function metricOf({ total }: JsonResult, name: string): number | undefined {
  return total.metrics.find((metric) => metric.name === name && !('cohort' in metric) && !('key' in metric))
    ?.value;
}
