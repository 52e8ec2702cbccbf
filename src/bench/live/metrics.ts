import { AggregatorRegistry, prometheusContentType } from 'prom-client';
import { FAULTS } from '../measure/evidence.js';
import type { CohortMeasurement } from '../measure/measurements.js';
import type { CounterName } from '../measure/tally.js';
import { FANOUT_BOUNDS, type RunMetrics } from './run-metrics.js';

/** Before the name of every metric of a run. */
export const BENCH_PREFIX = 'datafn_ws_bench_';

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of a part of a histogram. */
  readonly metricName?: string;
}

interface MetricSpec {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  /** Besides `scenario` and `run`, which all have. */
  readonly labels: readonly string[];
  /** Nothing where it is not known. */
  read(run: RunMetrics): readonly Sample[];
}

type Value = number | undefined;
const one = (value: Value): readonly Sample[] => (value === undefined ? [] : [{ labels: {}, value }]);
const gauge = (help: string, read: (run: RunMetrics) => Value): MetricSpec => ({
  ...{ type: 'gauge', help, labels: [] },
  read: (run) => one(read(run)),
});
const counter = (help: string, read: (run: RunMetrics) => Value): MetricSpec => ({
  ...gauge(help, read),
  type: 'counter',
});

/** The sum of a counter over all cohorts, of the phases that have ended. */
const counted = (help: string, name: CounterName): MetricSpec =>
  counter(`${help}, counted when a phase ends`, ({ ended }) => sumOf(ended.cohorts, name));

const sumOf = (cohorts: readonly CohortMeasurement[], name: CounterName) =>
  cohorts.reduce((total, { tally }) => total + tally.counters[name], 0);

const perCohort = (help: string, read: (run: RunMetrics, index: number) => number): MetricSpec => ({
  ...{ type: 'gauge', help, labels: ['cohort'] },
  read: (run) =>
    run.scenario.cohorts.map(({ name }, index) => ({ labels: { cohort: name }, value: read(run, index) })),
});

const perWorker = (
  help: string,
  read: (health: NonNullable<RunMetrics['workers'][number]>) => number,
): MetricSpec => ({
  ...{ type: 'gauge', help, labels: ['worker'] },
  read: ({ workers }) =>
    [...workers].flatMap((health, index) =>
      health === undefined ? [] : [{ labels: { worker: String(index + 1) }, value: read(health) }],
    ),
});

const seconds = (ms: Value) => (ms === undefined ? undefined : ms / 1000);

/** The metrics of a run, without their prefix. */
export const RUN_METRICS: Readonly<Record<string, MetricSpec>> = {
  phase: gauge(
    'Number of the phase that is under way, or of the last one; 0 before the first',
    ({ phase }) => (phase === undefined ? 0 : phase.number),
  ),
  phases: gauge('Phases of the scenario', ({ scenario }) => scenario.phases.length),
  phase_info: {
    ...{ type: 'gauge', help: 'Always 1; the labels say what the phase does', labels: ['kind', 'phase'] },
    read: ({ phase }) =>
      phase === undefined ? [] : [{ labels: { kind: phase.phase.kind, phase: phase.phase.label }, value: 1 }],
  },
  clients: perCohort(
    'Clients of the scenario',
    ({ scenario }, index) => scenario.cohorts[index]?.clients ?? 0,
  ),
  connections: perCohort('Connections that are open now', ({ latest }, index) => latest?.open[index] ?? 0),
  connects_due_total: counter(
    'Connects that were to be begun by now',
    ({ latest }) => latest?.connects.due ?? 0,
  ),
  connects_begun_total: counter(
    'Connects that were begun, by clients that come back too',
    ({ latest }) => latest?.connects.sent ?? 0,
  ),
  connections_failed_total: counter(
    'Connections that never opened, or that the server ended',
    ({ latest }) => latest?.failed ?? 0,
  ),
  deliveries_total: counter('Cursors that clients received', ({ latest }) => latest?.received ?? 0),
  cursors_due_total: counter('Cursors that were to be sent by now', ({ latest }) => latest?.emits.due ?? 0),
  cursors_sent_total: counter('Cursors that were sent', ({ latest }) => latest?.emits.sent ?? 0),
  fanout_duration_seconds: {
    ...{ type: 'histogram', help: 'Time from the emit of a cursor to its receipt', labels: ['le'] },
    read: fanout,
  },
  cursor_faults_total: {
    ...{
      type: 'counter',
      help: `Deliveries and frames that were wrong, counted when a phase ends: ${FAULTS.join(', ')}`,
      labels: ['kind'],
    },
    read: ({ ended }) => FAULTS.map((kind) => ({ labels: { kind }, value: sumOf(ended.cohorts, kind) })),
  },
  closes_total: {
    ...{
      type: 'counter',
      help: 'Connections that the server closed, by close code (1006: without one), counted when a phase ends',
      labels: ['code'],
    },
    read: ({ ended }) => closes(ended.cohorts),
  },
  opened_total: counted('Connections that opened', 'opened'),
  timeouts_total: counted('Handshakes without an answer in time', 'timeouts'),
  false_timeouts_total: counted('Clients that answer pings, closed for not answering', 'falseTimeouts'),
  emits_failed_total: counter(
    'Cursors that the server did not take, counted when a phase ends',
    ({ ended }) => ended.emit.failed,
  ),
  worker_cpu_ratio: perWorker(
    'CPU time over time of a process of the load generator, in its last second',
    ({ cpu }) => cpu,
  ),
  worker_event_loop_delay_seconds: perWorker(
    'Event-loop delay (p99) of a process of the load generator, in its last second',
    ({ delayP99Ms }) => delayP99Ms / 1000,
  ),
  server_event_loop_delay_seconds: gauge(
    'Longest event-loop delay of the server in the last second, if it reports it',
    ({ point }) => seconds(point?.serverDelayMaxMs),
  ),
  server_resident_memory_bytes: gauge(
    'Resident memory of the server, if it reports it',
    ({ point }) => point?.serverRssBytes,
  ),
};

function fanout({ fanoutCounts, fanoutSumSeconds }: RunMetrics): readonly Sample[] {
  const name = `${BENCH_PREFIX}fanout_duration_seconds`;
  let cumulative = 0;
  const buckets = fanoutCounts.map((count, index) => {
    cumulative += count;
    const labels = { le: String(FANOUT_BOUNDS[index] ?? '+Inf') };
    return { metricName: `${name}_bucket`, labels, value: cumulative };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: fanoutSumSeconds },
    { metricName: `${name}_count`, labels: {}, value: cumulative },
  ];
}

/** Close codes that are counted by themselves. A server chooses its codes; it shall not make a series for each. */
const MAX_CODES = 20;

function closes(cohorts: readonly CohortMeasurement[]): readonly Sample[] {
  const sums = new Map<string, number>();
  for (const [key, count] of cohorts.flatMap(({ tally }) => tally.closed.entries())) {
    const code = key.split(' ', 1)[0] as string;
    const label = sums.has(code) || sums.size < MAX_CODES ? code : 'other';
    sums.set(label, (sums.get(label) ?? 0) + count);
  }
  return [...sums].map(([code, value]) => ({ labels: { code }, value }));
}

/** The metrics of a run in the text format of Prometheus. */
export async function renderRunMetrics(
  run: RunMetrics | undefined,
): Promise<{ readonly contentType: string; readonly text: string }> {
  const families =
    run === undefined
      ? []
      : Object.entries(RUN_METRICS).map(([name, { type, help, read }]) => ({
          ...{ name: `${BENCH_PREFIX}${name}`, type, help, aggregator: 'sum' as const },
          values: read(run).map(({ labels, ...sample }) => ({
            ...sample,
            labels: { ...labels, scenario: run.scenario.name, run: String(run.number) },
          })),
        }));
  const registry = AggregatorRegistry.aggregate([families.filter(({ values }) => values.length > 0)]);
  return { contentType: prometheusContentType, text: await registry.metrics() };
}
