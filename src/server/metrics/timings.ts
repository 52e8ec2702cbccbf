import type { AuthOutcome, ConnectionInfo, ServerEvents } from '../events/events.js';
import { Buckets } from './buckets.js';

/** The series of one histogram: values of its labels, and how often each bucket was hit. */
export interface TimingSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** One more than there are upper bounds: the last is of what exceeds them all. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export type TimingName = keyof typeof TIMINGS;

/** All histograms, as plain data. */
export type TimingCounts = Readonly<Record<TimingName, readonly TimingSeries[]>>;

const FROM_HALF_MS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The histograms: name, help, labels and upper bounds of the buckets, in seconds where the name says so. */
export const TIMINGS = {
  broadcast_duration_seconds: {
    help: 'Time to hand a cursor to all clients of its namespace in one process',
    labels: [],
    bounds: [
      0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
      0.5, 1,
    ],
  },
  broadcast_recipients: {
    help: 'Clients of one process that a cursor was handed to',
    labels: [],
    bounds: [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  },
  pong_duration_seconds: {
    help: 'Time from a ping to the pong of the client',
    labels: [],
    bounds: FROM_HALF_MS,
  },
  auth_duration_seconds: {
    help: 'Time that the namespace provider took, by outcome: granted, refused, failed or timeout',
    labels: ['outcome'],
    bounds: [0.0001, ...FROM_HALF_MS],
  },
  http_request_duration_seconds: {
    help: 'Time from a request of the HTTP API to the end of its response',
    labels: ['route', 'status'],
    bounds: FROM_HALF_MS,
  },
} as const;

const AUTH_OUTCOMES: readonly AuthOutcome[] = ['granted', 'refused', 'failed', 'timeout'];

/** Listens to what takes time, and counts it in histograms. */
export class Timings implements ServerEvents {
  readonly #broadcastDuration = new Buckets(TIMINGS.broadcast_duration_seconds.bounds);
  readonly #broadcastRecipients = new Buckets(TIMINGS.broadcast_recipients.bounds);
  readonly #pongDuration = new Buckets(TIMINGS.pong_duration_seconds.bounds);
  /** All from the start, so that a rate sees the first of each. */
  readonly #authDuration = new Map(
    AUTH_OUTCOMES.map((outcome) => [outcome, new Buckets(TIMINGS.auth_duration_seconds.bounds)]),
  );
  /** By status, by route. */
  readonly #requestDuration = new Map<string, Map<number, Buckets>>();

  broadcastTook(durationMs: number, recipients: number): void {
    this.#broadcastDuration.add(durationMs / 1000);
    this.#broadcastRecipients.add(recipients);
  }

  pongTook(_client: ConnectionInfo, durationMs: number): void {
    this.#pongDuration.add(durationMs / 1000);
  }

  authTook(outcome: AuthOutcome, durationMs: number): void {
    this.#authDuration.get(outcome)?.add(durationMs / 1000);
  }

  requestTook(route: string, status: number, durationMs: number): void {
    const byStatus = this.#requestDuration.get(route) ?? new Map<number, Buckets>();
    const buckets = byStatus.get(status) ?? new Buckets(TIMINGS.http_request_duration_seconds.bounds);
    this.#requestDuration.set(route, byStatus.set(status, buckets));
    buckets.add(durationMs / 1000);
  }

  /** The counts by now. */
  read(): TimingCounts {
    return {
      broadcast_duration_seconds: [seriesOf(this.#broadcastDuration)],
      broadcast_recipients: [seriesOf(this.#broadcastRecipients)],
      pong_duration_seconds: [seriesOf(this.#pongDuration)],
      auth_duration_seconds: [...this.#authDuration].map(([outcome, buckets]) =>
        seriesOf(buckets, { outcome }),
      ),
      http_request_duration_seconds: [...this.#requestDuration].flatMap(([route, byStatus]) =>
        [...byStatus].map(([status, buckets]) => seriesOf(buckets, { route, status: String(status) })),
      ),
    };
  }
}

function seriesOf(buckets: Buckets, labels: TimingSeries['labels'] = {}): TimingSeries {
  return { labels, counts: [...buckets.counts], sum: buckets.sum };
}

/** The histograms of several processes as those of one. */
export function sumTimings(all: readonly TimingCounts[]): TimingCounts {
  const names = Object.keys(TIMINGS) as TimingName[];
  return Object.fromEntries(
    names.map((name) => [name, sumSeries(all.flatMap((counts) => counts[name]))]),
  ) as unknown as TimingCounts;
}

function sumSeries(all: readonly TimingSeries[]): TimingSeries[] {
  const byLabels = new Map<string, TimingSeries>();
  for (const series of all) {
    const key = JSON.stringify(series.labels);
    const other = byLabels.get(key);
    byLabels.set(
      key,
      other === undefined
        ? series
        : {
            labels: series.labels,
            counts: series.counts.map((count, index) => count + (other.counts[index] ?? 0)),
            sum: series.sum + other.sum,
          },
    );
  }
  return [...byLabels.values()];
}
