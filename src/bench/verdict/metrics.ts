import type { Histogram } from '../measure/histogram.js';
import type { CohortMeasurement, Measurements, ServerMeasurement } from '../measure/measurements.js';
import { percentileSpread, type ValueSpread } from '../measure/sampling-error.js';
import { type CounterName, type HistogramName, type Ledger, Tally } from '../measure/tally.js';
import { BEHAVIORS } from '../scenario/behaviors.js';
import { type Compared, cost, defect, gain, MEMORY, NOTHING, outcome, TIME } from './compared.js';

/** What a metric's number means, and so which units a rule may give. */
export type MetricKind = 'count' | 'duration' | 'rate' | 'size';

/** What a metric is read from: one cohort, or all of them added up. */
export interface MetricScope {
  readonly cohorts: readonly CohortMeasurement[];
  readonly tally: Tally;
  readonly all: Measurements;
}

/** What a metric is counted by. */
export type KeyKind = 'close codes' | 'HTTP statuses' | 'error codes';

export interface Metric {
  readonly kind: MetricKind;
  readonly summary: string;
  readonly compared: Compared;
  /** Whether it can be asked of one cohort, as in `hot.accepted`. */
  readonly perCohort: boolean;
  /** Which of the server's statistics it is. */
  readonly statistic?: keyof ServerMeasurement;
  /** What may stand in brackets behind it. */
  readonly keys?: KeyKind;
  /** The value, in milliseconds where it is a duration; `undefined` when there is no sample to say anything. */
  read(scope: MetricScope, key: string | undefined): number | undefined;
  /** Within which the value could as well have been, as far as a single run can tell. */
  spread?(scope: MetricScope): ValueSpread | undefined;
  /** Within which it must have been, where it depends on when bench read something, and bench was late. */
  doubt?(scope: MetricScope): ValueSpread | undefined;
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

/** Statistics of durations that are compared: one of the usual case and one of the worst, but no extreme. */
const COMPARED_STATISTICS = ['p50', 'p99'];

const wereTried = ({ tally }: MetricScope, value: number) =>
  tally.counters.attempts === 0 ? undefined : value;
/** For what can become of a connection in a phase that did not open it. */
const wereThere = ({ tally, cohorts }: MetricScope, value: number) =>
  tally.counters.attempts + tally.counters.left + tally.closed.total + sum(cohorts, ({ open }) => open) === 0
    ? undefined
    : value;
const wereExpected = ({ tally }: MetricScope, value: number) =>
  tally.counters.expected === 0 ? undefined : value;
const wereSent = ({ tally }: MetricScope, value: number) =>
  tally.counters.expected + tally.counters.received === 0 ? undefined : value;
/** A server that never pings says nothing good of itself; what is bad is counted all the same. */
const werePinged = ({ tally }: MetricScope, value: number) =>
  tally.counters.pings === 0 && value === 0 ? undefined : value;

function counter(name: CounterName, summary: string, compared: Compared, when = wereTried): Metric {
  return {
    kind: 'count',
    summary,
    compared,
    perCohort: true,
    read: (scope) => when(scope, scope.tally.counters[name]),
  };
}

function ledger(
  name: 'closed' | 'rejected' | 'errors',
  keys: Metric['keys'],
  summary: string,
  compared: Compared,
  when = wereTried,
): Metric {
  return {
    kind: 'count',
    summary,
    compared,
    perCohort: true,
    keys,
    read: (scope, key) =>
      when(scope, key === undefined ? scope.tally[name].total : countOf(scope.tally[name], key)),
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
  compared: Compared,
  doubt?: { readonly least: HistogramName; readonly most: HistogramName },
) {
  return Object.entries(STATISTICS).map(([statistic, of]): [string, Metric] => {
    const percent = percentOf(statistic);
    const metric: Metric = {
      kind: 'duration',
      summary: `${summary}: ${statistic}.`,
      perCohort,
      compared: COMPARED_STATISTICS.includes(statistic) ? compared : NOTHING,
      read: (scope) => of(read(scope)),
      ...(percent === undefined ? {} : { spread: (scope) => percentileSpread(read(scope), percent) }),
      ...(doubt === undefined ? {} : { doubt: (scope) => doubtOf(of, scope, doubt) }),
    };
    return [`${name}.${statistic}`, metric];
  });
}

function doubtOf(
  of: (histogram: Histogram) => number | undefined,
  { tally: { histograms } }: MetricScope,
  { least, most }: { readonly least: HistogramName; readonly most: HistogramName },
): ValueSpread | undefined {
  const [low, high] = [of(histograms[least]), of(histograms[most])];
  return low === undefined || high === undefined ? undefined : { low, high };
}

function percentOf(statistic: string): number | undefined {
  return Object.entries(PERCENTILES).find(([name]) => name === statistic)?.[1];
}

const ofTally = (name: HistogramName) => (scope: MetricScope) => scope.tally.histograms[name];

/** Every metric that a rule can name. The docs and the error messages are made from this table. */
export const METRICS: Readonly<Record<string, Metric>> = Object.fromEntries([
  ['attempts', counter('attempts', 'Connections tried.', outcome('comings'))],
  ['opened', counter('opened', 'Handshakes that ended in a WebSocket.', outcome('comings'))],
  [
    'accepted',
    {
      kind: 'count',
      summary: 'Clients that opened and were not refused (4401, 4503) by the end.',
      perCohort: true,
      compared: outcome('comings'),
      read: (scope) => wereTried(scope, scope.tally.accepted),
    },
  ],
  [
    'open',
    {
      kind: 'count',
      summary: 'Clients still connected when the last phase is over.',
      perCohort: true,
      compared: outcome('comings'),
      read: (scope) =>
        wereThere(
          scope,
          sum(scope.cohorts, (cohort) => cohort.open),
        ),
    },
  ],
  ['left', counter('left', 'Connections that bench itself ended.', outcome('comings'), wereThere)],
  [
    'closed',
    ledger(
      'closed',
      'close codes',
      'Connections that the server ended, by close code (1006: without one) and reason.',
      outcome('comings'),
      wereThere,
    ),
  ],
  [
    'rejected',
    ledger(
      'rejected',
      'HTTP statuses',
      'Handshakes answered with an HTTP error, by status.',
      outcome('comings', 'downtime'),
    ),
  ],
  [
    'errors',
    ledger('errors', 'error codes', 'Handshakes that failed below HTTP, by error code.', defect('downtime')),
  ],
  [
    'refused.late',
    counter(
      'refusedLate',
      'Connections refused (4401, 4503) after a cursor or a ping had come: they had been let in.',
      defect(),
    ),
  ],
  ['timeouts', counter('timeouts', 'Handshakes without an answer in time.', defect('downtime'))],
  [
    'protocolErrors',
    counter('protocolErrors', 'Handshakes and frames by which the server broke RFC 6455.', defect()),
  ],
  [
    'messages.other',
    {
      kind: 'count',
      summary: 'Messages that are not cursors: of another type, binary, or not JSON. A client ignores them.',
      perCohort: true,
      compared: NOTHING,
      read: (scope) => wereThere(scope, scope.tally.otherMessages.total),
    },
  ],
  ['cursors.expected', counter('expected', 'Deliveries that had to arrive.', NOTHING, wereSent)],
  ['cursors.received', counter('received', "Bench's own cursors that arrived.", NOTHING, wereSent)],
  ['cursors.lost', counter('lost', 'Deliveries that had to arrive and did not.', defect(), wereExpected)],
  ['cursors.duplicated', counter('duplicated', 'Cursors that a client got again.', defect(), wereSent)],
  ['cursors.reordered', counter('reordered', 'Cursors that came after a newer one.', defect(), wereSent)],
  ['cursors.leaked', counter('leaked', 'Cursors of another namespace.', defect(), wereSent)],
  ['cursors.foreign', counter('foreign', 'Cursors that bench did not emit.', defect())],
  [
    'cursors.conflated',
    counter('conflated', 'Gaps of slow readers that a newer cursor made good.', NOTHING, wereSent),
  ],
  [
    'cursors.behind',
    counter(
      'behind',
      'Newest cursors that slow readers had not got to at the end.',
      defect('timing'),
      wereSent,
    ),
  ],
  [
    'cursors.late',
    counter('late', 'Cursors that came after they were given up for lost.', NOTHING, wereSent),
  ],
  ['heartbeat.pings', counter('pings', 'Pings that arrived.', NOTHING)],
  [
    'heartbeat.unpinged',
    {
      kind: 'count',
      summary: 'Clients open at the end to which no ping ever came.',
      perCohort: true,
      compared: defect('timing'),
      read: (scope) =>
        werePinged(
          scope,
          sum(scope.cohorts, (cohort) => cohort.unpinged),
        ),
    },
  ],
  [
    'heartbeat.overdue',
    {
      kind: 'count',
      summary:
        'Clients that no ping had come to for one and a half heartbeat intervals and a second, when most were waiting.',
      perCohort: true,
      compared: defect('timing'),
      read: ({ cohorts }) =>
        sum(cohorts, ({ pingsOwed }) => pingsOwed) === 0
          ? undefined
          : sum(cohorts, ({ pingsOverdue }) => pingsOverdue),
    },
  ],
  [
    'heartbeat.killed',
    counter('killed', 'Clients that answer pings, closed with `Heartbeat timeout`.', defect(), werePinged),
  ],
  [
    'heartbeat.missed',
    {
      kind: 'count',
      summary: 'Clients that do not answer pings, still open at the end.',
      perCohort: true,
      compared: defect(),
      read: (scope) =>
        werePinged(
          scope,
          sum(scope.cohorts, ({ behavior, open }) => (BEHAVIORS[behavior].pong === 'never' ? open : 0)),
        ),
    },
  ],
  [
    'reconnects',
    counter('reconnects', 'Connections that a flapping client opened again.', outcome('comings')),
  ],
  ...histogram('reconnect', 'End of a connection to its successor', ofTally('reconnect'), true, TIME),
  ...histogram(
    'handshake',
    'Intended start of a connection to its WebSocket',
    ofTally('handshake'),
    true,
    TIME,
  ),
  ...histogram('fanout', 'Emit to receipt', ofTally('fanout'), true, TIME),
  ...histogram(
    'fanout.skew',
    'First receiver of a broadcast to the last',
    ({ all }) => all.skew,
    false,
    TIME,
  ),
  [
    'convergence.max',
    {
      kind: 'duration',
      summary:
        'Last emit of a row to the moment when every receiver had the newest cursor; none if one never got it.',
      perCohort: false,
      compared: TIME,
      read: ({ all }) => (all.unconverged > 0 ? undefined : all.convergence.maxMs),
    },
  ],
  ...histogram('heartbeat.interval', 'One ping to the next', ofTally('pingInterval'), true, NOTHING, {
    least: 'pingIntervalLeast',
    most: 'pingIntervalMost',
  }),
  ...histogram('heartbeat.timeout', 'Unanswered ping to the close', ofTally('pongTimeout'), true, TIME, {
    least: 'pongTimeoutLeast',
    most: 'pongTimeoutMost',
  }),
  ['emit.broadcasts', whole('Cursors that the server took.', ({ emit }) => emit.broadcasts, emits, NOTHING)],
  [
    'emit.failed',
    whole('Cursors that the server did not take.', ({ emit }) => emit.failed, emits, defect('failing-emits')),
  ],
  [
    'emit.delivered',
    whole(
      'Clients that the server says it handed a cursor to.',
      ({ emit }) => emit.delivered,
      emits,
      NOTHING,
    ),
  ],
  ...histogram(
    'emit.lag',
    'Intended time of an emit to its sending',
    ({ all }) => all.emit.lag,
    false,
    NOTHING,
  ),
  [
    'api.requests',
    whole('Requests that autocannon got an answer to.', ({ api }) => api.requests, requests, NOTHING),
  ],
  [
    'api.failed',
    whole(
      'Of these and the unanswered, those without a 2xx.',
      ({ api }) => api.failed,
      requests,
      defect('downtime'),
    ),
  ],
  [
    'api.rate',
    {
      kind: 'rate',
      summary: 'Requests a second that autocannon drove.',
      perCohort: false,
      compared: gain(10),
      read: ({ all: { api } }) => (api.durationMs === 0 ? undefined : (api.requests * 1000) / api.durationMs),
    },
  ],
  ...histogram(
    'api.latency',
    'Request to answer, under autocannon',
    ({ all }) => all.api.latency,
    false,
    TIME,
  ),
  [
    'server.connections',
    ofServer(
      'count',
      'Clients that the server counts as connected.',
      'connections',
      outcome('comings', 'downtime'),
    ),
  ],
  [
    'server.accepted',
    ofServer('count', 'Clients that the server has admitted.', 'accepted', outcome('comings', 'downtime')),
  ],
  [
    'server.rejected',
    ofServer('count', 'Clients that the server has turned away.', 'rejected', outcome('comings', 'downtime')),
  ],
  [
    'server.conflated',
    ofServer('count', 'Cursors that the server left out for backed-up clients.', 'conflated', NOTHING),
  ],
  [
    'server.closed',
    {
      kind: 'count',
      summary: 'Admitted clients that have left, by the close code that the server counts.',
      perCohort: false,
      compared: outcome('comings', 'downtime'),
      statistic: 'closed',
      keys: 'close codes',
      read: ({ all: { server } }, key) => {
        if (server.closed === undefined) return undefined;
        if (key !== undefined) return server.closed[key] ?? 0;
        return Object.values(server.closed).reduce((total, count) => total + count, 0);
      },
      keyed: ({ all: { server } }) => Object.entries(server.closed ?? {}),
    },
  ],
  ['server.cpuTime', ofServer('duration', 'CPU time that the server has spent.', 'cpuMs', cost(200))],
  [
    'server.rss',
    ofServer('size', 'The most resident memory that the server was seen with.', 'rssBytes', MEMORY),
  ],
  [
    'server.bytesPerConnection',
    ofServer('size', 'Growth of its resident memory by connection.', 'bytesPerConnection', cost(4096)),
  ],
  [
    'server.eventLoopDelay.p99',
    ofServer('duration', "Delay of the server's event loop: p99.", 'delayP99Ms', TIME),
  ],
  [
    'server.eventLoopDelay.max',
    ofServer('duration', "Delay of the server's event loop: max.", 'delayMaxMs', NOTHING),
  ],
  [
    'server.shutdown',
    ofServer('duration', 'From the signal to the end of the process.', 'shutdownMs', cost(500)),
  ],
  ['server.exitCode', ofServer('count', 'Exit code of the server after a shutdown.', 'exitCode', outcome())],
]);

function ofServer(
  kind: MetricKind,
  summary: string,
  name: Exclude<keyof ServerMeasurement, 'closed'>,
  compared: Compared,
): Metric {
  return { kind, summary, perCohort: false, compared, statistic: name, read: ({ all }) => all.server[name] };
}

function whole(
  summary: string,
  value: (all: Measurements) => number,
  samples: (all: Measurements) => number,
  compared: Compared,
): Metric {
  return {
    kind: 'count',
    summary,
    compared,
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
