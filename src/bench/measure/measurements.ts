import type { BehaviorName } from '../behaviors/behaviors.js';
import type { EmitRecord } from './emit-record.js';
import { Histogram, type HistogramData } from './histogram.js';
import { Tally } from './tally.js';

/** What was measured of one cohort. */
export interface CohortMeasurement {
  readonly name: string;
  readonly clients: number;
  readonly behavior: BehaviorName;
  readonly tally: Tally;
  /** Clients whose connection is open at the end. */
  open: number;
  /** Of these, the ones to which no ping ever came. */
  unpinged: number;
  /** Clients that were owed a ping at the end, and those that had waited too long for it; of several ends, the most. */
  pingsOwed: number;
  pingsOverdue: number;
  /** Clients that must have heard the newest cursor of their namespace by the end, and those that have not. */
  cursorsOwed: number;
  leftBehind: number;
}

/** What was measured of the emits. */
export interface EmitMeasurement {
  /** Cursors that the server took. */
  broadcasts: number;
  /** Cursors that it did not take, or that got no answer. */
  failed: number;
  /** Clients that it said it handed them to. */
  delivered: number;
  /** From the intended time of a request to its sending. */
  readonly lag: Histogram;
  /** From the sending of a request to its answer, or to its failure. */
  readonly time: Histogram;
}

/** What was measured of the HTTP load that autocannon drove. */
export interface ApiMeasurement {
  requests: number;
  failed: number;
  durationMs: number;
  readonly latency: Histogram;
}

/** What was measured of clients that pull, beside what their tallies count. */
export interface PullMeasurement {
  /** Most pulls under way at a time. */
  peak: number;
  /** The longest that a client was behind a change. */
  longestBehindMs: number;
}

/** What the server says of itself (`GET /v1/stats`), and how it ended; empty for a server that does not say. */
export interface ServerMeasurement {
  connections?: number;
  accepted?: number;
  rejected?: number;
  conflated?: number;
  closed?: Readonly<Record<string, number>>;
  /** CPU time from the beginning of the measurement. */
  cpuMs?: number;
  /** The most that was seen. */
  rssBytes?: number;
  /** Growth of the resident memory over the connections that it came with. */
  bytesPerConnection?: number;
  delayP99Ms?: number;
  delayMaxMs?: number;
  /** Within the second before the measurement. */
  recentDelayMaxMs?: number;
  /** At the time of the measurement. */
  rssNowBytes?: number;
  /** Of a shutdown that the scenario asked for. */
  shutdownMs?: number;
  exitCode?: number;
}

/** Everything that was measured, and that an expectation can speak of. */
export interface Measurements {
  readonly cohorts: readonly CohortMeasurement[];
  readonly emit: EmitMeasurement;
  readonly api: ApiMeasurement;
  /** From the first receiver of a broadcast to the last. */
  readonly skew: Histogram;
  /** From the last emit of a row to the moment when every receiver had the newest cursor. */
  readonly convergence: Histogram;
  /** Series of emits after which a receiver never got the newest. */
  unconverged: number;
  /** From a fault, or from its return, until a client had the newest cursor: the longest of each wait for it. */
  readonly recovery: Histogram;
  /** Waits in which a client did not get that far. */
  unrecovered: number;
  readonly pulls: PullMeasurement;
  /** Of each emit in a shard, what the merge of all shards needs; empty otherwise. */
  readonly emits: EmitRecord[];
  server: ServerMeasurement;
}

export function emptyMeasurements(
  cohorts: readonly { readonly name: string; readonly clients: number; readonly behavior: BehaviorName }[],
): Measurements {
  return {
    cohorts: cohorts.map(({ name, clients, behavior }) => ({
      name,
      clients,
      behavior,
      tally: new Tally(),
      open: 0,
      unpinged: 0,
      pingsOwed: 0,
      pingsOverdue: 0,
      cursorsOwed: 0,
      leftBehind: 0,
    })),
    emit: { broadcasts: 0, failed: 0, delivered: 0, lag: new Histogram(), time: new Histogram() },
    api: { requests: 0, failed: 0, durationMs: 0, latency: new Histogram() },
    skew: new Histogram(),
    convergence: new Histogram(),
    unconverged: 0,
    recovery: new Histogram(),
    unrecovered: 0,
    pulls: { peak: 0, longestBehindMs: 0 },
    emits: [],
    server: {},
  };
}

/** Adds what was measured of one phase to what was measured so far. */
export function addMeasurements(total: Measurements, phase: Measurements): void {
  for (const [index, cohort] of total.cohorts.entries()) {
    const of = phase.cohorts[index];
    if (of === undefined) continue;
    cohort.tally.add(of.tally);
    cohort.open = of.open;
    cohort.unpinged = of.unpinged;
    cohort.cursorsOwed = of.cursorsOwed;
    cohort.leftBehind = of.leftBehind;
    // Clients may leave before the run is over.
    cohort.pingsOwed = Math.max(cohort.pingsOwed, of.pingsOwed);
    cohort.pingsOverdue = Math.max(cohort.pingsOverdue, of.pingsOverdue);
  }
  total.emit.broadcasts += phase.emit.broadcasts;
  total.emit.failed += phase.emit.failed;
  total.emit.delivered += phase.emit.delivered;
  total.emit.lag.add(phase.emit.lag);
  total.emit.time.add(phase.emit.time);
  total.api.requests += phase.api.requests;
  total.api.failed += phase.api.failed;
  total.api.durationMs += phase.api.durationMs;
  total.api.latency.add(phase.api.latency);
  total.skew.add(phase.skew);
  total.convergence.add(phase.convergence);
  total.unconverged += phase.unconverged;
  total.recovery.add(phase.recovery);
  total.unrecovered += phase.unrecovered;
  total.pulls.peak = Math.max(total.pulls.peak, phase.pulls.peak);
  total.pulls.longestBehindMs = Math.max(total.pulls.longestBehindMs, phase.pulls.longestBehindMs);
  total.emits.push(...phase.emits);
  total.server = { ...total.server, ...phase.server };
}

/** A rate is of at least so much time: what is counted arrives in gulps. */
const RATE_MS = 500;

/** How things stood in one second of a run. A number that is not known is left out. */
export interface TimelinePoint {
  /** End of the second, from the beginning of the run; the last one ends with the run. */
  readonly atMs: number;
  readonly open: number;
  readonly deliveriesPerSecond: number;
  /** Cursors that were due, and those that went out; left out while nothing is emitted. */
  readonly emitsDuePerSecond?: number;
  readonly emitsSentPerSecond?: number;
  /** Connects that were due, and those that were begun; left out while there are none. */
  readonly connectsDuePerSecond?: number;
  readonly connectsBegunPerSecond?: number;
  readonly fanoutP50Ms?: number;
  readonly fanoutP99Ms?: number;
  /** Event-loop delay (p99) of the worst worker. */
  readonly workerDelayP99Ms?: number;
  readonly serverRssBytes?: number;
  /** Longest event-loop delay of the server. */
  readonly serverDelayMaxMs?: number;
}

/** What had been counted by the end of a second. */
interface Mark {
  readonly atMs: number;
  readonly received: number;
  readonly emits: Done;
  readonly connects: Done;
}

/** How many were due, and how many went out. */
interface Done {
  readonly due: number;
  readonly sent: number;
}

const NONE: Done = { due: 0, sent: 0 };
const NOTHING_YET: Mark = { atMs: 0, received: 0, emits: NONE, connects: NONE };

/** What was due and done in a time, a second; nothing where nothing was. */
function rates<Due extends string, Sent extends string>(
  from: Done,
  to: Done,
  seconds: number,
  due: Due,
  sent: Sent,
): Partial<Record<Due | Sent, number>> {
  if (to.due === from.due && to.sent === from.sent) return {};
  const rate = (key: keyof Done) => Math.round(Math.max(0, to[key] - from[key]) / seconds);
  return { [due]: rate('due'), [sent]: rate('sent') } as Record<Due | Sent, number>;
}

/** Puts the seconds of a run together from what workers and server say meanwhile. */
export class Timeline {
  readonly #points: TimelinePoint[] = [];
  #fanout = new Histogram();
  #workerDelayP99Ms: number | undefined;
  /** Deliveries until the end of each second. */
  readonly #marks: Mark[] = [NOTHING_YET];

  get points(): readonly TimelinePoint[] {
    return this.#points;
  }

  addWorker(fanout: HistogramData, delayP99Ms: number): void {
    this.#fanout.add(Histogram.from(fanout));
    this.#workerDelayP99Ms = Math.max(this.#workerDelayP99Ms ?? 0, delayP99Ms);
  }

  /** Ends a second. */
  mark(
    atMs: number,
    now: {
      readonly open: number;
      readonly received: number;
      readonly emits?: Done;
      readonly connects?: Done;
    },
    server: { readonly rssBytes?: number; readonly delayMaxMs?: number },
  ): TimelinePoint {
    const { emits = NONE, connects = NONE } = now;
    const from = this.#marks.findLast((one) => atMs - one.atMs >= RATE_MS) ?? NOTHING_YET;
    const seconds = Math.max(0.001, (atMs - from.atMs) / 1000);
    const point = {
      atMs: Math.round(atMs),
      open: now.open,
      deliveriesPerSecond: Math.round(Math.max(0, now.received - from.received) / seconds),
      ...rates(from.emits, emits, seconds, 'emitsDuePerSecond', 'emitsSentPerSecond'),
      ...rates(from.connects, connects, seconds, 'connectsDuePerSecond', 'connectsBegunPerSecond'),
      ...(this.#fanout.count > 0
        ? { fanoutP50Ms: this.#fanout.percentileMs(50), fanoutP99Ms: this.#fanout.percentileMs(99) }
        : {}),
      workerDelayP99Ms: this.#workerDelayP99Ms,
      serverRssBytes: server.rssBytes,
      serverDelayMaxMs: server.delayMaxMs,
    };
    this.#points.push(point);
    this.#fanout = new Histogram();
    this.#workerDelayP99Ms = undefined;
    this.#marks.push({ atMs, received: now.received, emits, connects });
    return point;
  }
}
