import type { BackplaneState } from '../../backplane/backplane.js';
import type { Cluster, ClusterCounts } from '../cluster/cluster.js';
import type { EventStream } from '../events/events.js';
import type { DelayMonitor } from '../health/delay-monitor.js';
import { countDescriptors, type Descriptors } from '../health/descriptors.js';
import type { ServerStats } from '../health/statistics.js';
import { sumTimings, type TimingCounts, Timings } from './timings.js';

/** How a server stands with its cluster. */
export interface ClusterSnapshot extends ClusterCounts {
  readonly state: BackplaneState;
  readonly lagMs: number | undefined;
  readonly nodes: number;
  readonly kept: number;
  readonly catchingUp: number;
  readonly admittedUnchecked: number;
}

/** All that `GET /metrics` tells of one process, or of several, as plain data. */
export interface MetricsSnapshot {
  readonly stats: ServerStats;
  readonly isReady: boolean;
  /** Processes that serve clients. */
  readonly workers: number;
  /** The 99th percentile of the last minute. */
  readonly delayP99Ms: number;
  readonly descriptors: Descriptors | undefined;
  readonly timings: TimingCounts;
  readonly cluster: ClusterSnapshot | undefined;
}

/** What the metrics of one process are read from. */
export interface MetricsSources {
  readonly stream: Pick<EventStream, 'add'>;
  readonly delay: DelayMonitor;
  readonly cluster: Cluster | undefined;
  readonly isReady: () => boolean;
  readonly stats: () => ServerStats;
}

/** The metrics of one process. Nothing is timed before they are first asked for. */
export class ProcessMetrics {
  #timings: Timings | undefined;

  constructor(private readonly sources: MetricsSources) {}

  /** Times what happens from here on. Idempotent. */
  begin(): Timings {
    if (this.#timings !== undefined) return this.#timings;
    const timings = new Timings();
    this.#timings = timings;
    this.sources.stream.add(timings);
    this.sources.delay.keepLastMinute();
    return timings;
  }

  async snapshot(): Promise<MetricsSnapshot> {
    const { stats, delay, cluster, isReady } = this.sources;
    const timings = this.begin();
    return {
      stats: stats(),
      isReady: isReady(),
      workers: 1,
      delayP99Ms: delay.lastMinuteP99Ms,
      descriptors: countDescriptors(),
      timings: timings.read(),
      cluster: cluster && clusterSnapshot(cluster),
    };
  }
}

/** How a server stands with its cluster now. */
export function clusterSnapshot(cluster: Cluster): ClusterSnapshot {
  const { nodes, state, lagMs, kept, catchingUp, admittedUnchecked } = cluster.view();
  return { state, lagMs, kept, catchingUp, admittedUnchecked, nodes: nodes.length, ...cluster.counts() };
}

/** From worst to best: what a server of several processes is said to be. */
const STATES: readonly BackplaneState[] = ['down', 'closed', 'connecting', 'up'];

/** What only grows, of processes that have ended. */
export type EndedCounts = Pick<MetricsSnapshot, 'timings' | 'cluster'>;

/** Adds the counts of a process that has ended to those before. */
export function addEnded(ended: EndedCounts | undefined, last: EndedCounts): EndedCounts {
  if (ended === undefined) return last;
  return {
    timings: sumTimings([ended.timings, last.timings]),
    cluster: sumClusters([ended, last].flatMap(({ cluster }) => cluster ?? [])),
  };
}

/**
 * The metrics of a server of several processes.
 *
 * @param stats the statistics of all of them.
 * @param ended the counts of those that have ended.
 */
export function sumSnapshots(
  workers: readonly MetricsSnapshot[],
  stats: ServerStats,
  ended: EndedCounts | undefined,
): MetricsSnapshot {
  const descriptors = workers.flatMap((one) => one.descriptors ?? []);
  const cluster = sumClusters(workers.flatMap((one) => one.cluster ?? []));
  return {
    stats,
    isReady: workers.length > 0 && workers.every(({ isReady }) => isReady),
    workers: workers.length,
    delayP99Ms: Math.max(0, ...workers.map(({ delayP99Ms }) => delayP99Ms)),
    // The limit is one of each process, so the fullest tells how close they are to it.
    descriptors: descriptors.toSorted((a, b) => b.open / b.max - a.open / a.max)[0],
    timings: sumTimings([ended, ...workers].flatMap((one) => one?.timings ?? [])),
    cluster: cluster && { ...cluster, ...sumCounts([cluster, ...(ended?.cluster ? [ended.cluster] : [])]) },
  };
}

/** What only grows. */
const COUNTS = [
  'cursorsPublished',
  'batchesUnacknowledged',
  'cursorsReceived',
  'cursorsCaughtUp',
  'disconnects',
  'admittedUnchecked',
] as const satisfies (keyof ClusterSnapshot)[];

function sumCounts(all: readonly ClusterSnapshot[]): Pick<ClusterSnapshot, (typeof COUNTS)[number]> {
  const sums = COUNTS.map((key) => [key, all.reduce((total, one) => total + one[key], 0)]);
  return Object.fromEntries(sums);
}

function sumClusters(all: readonly ClusterSnapshot[]): ClusterSnapshot | undefined {
  if (all.length === 0) return undefined;
  const lags = all.flatMap(({ lagMs }) => lagMs ?? []);
  return {
    ...sumCounts(all),
    state: STATES.find((state) => all.some((one) => one.state === state)) ?? 'closed',
    lagMs: lags.length === 0 ? undefined : Math.max(...lags),
    nodes: Math.max(...all.map(({ nodes }) => nodes)),
    kept: all.reduce((total, { kept }) => total + kept, 0),
    catchingUp: all.reduce((total, { catchingUp }) => total + catchingUp, 0),
  };
}
