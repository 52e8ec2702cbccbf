import { packageVersion } from '../../backplane/version.js';
import { ABNORMAL_CLOSURE, CLOSE, NO_STATUS_RECEIVED } from '../../protocol/close-codes.js';
import { hasKnownMeaning } from '../../protocol/close-meanings.js';
import type { MetricsSnapshot } from './snapshot.js';

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What metrics are read from. */
export interface MetricsSource extends MetricsSnapshot {
  readonly maxConnections: number;
}

/** A metric that is read when it is asked for. */
export interface MetricSpec {
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly labels?: readonly string[];
  /** `undefined` where the server has no such thing. */
  read(source: MetricsSource): number | readonly Sample[] | undefined;
}

/** As `backplane_state` has them. */
const STATE_NUMBERS = { down: 0, up: 1, connecting: 2, closed: 3 } as const;

const gauge = (help: string, read: MetricSpec['read'], labels?: readonly string[]): MetricSpec => ({
  type: 'gauge',
  help,
  read,
  ...(labels && { labels }),
});
const counter = (help: string, read: MetricSpec['read'], labels?: readonly string[]): MetricSpec => ({
  ...gauge(help, read, labels),
  type: 'counter',
});

/** The metrics of the server, without their prefix `datafn_ws_`. */
export const SERVER_METRICS: Readonly<Record<string, MetricSpec>> = {
  connections: gauge('Clients that are connected now', ({ stats }) => stats.connections),
  connections_limit: gauge('Maximum clients (--max-connections)', ({ maxConnections }) => maxConnections),
  namespaces: gauge('Namespaces that have a client now', ({ stats }) => stats.namespaces),
  sockets: gauge(
    'Sockets of clients: of those that are connected, and of those that are being closed',
    ({ stats }) => stats.sockets,
  ),
  blocked_clients: gauge(
    'Clients that are backed up now: only the newest cursor waits for them',
    ({ stats }) => stats.blocked,
  ),
  remembered_namespaces: gauge(
    'Namespaces whose newest cursor is remembered',
    ({ stats }) => stats.remembered,
  ),
  ready: gauge('1 while new clients are admitted, 0 during a shutdown', ({ isReady }) => Number(isReady)),
  workers: gauge('Processes that serve clients', ({ workers }) => workers),
  connections_accepted_total: counter('Clients admitted', ({ stats }) => stats.accepted),
  connections_refused_total: counter(
    'Clients refused, by close code or HTTP status',
    ({ stats }) => byCode(stats.refused, isRefusalCode, FROM_START.refused),
    ['code'],
  ),
  connections_closed_total: counter(
    'Admitted clients that have left, by close code and by who closed first: server or peer',
    ({ stats }) => closes(stats),
    ['code', 'by'],
  ),
  connections_abandoned_total: counter(
    'Clients that went away before they were admitted or refused',
    ({ stats }) => stats.abandoned,
  ),
  connections_terminated_total: counter(
    'Sockets terminated because they did not end in time',
    ({ stats }) => stats.cut,
  ),
  limit_hits_total: counter(
    'How often each limit was reached',
    ({ stats }) => Object.entries(stats.limited).map(([limit, value]) => ({ labels: { limit }, value })),
    ['limit'],
  ),
  broadcasts_total: counter('Cursors broadcast', ({ stats }) => stats.broadcasts),
  deliveries_total: counter(
    'Clients that were handed a cursor, summed over all broadcasts',
    ({ stats }) => stats.deliveries,
  ),
  cursors_conflated_total: counter(
    'Cursors that were never sent to a backed-up client because a newer one took their place',
    ({ stats }) => stats.conflated,
  ),
  cursors_resumed_total: counter(
    'Cursors sent in answer to a hello that showed that its client was behind',
    ({ stats }) => stats.resumed,
  ),
  cursors_stale_total: counter(
    'API requests refused because they contained a cursor lower than the newest',
    ({ stats }) => stats.stale,
  ),
  slow_clients_closed_total: counter(
    'Clients closed with 1013 because they stayed backed up',
    ({ stats }) => stats.slowClosed,
  ),
  backplane_state: gauge(
    'Connection to the engine of the cluster: 0 down, 1 up, 2 connecting, 3 closed',
    ({ cluster }) => cluster && STATE_NUMBERS[cluster.state],
  ),
  backplane_lag_seconds: gauge(
    'Time that the last beat took from this server to itself through the engine',
    ({ cluster }) => (cluster?.lagMs === undefined ? undefined : cluster.lagMs / 1000),
  ),
  backplane_nodes: gauge('Processes of the cluster that are alive', ({ cluster }) => cluster?.nodes),
  backplane_cursors_kept: gauge(
    'Cursors that the engine has not acknowledged, and that will be sent again',
    ({ cluster }) => cluster?.kept,
  ),
  backplane_namespaces_catching_up: gauge(
    'Namespaces whose clients are still to be sent what was missed',
    ({ cluster }) => cluster?.catchingUp,
  ),
  backplane_cursors_published_total: counter(
    'Cursors given to the engine',
    ({ cluster }) => cluster?.cursorsPublished,
  ),
  backplane_batches_unacknowledged_total: counter(
    'Batches of cursors that the engine did not acknowledge in time',
    ({ cluster }) => cluster?.batchesUnacknowledged,
  ),
  backplane_cursors_received_total: counter(
    'Cursors that came from other processes',
    ({ cluster }) => cluster?.cursorsReceived,
  ),
  backplane_cursors_caught_up_total: counter(
    'Cursors that were missed while the engine was away, and came when it was back',
    ({ cluster }) => cluster?.cursorsCaughtUp,
  ),
  backplane_disconnects_total: counter(
    'Times that the engine went away',
    ({ cluster }) => cluster?.disconnects,
  ),
  backplane_clients_unchecked_total: counter(
    'Clients admitted while the engine was away: only the limits of their server held',
    ({ cluster }) => cluster?.admittedUnchecked,
  ),
  event_loop_delay_p99_seconds: gauge(
    '99th percentile of the delay of the event loop over the last minute; with workers, of the worst',
    ({ delayP99Ms }) => delayP99Ms / 1000,
  ),
  build_info: gauge(
    'Always 1; the labels are the versions of datafn-ws and of Node.js',
    () => [{ labels: { version: packageVersion(), node: process.version }, value: 1 }],
    ['version', 'node'],
  ),
};

/** The metrics of the processes, which have no prefix: they are the usual ones of Prometheus clients. */
export const PROCESS_METRICS: Readonly<Record<string, MetricSpec>> = {
  process_cpu_seconds_total: counter(
    'CPU time; with workers, of all processes',
    ({ stats }) => stats.process.cpuMs / 1000,
  ),
  process_resident_memory_bytes: gauge(
    'Resident memory; with workers, of all processes',
    ({ stats }) => stats.process.rssBytes,
  ),
  process_start_time_seconds: gauge(
    'When the process started, in seconds since 1970',
    () => performance.timeOrigin / 1000,
  ),
  process_open_fds: gauge(
    'Open file descriptors (Linux 6.2 and later); with workers, of the process that is closest to its limit',
    ({ descriptors }) => descriptors?.open,
  ),
  process_max_fds: gauge(
    'Maximum file descriptors (ulimit -n) of that process',
    ({ descriptors }) => descriptors?.max,
  ),
  nodejs_heap_size_used_bytes: gauge(
    'Heap in use; with workers, of all processes',
    ({ stats }) => stats.process.heapUsedBytes,
  ),
  nodejs_external_memory_bytes: gauge(
    'Memory outside of the heap, such as buffers; with workers, of all processes',
    ({ stats }) => stats.process.externalBytes,
  ),
};

/** Codes that are there from the start, at 0, so that a rate sees the first of each. */
const FROM_START = {
  refused: [CLOSE.unauthorized.code, CLOSE.connectionLimit.code, 401, 403, 429, 503],
  server: [...new Set([...Object.values(CLOSE).map(({ code }) => code), 1009])].filter(
    (code) => code !== CLOSE.connectionLimit.code,
  ),
  peer: [1000, 1001, NO_STATUS_RECEIVED, ABNORMAL_CLOSURE],
};

/** A code that the server refuses with: a close code of the tables, or an HTTP error. */
function isRefusalCode(code: number): boolean {
  return hasKnownMeaning(code) || (code >= 400 && code < 600);
}

/** Counts by code. Codes that are not known are counted together, so that no client can make a series. */
function byCode(
  counts: Readonly<Record<string, number>>,
  isKnown: (code: number) => boolean,
  fromStart: readonly number[],
): Sample[] {
  const sums = new Map(fromStart.map((code) => [String(code), 0]));
  for (const [code, count] of Object.entries(counts)) {
    const label = isKnown(Number(code)) ? code : 'other';
    sums.set(label, (sums.get(label) ?? 0) + count);
  }
  return [...sums].map(([code, value]) => ({ labels: { code }, value }));
}

function closes({ closed, closedByServer }: MetricsSnapshot['stats']): Sample[] {
  const others = Object.entries(closed).map(([code, count]) => [code, count - (closedByServer[code] ?? 0)]);
  const closedByPeer = Object.fromEntries(others.filter(([, count]) => count !== 0));
  const by = (closer: 'server' | 'peer', counts: Readonly<Record<string, number>>) =>
    byCode(counts, hasKnownMeaning, FROM_START[closer]).map(({ labels, value }) => ({
      labels: { ...labels, by: closer },
      value,
    }));
  return [...by('server', closedByServer), ...by('peer', closedByPeer)];
}
