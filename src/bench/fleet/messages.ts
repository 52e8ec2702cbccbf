import type { UpgradeSettings } from '../../protocol/upgrade.js';
import type { EmissionPlan, FanoutSkewData } from '../measure/emission-plan.js';
import type { HistogramData } from '../measure/histogram.js';
import type { GeneratorSample } from '../measure/saturation.js';
import type { Sessions } from '../measure/sessions.js';
import type { TallyData } from '../measure/tally.js';
import type { Arrivals, Cohort, EndsBy } from '../model/scenario.js';
import type { PulledChanges, PullOrder, PullReport, PushedChange, PushOrder } from '../pulls/pull-fleet.js';
import type { Credentials } from './credentials.js';

/** What a worker needs before its first phase. */
export interface WorkerSetup {
  /** WebSocket URLs; see `node-of-client.ts` for which client goes to which. */
  readonly urls: readonly string[];
  readonly cohorts: readonly Cohort[];
  readonly namespaces: readonly string[];
  readonly credentials: Credentials;
  readonly upgrade: UpgradeSettings;
  /** This worker plays the clients `i` of each cohort for which `i % workers` is `worker`, shards counted in. */
  readonly worker: number;
  readonly workers: number;
  /** How many shards there are, of which the workers of this machine are one. Left out for one. */
  readonly shards?: number;
  readonly seed: number;
  /** When the run began. */
  readonly startMs: number;
  /** Local addresses to connect from, in rotation; empty leaves it to the system. */
  readonly localAddresses: readonly string[];
  /** Interval in which the server owes pings; 0 or nothing for a server that owes none. */
  readonly heartbeatIntervalMs?: number;
  /** For `wss:` URLs. */
  readonly tls: { readonly ca: string | undefined; readonly rejectUnauthorized: boolean } | undefined;
}

/** What a fleet of clients can do, in whichever process it is. Times are on the machine's monotonic clock. */
export interface FleetCalls {
  setup(setup: WorkerSetup): void;
  /** Connects a cohort; its arrivals count over all workers. Returns when every attempt has an outcome. */
  connect(order: ConnectOrder): Promise<void>;
  /** Connects and disconnects clients of a cohort, at a rate that counts over all workers. */
  churn(order: ChurnOrder): Promise<void>;
  /** Announces what is going to be emitted. */
  expectPlan(plan: EmissionPlan): void;
  /** Waits until everything of a plan has arrived, or the deadline; what is missing then is lost. Slow readers get more time. */
  settle(order: SettleOrder): Promise<SettleReport>;
  /** The same for the slow readers, of all plans so far. */
  settleSlow(order: { readonly deadlineMs: number }): Promise<void>;
  /** Waits until every client that should be is connected and has the newest cursor, or the deadline. */
  converge(order: ConvergeOrder): Promise<ConvergeReport>;
  disconnect(order: DisconnectOrder): Promise<void>;
  /** Has the clients of a cohort pull from here on. */
  startPulls(order: PullOrder): Promise<void>;
  /** Pushes changes into this worker's share of the namespaces of a cohort that pulls. */
  push(order: PushOrder): Promise<readonly PushedChange[]>;
  /** Waits until every client that pulls has every change, or the deadline, and ends the pulling. */
  settlePulls(order: PulledChanges): Promise<PullReport>;
  /** Returns what was counted since the last time, by cohort, and who is connected now. */
  takeCounts(): FleetCounts;
  /** Ends every connection, unmeasured. */
  end(): Promise<void>;
}

/** What a fleet has counted, and how it stands, by cohort. */
export interface FleetCounts {
  readonly tallies: readonly TallyData[];
  readonly open: readonly number[];
  readonly unpinged: readonly number[];
  readonly owed: readonly PingsOwed[];
  readonly behind: readonly Behind[];
}

/** Whether clients have heard the newest cursor of their namespace. */
export interface Behind {
  /** Clients that must have. */
  readonly owed: number;
  /** Of these, the ones that have not. */
  readonly leftBehind: number;
}

export interface ConvergeOrder {
  readonly startMs: number;
  readonly deadlineMs: number;
}

export interface ConvergeReport {
  /** Clients that were not there in time. */
  readonly missing: number;
  /** The longest that a client took, from the start, or from its return if that was later. */
  readonly longestMs: number;
}

/** Whether a server keeps up with its pings. */
export interface PingsOwed {
  /** Clients that have been open long enough for a ping. */
  readonly pings: number;
  /** Of these, the ones that have waited for a ping too long. */
  readonly overdue: number;
}

export interface ConnectOrder {
  /** Index into the cohorts. */
  readonly cohort: number;
  /** `undefined` for all at once. */
  readonly arrivals: Arrivals | undefined;
  readonly timeoutMs: number;
  readonly startMs: number;
}

export interface DisconnectOrder {
  readonly cohort: number;
  readonly how: EndsBy;
  /** Share of the cohort, from 0 to 1. */
  readonly fraction: number;
}

export interface ChurnOrder {
  readonly cohort: number;
  readonly startMs: number;
  /** Left out for sessions. */
  readonly ratePerSecond?: number;
  readonly sessions?: Sessions;
  readonly durationMs: number;
  readonly how: EndsBy;
}

export interface SettleOrder {
  readonly plan: number;
  /** How many cursors of the plan were meant to be emitted. */
  readonly emitted: number;
  /** Indexes of those that were not, after all. */
  readonly failed: readonly number[];
  readonly deadlineMs: number;
}

export interface SettleReport {
  readonly skew: FanoutSkewData;
  /** When the last delivery came; 0 for none. */
  readonly lastReceiptMs: number;
  /** Whether every receiver got the newest cursor of its namespace. */
  readonly hasConverged: boolean;
  /** Open clients that the plan was for, the slow ones apart. */
  readonly receivers: number;
}

/** A call on its way to a worker. */
export interface CallMessage {
  readonly id: number;
  readonly method: keyof FleetCalls;
  readonly argument: unknown;
}

export type WorkerMessage =
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: string }
  | { readonly type: 'status'; readonly status: WorkerStatus }
  /** An uncaught error: the worker ends. */
  | { readonly type: 'crashed'; readonly error: string };

/** What a worker reports several times a second. */
export interface WorkerStatus {
  /** Clients whose connection is open, by cohort. */
  readonly open: readonly number[];
  /** Connections that never opened, or that the other side has ended. */
  readonly failed: number;
  /** Connections that were begun. */
  readonly attempts: number;
  readonly received: number;
  /** Once a second, and before counts are taken: how the process performed, and the fan-out latencies meanwhile. */
  readonly health: GeneratorSample | undefined;
  readonly fanout: HistogramData | undefined;
}
