import { BEHAVIORS } from '../behaviors/behaviors.js';
import type { Measurements } from '../measure/measurements.js';
import {
  cost,
  counted,
  counter,
  defect,
  durations,
  gain,
  ledger,
  MEMORY,
  type Metric,
  NOTHING,
  outcome,
  serverCount,
  serverSize,
  serverTime,
  sum,
  TIME,
  wereExpected,
  werePinged,
  wereSent,
  wereThere,
  whole,
} from './metric-kinds.js';

const emits = ({ emit }: Measurements) => emit.broadcasts + emit.failed;
const requests = ({ api }: Measurements) => api.requests + api.failed;

/** Of the server's own counts; they depend on clients that come and go, and on a time without a server. */
const BY_SERVER = outcome('comings', 'downtime');

/** Every metric that a rule can name. The docs and the error messages are checked against this table. */
export const METRICS: Readonly<Record<string, Metric>> = {
  attempts: counter('attempts', 'Connections tried.', outcome('comings')),
  opened: counter('opened', 'Handshakes that ended in a WebSocket.', outcome('comings')),
  accepted: counted(
    'Clients that opened and were not refused (4401, 4503) by the end.',
    outcome('comings'),
    ({ tally }) => tally.accepted,
  ),
  open: counted(
    'Clients still connected when the last phase ends.',
    outcome('comings'),
    ({ cohorts }) => sum(cohorts, ({ open }) => open),
    wereThere,
  ),
  disconnected: counter(
    'disconnected',
    'Connections that bench itself ended.',
    outcome('comings'),
    wereThere,
  ),
  closed: ledger(
    'closed',
    'close codes',
    'Connections that the server ended, by close code (1006: without one) and reason.',
    outcome('comings'),
    wereThere,
  ),
  rejected: ledger(
    'rejected',
    'HTTP statuses',
    'Handshakes answered with an HTTP error, by status.',
    outcome('comings', 'downtime'),
  ),
  errors: ledger(
    'errors',
    'error codes',
    'Handshakes that failed below HTTP, by error code.',
    defect('downtime'),
  ),
  'refused.late': counter(
    'refusedLate',
    'Connections refused (4401, 4503) only after a cursor or a ping had arrived.',
    defect(),
  ),
  timeouts: counter('timeouts', 'Handshakes that timed out.', defect('downtime')),
  protocolErrors: counter(
    'protocolErrors',
    'Handshakes and frames by which the server broke RFC 6455.',
    defect(),
  ),
  'messages.other': counted(
    'Messages that are not cursors: of another type, binary, or not JSON. A client ignores them.',
    NOTHING,
    ({ tally }) => tally.otherMessages.total,
    wereThere,
  ),
  'cursors.expected': counter('expected', 'Deliveries that had to arrive.', NOTHING, wereSent),
  'cursors.received': counter('received', "Bench's own cursors that arrived.", NOTHING, wereSent),
  'cursors.lost': counter('lost', 'Deliveries that had to arrive and did not.', defect(), wereExpected),
  'cursors.duplicated': counter('duplicated', 'Cursors that a client received again.', defect(), wereSent),
  'cursors.reordered': counter('reordered', 'Cursors that arrived after a newer one.', defect(), wereSent),
  'cursors.leaked': counter('leaked', 'Cursors of another namespace.', defect(), wereSent),
  'cursors.foreign': counter('foreign', 'Cursors that bench did not emit.', defect()),
  'cursors.conflated': counter(
    'conflated',
    'Cursors that a slow reader skipped because a newer one replaced them.',
    NOTHING,
    wereSent,
  ),
  'cursors.behind': counter(
    'behind',
    'Newest cursors that slow readers had not reached at the end.',
    defect('timing'),
    wereSent,
  ),
  'cursors.leftBehind': counted(
    'Clients that have not heard the newest cursor of their namespace at the end.',
    defect('timing'),
    ({ cohorts }) => sum(cohorts, ({ leftBehind }) => leftBehind),
    ({ cohorts }, value) => (sum(cohorts, ({ cursorsOwed }) => cursorsOwed) === 0 ? undefined : value),
  ),
  'cursors.late': counter('late', 'Cursors that arrived after they were counted as lost.', NOTHING, wereSent),
  'heartbeat.pings': counter('pings', 'Pings that arrived.', NOTHING),
  'heartbeat.neverPinged': counted(
    'Clients open at the end that never received a ping.',
    defect('timing'),
    ({ cohorts }) => sum(cohorts, ({ unpinged }) => unpinged),
    werePinged,
  ),
  'heartbeat.overdue': counted(
    'Clients that received no ping for one and a half heartbeat intervals and a second, at the worst moment.',
    defect('timing'),
    ({ cohorts }) => sum(cohorts, ({ pingsOverdue }) => pingsOverdue),
    ({ cohorts }, value) => (sum(cohorts, ({ pingsOwed }) => pingsOwed) === 0 ? undefined : value),
  ),
  'heartbeat.falseTimeouts': counter(
    'falseTimeouts',
    'Clients that answer pings, closed with `Heartbeat timeout`.',
    defect(),
    werePinged,
  ),
  'heartbeat.undetected': counted(
    'Clients that do not answer pings, still open at the end.',
    defect(),
    ({ cohorts }) => sum(cohorts, ({ behavior, open }) => (BEHAVIORS[behavior].pong === 'never' ? open : 0)),
    werePinged,
  ),
  reconnects: counter(
    'reconnects',
    'Connections that a client opened again after it had lost one.',
    outcome('comings'),
  ),
  ...durations('reconnect', 'End of a connection to its successor', TIME, 'reconnect'),
  ...durations('handshake', 'Intended start of a connection to its WebSocket', TIME, 'handshake'),
  ...durations('fanout', 'Emit to receipt', TIME, 'fanout'),
  ...durations('fanout.skew', 'First receiver of a broadcast to the last', TIME, ({ skew }) => skew),
  'convergence.max': {
    kind: 'duration',
    summary:
      'Last emit of a series to the moment when every receiver had the newest cursor; no sample if one never got it.',
    perCohort: false,
    compared: TIME,
    read: ({ all }) => (all.unconverged > 0 ? undefined : all.convergence.maxMs),
  },
  converged: {
    kind: 'duration',
    summary:
      'Beginning of a `converge`, or the return of a client, to the moment when that client had the newest cursor: the longest; no sample if one never got it.',
    perCohort: false,
    compared: cost(200),
    read: ({ all }) => (all.unrecovered > 0 ? undefined : all.recovery.maxMs),
  },
  ...durations('heartbeat.interval', 'One ping to the next', NOTHING, 'pingInterval', {
    least: 'pingIntervalLeast',
    most: 'pingIntervalMost',
  }),
  ...durations('heartbeat.timeout', 'Unanswered ping to the close', TIME, 'pongTimeout', {
    least: 'pongTimeoutLeast',
    most: 'pongTimeoutMost',
  }),
  'emit.broadcasts': whole(
    'Cursors that the server accepted.',
    NOTHING,
    ({ emit }) => emit.broadcasts,
    emits,
  ),
  'emit.failed': whole(
    'Cursors that the server did not accept.',
    defect('failing-emits'),
    ({ emit }) => emit.failed,
    emits,
  ),
  'emit.delivered': whole(
    'Clients that the server says it handed a cursor to.',
    NOTHING,
    ({ emit }) => emit.delivered,
    emits,
  ),
  ...durations('emit.lag', 'Intended time of an emit to its sending', NOTHING, ({ emit }) => emit.lag),
  'api.requests': whole(
    'Requests by autocannon that got an answer.',
    NOTHING,
    ({ api }) => api.requests,
    requests,
  ),
  'api.failed': whole(
    'Requests by autocannon without a 2xx answer.',
    defect('downtime'),
    ({ api }) => api.failed,
    requests,
  ),
  'api.rate': {
    kind: 'rate',
    summary: 'Answered requests a second under autocannon.',
    perCohort: false,
    compared: gain(10),
    read: ({ all: { api } }) => (api.durationMs === 0 ? undefined : (api.requests * 1000) / api.durationMs),
  },
  ...durations('api.latency', 'Request to answer, under autocannon', TIME, ({ api }) => api.latency),
  'server.connections': serverCount('connections', 'Clients that the server counts as connected.', BY_SERVER),
  'server.accepted': serverCount('accepted', 'Clients that the server has admitted.', BY_SERVER),
  'server.rejected': serverCount('rejected', 'Clients that the server has refused.', BY_SERVER),
  'server.conflated': serverCount('conflated', 'Cursors that the server skipped for slow clients.', NOTHING),
  'server.closed': {
    kind: 'count',
    summary: 'Admitted clients that have left, by the close code that the server counts.',
    perCohort: false,
    compared: BY_SERVER,
    statistic: 'closed',
    keys: 'close codes',
    read: ({ all: { server } }, key) => {
      if (server.closed === undefined) return undefined;
      if (key !== undefined) return server.closed[key] ?? 0;
      return Object.values(server.closed).reduce((total, count) => total + count, 0);
    },
    keyed: ({ all: { server } }) => Object.entries(server.closed ?? {}),
  },
  'server.cpuTime': serverTime('cpuMs', 'CPU time that the server has used.', cost(200)),
  'server.rss': serverSize('rssBytes', "Peak of the server's resident memory.", MEMORY),
  'server.bytesPerConnection': serverSize(
    'bytesPerConnection',
    "Growth of the server's resident memory per connection.",
    cost(4096),
  ),
  'server.eventLoopDelay.p99': serverTime('delayP99Ms', "Delay of the server's event loop: p99.", TIME),
  'server.eventLoopDelay.max': serverTime('delayMaxMs', "Delay of the server's event loop: max.", NOTHING),
  'server.shutdown': serverTime('shutdownMs', 'From the signal to the end of the process.', cost(500)),
  'server.exitCode': serverCount('exitCode', 'Exit code of the server after a shutdown.', outcome()),
};
