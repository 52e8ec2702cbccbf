import type { Histogram } from '../measure/histogram.js';
import type { CohortMeasurement, Measurements, ServerMeasurement } from '../measure/measurements.js';
import { type CounterName, type HistogramName, type Ledger, Tally } from '../measure/tally.js';
import { BEHAVIORS } from '../scenario/behaviors.js';

/** What a metric's number means, and so which units a rule may give. */
export type MetricKind = 'count' | 'duration' | 'rate' | 'size';

/** What a metric is read from: one cohort, or all of them added up. */
export interface MetricScope {
  readonly cohorts: readonly CohortMeasurement[];
  readonly tally: Tally;
  readonly all: Measurements;
}

export interface Metric {
  readonly kind: MetricKind;
  readonly summary: string;
  /** Whether it can be asked of one cohort, as in `hot.accepted`. */
  readonly perCohort: boolean;
  /** What may stand in brackets behind it. */
  readonly keys?: 'close codes' | 'HTTP statuses' | 'error codes';
  /** The value, in milliseconds where it is a duration; `undefined` when there is no sample to say anything. */
  read(scope: MetricScope, key: string | undefined): number | undefined;
  /** What there is to ask for in the brackets, and its value. */
  keyed?(scope: MetricScope): readonly (readonly [string, number])[];
}

const PERCENTILES = { p50: 50, p90: 90, p95: 95, p99: 99, 'p99.9': 99.9 } as const;

/** Statistics of a histogram that can be asked for, by name. */
const STATISTICS: Readonly<Record<string, (histogram: Histogram) => number | undefined>> = {
  min: (histogram) => histogram.minMs,
  mean: (histogram) => histogram.meanMs,
  max: (histogram) => histogram.maxMs,
  ...Object.fromEntries(
    Object.entries(PERCENTILES).map(([name, percent]) => [
      name,
      (histogram: Histogram) => histogram.percentileMs(percent),
    ]),
  ),
};

const wereTried = ({ tally }: MetricScope, value: number) =>
  tally.counters.attempts === 0 ? undefined : value;
const wereSent = ({ tally }: MetricScope, value: number) =>
  tally.counters.expected + tally.counters.received === 0 ? undefined : value;
const werePinged = ({ tally }: MetricScope, value: number) =>
  tally.counters.pings === 0 ? undefined : value;

function counter(name: CounterName, summary: string, when = wereTried): Metric {
  return {
    kind: 'count',
    summary,
    perCohort: true,
    read: (scope) => when(scope, scope.tally.counters[name]),
  };
}

function ledger(name: 'closed' | 'rejected' | 'errors', keys: Metric['keys'], summary: string): Metric {
  return {
    kind: 'count',
    summary,
    perCohort: true,
    keys,
    read: (scope, key) =>
      wereTried(scope, key === undefined ? scope.tally[name].total : countOf(scope.tally[name], key)),
    keyed: ({ tally }) => tally[name].entries(),
  };
}

/** Entries of a ledger under a code, or under a code and a reason. */
function countOf(entries: Ledger, key: string): number {
  let total = 0;
  for (const [entry, count] of entries.entries()) {
    if (entry === key || (!key.includes(' ') && entry.startsWith(`${key} `))) total += count;
  }
  return total;
}

function histogram(
  name: string,
  summary: string,
  read: (scope: MetricScope) => Histogram,
  perCohort: boolean,
) {
  return Object.entries(STATISTICS).map(([statistic, of]): [string, Metric] => [
    `${name}.${statistic}`,
    { kind: 'duration', summary: `${summary}: ${statistic}.`, perCohort, read: (scope) => of(read(scope)) },
  ]);
}

const ofTally = (name: HistogramName) => (scope: MetricScope) => scope.tally.histograms[name];

/** Every metric that a rule can name. The docs and the error messages are made from this table. */
export const METRICS: Readonly<Record<string, Metric>> = Object.fromEntries([
  ['attempts', counter('attempts', 'Connections tried.')],
  ['opened', counter('opened', 'Handshakes that ended in a WebSocket.')],
  [
    'accepted',
    {
      kind: 'count',
      summary: 'Clients that opened and were not refused (4401, 4503) by the end.',
      perCohort: true,
      read: (scope) => wereTried(scope, scope.tally.accepted),
    },
  ],
  [
    'open',
    {
      kind: 'count',
      summary: 'Clients still connected when the last phase is over.',
      perCohort: true,
      read: (scope) =>
        wereTried(
          scope,
          sum(scope.cohorts, (cohort) => cohort.open),
        ),
    },
  ],
  ['left', counter('left', 'Connections that bench itself ended.')],
  [
    'closed',
    ledger(
      'closed',
      'close codes',
      'Connections that the server ended, by close code (1006: without one) and reason.',
    ),
  ],
  ['rejected', ledger('rejected', 'HTTP statuses', 'Handshakes answered with an HTTP error, by status.')],
  ['errors', ledger('errors', 'error codes', 'Handshakes that failed below HTTP, by error code.')],
  ['timeouts', counter('timeouts', 'Handshakes without an answer in time.')],
  ['protocolErrors', counter('protocolErrors', 'Connections on which the server broke RFC 6455.')],
  ['cursors.expected', counter('expected', 'Deliveries that had to arrive.', wereSent)],
  ['cursors.received', counter('received', "Bench's own cursors that arrived.", wereSent)],
  ['cursors.lost', counter('lost', 'Deliveries that had to arrive and did not.', wereSent)],
  ['cursors.duplicated', counter('duplicated', 'Cursors that a client got again.', wereSent)],
  ['cursors.reordered', counter('reordered', 'Cursors that came after a newer one.', wereSent)],
  ['cursors.leaked', counter('leaked', 'Cursors of another namespace.', wereSent)],
  ['cursors.foreign', counter('foreign', 'Cursors that bench did not emit.')],
  [
    'cursors.conflated',
    counter('conflated', 'Gaps of slow readers that a newer cursor made good.', wereSent),
  ],
  ['cursors.late', counter('late', 'Cursors that came after they were given up for lost.', wereSent)],
  ['heartbeat.pings', counter('pings', 'Pings that arrived.')],
  [
    'heartbeat.killed',
    counter('killed', 'Clients that answer pings, closed with `Heartbeat timeout`.', werePinged),
  ],
  [
    'heartbeat.missed',
    {
      kind: 'count',
      summary: 'Clients that do not answer pings, still open at the end.',
      perCohort: true,
      read: (scope) =>
        werePinged(
          scope,
          sum(scope.cohorts, ({ behavior, open }) => (BEHAVIORS[behavior].pong === 'never' ? open : 0)),
        ),
    },
  ],
  ['reconnects', counter('reconnects', 'Connections that a flapping client opened again.')],
  ...histogram('reconnect', 'End of a connection to its successor', ofTally('reconnect'), true),
  ...histogram('handshake', 'Intended start of a connection to its WebSocket', ofTally('handshake'), true),
  ...histogram('fanout', 'Emit to receipt', ofTally('fanout'), true),
  ...histogram('fanout.skew', 'First receiver of a broadcast to the last', ({ all }) => all.skew, false),
  [
    'convergence.max',
    {
      kind: 'duration',
      summary:
        'Last emit of a row to the moment when every receiver had the newest cursor; none if one never got it.',
      perCohort: false,
      read: ({ all }) => (all.unconverged > 0 ? undefined : all.convergence.maxMs),
    },
  ],
  ...histogram('heartbeat.interval', 'One ping to the next', ofTally('pingInterval'), true),
  ...histogram('heartbeat.timeout', 'Unanswered ping to the close', ofTally('pongTimeout'), true),
  ['emit.broadcasts', whole('Cursors that the server took.', ({ emit }) => emit.broadcasts, emits)],
  ['emit.failed', whole('Cursors that the server did not take.', ({ emit }) => emit.failed, emits)],
  [
    'emit.delivered',
    whole('Clients that the server says it handed a cursor to.', ({ emit }) => emit.delivered, emits),
  ],
  ...histogram('emit.lag', 'Intended time of an emit to its sending', ({ all }) => all.emit.lag, false),
  ['api.requests', whole('Requests that autocannon got an answer to.', ({ api }) => api.requests, requests)],
  [
    'api.failed',
    whole('Of these and the unanswered, those without a 2xx.', ({ api }) => api.failed, requests),
  ],
  [
    'api.rate',
    {
      kind: 'rate',
      summary: 'Requests a second that autocannon drove.',
      perCohort: false,
      read: ({ all: { api } }) => (api.durationMs === 0 ? undefined : (api.requests * 1000) / api.durationMs),
    },
  ],
  ...histogram('api.latency', 'Request to answer, under autocannon', ({ all }) => all.api.latency, false),
  ['server.connections', ofServer('count', 'Clients that the server counts as connected.', 'connections')],
  ['server.accepted', ofServer('count', 'Clients that the server has admitted.', 'accepted')],
  ['server.rejected', ofServer('count', 'Clients that the server has turned away.', 'rejected')],
  [
    'server.conflated',
    ofServer('count', 'Cursors that the server left out for backed-up clients.', 'conflated'),
  ],
  [
    'server.closed',
    {
      kind: 'count',
      summary: 'Admitted clients that have left, by the close code that the server counts.',
      perCohort: false,
      keys: 'close codes',
      read: ({ all: { server } }, key) => {
        if (server.closed === undefined) return undefined;
        if (key !== undefined) return server.closed[key] ?? 0;
        return Object.values(server.closed).reduce((total, count) => total + count, 0);
      },
      keyed: ({ all: { server } }) => Object.entries(server.closed ?? {}),
    },
  ],
  ['server.cpuTime', ofServer('duration', 'CPU time that the server has spent.', 'cpuMs')],
  ['server.rss', ofServer('size', 'The most resident memory that the server was seen with.', 'rssBytes')],
  [
    'server.bytesPerConnection',
    ofServer('size', 'Growth of its resident memory by connection.', 'bytesPerConnection'),
  ],
  ['server.eventLoopDelay.p99', ofServer('duration', "Delay of the server's event loop: p99.", 'delayP99Ms')],
  ['server.eventLoopDelay.max', ofServer('duration', "Delay of the server's event loop: max.", 'delayMaxMs')],
  ['server.shutdown', ofServer('duration', 'From the signal to the end of the process.', 'shutdownMs')],
  ['server.exitCode', ofServer('count', 'Exit code of the server after a shutdown.', 'exitCode')],
]);

function ofServer(
  kind: MetricKind,
  summary: string,
  name: Exclude<keyof ServerMeasurement, 'closed'>,
): Metric {
  return { kind, summary, perCohort: false, read: ({ all }) => all.server[name] };
}

function whole(
  summary: string,
  value: (all: Measurements) => number,
  samples: (all: Measurements) => number,
): Metric {
  return {
    kind: 'count',
    summary,
    perCohort: false,
    read: ({ all }) => (samples(all) === 0 ? undefined : value(all)),
  };
}

function emits({ emit }: Measurements): number {
  return emit.broadcasts + emit.failed;
}

function requests({ api }: Measurements): number {
  return api.requests + api.failed;
}

function sum(cohorts: readonly CohortMeasurement[], of: (cohort: CohortMeasurement) => number): number {
  return cohorts.reduce((total, cohort) => total + of(cohort), 0);
}

/** The scope of a cohort, or of all when none is named. */
export function scopeOf(all: Measurements, cohort: string | undefined): MetricScope {
  const cohorts = cohort === undefined ? all.cohorts : all.cohorts.filter(({ name }) => name === cohort);
  const tally = new Tally();
  for (const one of cohorts) tally.add(one.tally.toData());
  return { cohorts, tally, all };
}
