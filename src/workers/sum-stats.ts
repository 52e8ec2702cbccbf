import { ABNORMAL_CLOSURE } from '../protocol/close-codes.js';
import type { ConnectionStats, ServerStats } from '../server/health/statistics.js';

type Counts = Readonly<Record<string, number>>;

function sumCounts(all: readonly Counts[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all)
    for (const [key, count] of Object.entries(counts)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

/** What is known of the server besides the sums of its workers. */
export interface WholeServer {
  readonly namespaces: number;
  readonly uptimeMs: number;
  readonly timeMs: number;
  /** The primary process itself, as part of the sums. */
  readonly primary: Pick<
    ServerStats['process'],
    'pid' | 'rssBytes' | 'heapUsedBytes' | 'externalBytes' | 'cpuMs'
  >;
}

/** The statistics of one server, from those of its workers, those included that have ended. */
export function sumStats(workers: readonly ServerStats[], whole: WholeServer): ServerStats {
  const sum = (
    key: {
      [Key in keyof ConnectionStats]: ConnectionStats[Key] extends number ? Key : never;
    }[keyof ConnectionStats],
  ) => workers.reduce((total, one) => total + one[key], 0);
  const highest = workers.flatMap(({ highestCursor }) =>
    highestCursor === null ? [] : [Number(highestCursor)],
  );
  const ofProcesses = (key: 'rssBytes' | 'heapUsedBytes' | 'externalBytes' | 'cpuMs') =>
    workers.reduce((total, { process }) => total + process[key], whole.primary[key]);
  const worst = (key: 'eventLoopDelayP99Ms' | 'eventLoopDelayMaxMs' | 'eventLoopDelayRecentMaxMs') =>
    Math.max(0, ...workers.map(({ process }) => process[key]));
  return {
    connections: sum('connections'),
    namespaces: whole.namespaces,
    accepted: sum('accepted'),
    rejected: sum('rejected'),
    refused: sumCounts(workers.map(({ refused }) => refused)),
    abandoned: sum('abandoned'),
    closed: sumCounts(workers.map(({ closed }) => closed)),
    closedByServer: sumCounts(workers.map(({ closedByServer }) => closedByServer)),
    limited: sumCounts(workers.map(({ limited }) => limited)) as ServerStats['limited'],
    broadcasts: sum('broadcasts'),
    highestCursor: highest.length === 0 ? null : String(Math.max(...highest)),
    deliveries: sum('deliveries'),
    conflated: sum('conflated'),
    resumed: sum('resumed'),
    // Each of them remembers the cursors of all.
    remembered: Math.max(0, ...workers.map((one) => one.remembered)),
    stale: sum('stale'),
    blocked: sum('blocked'),
    slowClosed: sum('slowClosed'),
    sockets: sum('sockets'),
    goneAway: sum('goneAway'),
    cut: sum('cut'),
    faults: sumCounts(workers.map(({ faults }) => faults)),
    uptimeMs: whole.uptimeMs,
    timeMs: whole.timeMs,
    process: {
      pid: whole.primary.pid,
      rssBytes: ofProcesses('rssBytes'),
      heapUsedBytes: ofProcesses('heapUsedBytes'),
      externalBytes: ofProcesses('externalBytes'),
      cpuMs: ofProcesses('cpuMs'),
      eventLoopDelayP99Ms: worst('eventLoopDelayP99Ms'),
      eventLoopDelayMaxMs: worst('eventLoopDelayMaxMs'),
      eventLoopDelayRecentMaxMs: worst('eventLoopDelayRecentMaxMs'),
    },
  };
}

/** The last statistics of a worker that has ended: its clients are gone, without a close code if it died. */
export function afterEnd(last: ServerStats): ServerStats {
  const { connections, closed, process } = last;
  return {
    ...last,
    connections: 0,
    blocked: 0,
    sockets: 0,
    remembered: 0,
    closed:
      connections === 0
        ? closed
        : { ...closed, [ABNORMAL_CLOSURE]: (closed[ABNORMAL_CLOSURE] ?? 0) + connections },
    process: {
      ...process,
      rssBytes: 0,
      heapUsedBytes: 0,
      externalBytes: 0,
      eventLoopDelayP99Ms: 0,
      eventLoopDelayMaxMs: 0,
      eventLoopDelayRecentMaxMs: 0,
    },
  };
}

/** The statistics of several workers that have ended, as those of one. */
export function foldEnded(ended: ServerStats | undefined, last: ServerStats): ServerStats {
  const next = afterEnd(last);
  if (ended === undefined) return next;
  const { pid } = next.process;
  const primary = { pid, rssBytes: 0, heapUsedBytes: 0, externalBytes: 0, cpuMs: 0 };
  return sumStats([ended, next], { namespaces: 0, uptimeMs: 0, timeMs: 0, primary });
}
