import type { Clock } from '../manager/clock.js';
import type { Kick } from '../manager/types.js';
import type { ClusterCursor } from './backplane.js';

// What a backplane needs of an engine: a store with one register for all nodes, one channel that all nodes hear, and
// the counts of clients by which the limits of namespaces are kept.

/** The clock of a node. */
export interface NodeClock extends Pick<Clock, 'setTimeout' | 'clearTimeout'> {
  /** Milliseconds on a clock that never goes back. */
  readonly nowMs: number;
}

/** A cursor on its way to the engine. */
export interface EngineUpdate {
  readonly namespace: string;
  readonly cursor: string;
  readonly epoch: number;
  /**
   * `merge`: the cursor belongs to `epoch`. `adopt`: the node knows nothing of the namespace, so the cursor belongs to
   * whatever epoch the engine has. `reset`: it begins `epoch`, or a later one when the engine is at `epoch` already;
   * said twice, it begins one only.
   */
  readonly kind: 'merge' | 'adopt' | 'reset';
  /** Whom it concerns, for `live` cursors. */
  readonly affectedPrincipals?: readonly string[] | undefined;
}

/**
 * `live`: every cursor is published, newer or not. `late`: only those that are newer than what the engine has, for nodes
 * to catch up with. `monotonic`: as `live`, unless one is lower than what the engine has; then nothing happens.
 */
export type UpdateMode = 'live' | 'late' | 'monotonic';

export type UpdateReply =
  /** The epoch of each cursor. */
  | { readonly epochs: readonly number[] }
  /** With `monotonic`: the first cursor that is too low. */
  | { readonly stale: { readonly index: number; readonly newest: string } };

/** What a beat says of its node. */
export interface Beat {
  readonly version: string;
  readonly connections: number;
  /** Counts the beats of a connection. */
  readonly count: number;
}

/** A message of the channel. */
export type EngineMessage = {
  /** The node that sent it. */
  readonly node: string;
  /** One more with each message of the engine: a gap shows that messages were lost. */
  readonly sequence: number;
} & (
  | { readonly kind: 'cursors'; readonly late: boolean; readonly items: readonly ClusterCursor[] }
  | ({ readonly kind: 'beat' } & Beat)
  | { readonly kind: 'leave' }
  | { readonly kind: 'kick'; readonly request: number; readonly kick: Kick }
  /** The answer to a `kick` of the node `to`. */
  | { readonly kind: 'kicked'; readonly to: string; readonly request: number; readonly closed: number }
);

/** What a node says of clients that must lose access. */
export type NodeMessage =
  | Omit<Extract<EngineMessage, { kind: 'kick' }>, 'node' | 'sequence'>
  | Omit<Extract<EngineMessage, { kind: 'kicked' }>, 'node' | 'sequence'>;

/** What the engine still has, as a beat finds it. */
export interface BeatReply {
  /** The counts of this node. They are gone when the node did not beat for its lease, or the engine lost them. */
  readonly hasCounts: boolean;
  /** Any cursors at all. */
  readonly hasCursors: boolean;
}

/** What an engine calls. */
export interface EngineEvents {
  message(message: EngineMessage): void;
  /** The connection is lost. */
  closed(why: string): void;
}

/**
 * A connection to an engine, subscribed to its channel. Commands are carried out in order, and a message that was
 * published before the answer to a command comes before that answer. They reject when the engine refuses them or the
 * connection is lost; none of them has a deadline.
 */
export interface EngineLink {
  update(items: readonly EngineUpdate[], mode: UpdateMode): Promise<UpdateReply>;
  /** All cursors that the engine has, a part at a time. */
  scan(): AsyncIterable<readonly ClusterCursor[]>;
  /** Publishes a beat, and extends the lease of this node by {@link LEASE_MS}. */
  beat(beat: Beat): Promise<BeatReply>;
  /** See `Backplane.reserve`; how many are granted. */
  reserve(namespace: string, count: number, limit: number): Promise<number>;
  /** States counts as they are, whatever the limits. */
  restate(counts: readonly (readonly [namespace: string, count: number])[]): Promise<void>;
  /** Publishes a message to all nodes, and keeps nothing of it. */
  send(message: NodeMessage): Promise<void>;
  /** Gives back the counts of this node, and tells the others that it leaves. */
  leave(): Promise<void>;
  /** Drops the connection; nothing is called from here on. */
  close(): void;
}

/** Who connects. */
export interface EngineCaller {
  readonly node: string;
  /**
   * Counts the connections of the node. What an earlier connection left in the buffers of a stopped engine is carried out
   * as `late`, so that no client hears it twice.
   */
  readonly session: number;
}

/** Opens a connection. Rejects when that fails; an aborted signal drops what has been opened. */
export type ConnectEngine = (
  caller: EngineCaller,
  events: EngineEvents,
  signal: AbortSignal,
) => Promise<EngineLink>;

/** How often a node beats. */
export const BEAT_MS = 1000;
/** A node that has not heard its own beat for so long reconnects: its connection is mute, or nothing can be written. */
export const UNHEARD_MS = 3500;
/** The clients of a node count for so long after its last beat. */
export const LEASE_MS = 4000;
