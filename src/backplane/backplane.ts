import type { Kick } from '../manager/types.js';

/** A cursor on its way between the processes of a cluster. */
export interface ClusterCursor {
  readonly namespace: string;
  readonly cursor: string;
  /** Begins at 0; one more with each reset of the namespace. A cursor of a later epoch is newer than any of an earlier one. */
  readonly epoch: number;
  /** Whom it concerns; left out for everybody. Unknown for a cursor that was missed, which then goes to everybody. */
  readonly affectedPrincipals?: readonly string[] | undefined;
}

/** A cursor to publish. */
export interface PublishedCursor {
  readonly namespace: string;
  readonly cursor: string;
  /** Begins a new epoch of the namespace: the cursor is newer than all before it, however low it is. */
  readonly reset?: boolean | undefined;
  /** Whom it concerns; left out for everybody. */
  readonly affectedPrincipals?: readonly string[] | undefined;
}

/** What became of a {@link Kick} in the other processes. */
export interface KickOutcome {
  /** Clients that they have closed. */
  readonly closed: number;
  /** Processes that have answered, this one included. */
  readonly nodes: number;
  /** Whether that is all of them. */
  readonly replicated: boolean;
}

/** How the connection to the other processes is. */
export type BackplaneState = 'connecting' | 'up' | 'down' | 'closed';

/** What a backplane calls. */
export interface BackplaneListener {
  /**
   * Cursors came from other processes, never one's own.
   *
   * @param catchUp whether they were missed while the connection was down: only the newest of each namespace, and only
   *   clients that have not heard it need it. Live cursors go onto the wire, every one.
   * @returns how many clients each was handed to here, where that is known.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a listener that does not count returns nothing
  cursors(items: readonly ClusterCursor[], catchUp: boolean): readonly number[] | void;
  /**
   * The connection has changed. `up` comes after the cursors that were missed have been handed over.
   *
   * @param why with `down`, the reason in words; it never holds a secret.
   */
  state(state: BackplaneState, why?: string): void;
  /** Another process closes clients; how many of them were here. */
  kick?(kick: Kick): number | Promise<number>;
  /** How many clients this process has now; its beats tell the others. */
  connections(): number;
}

/** What became of a batch of cursors. */
export interface PublishOutcome {
  /** Whether the engine has acknowledged the batch in time. Otherwise it is kept, and sent later. */
  readonly replicated: boolean;
  /** Servers known to be alive, this one included; all workers of a server are one. */
  readonly nodes: number;
  /** Clients that each cursor was handed to by the other workers of this server. Left out by other backplanes. */
  readonly delivered?: readonly number[] | undefined;
  /** With `monotonic`: the index of the first cursor that is lower than the newest of its namespace. Nothing was published. */
  readonly stale?: { readonly index: number; readonly newest: string } | undefined;
}

/** How a batch is to be published. */
export interface PublishOptions {
  /** Refuse the whole batch when a cursor in it is lower than the newest of its namespace. Implies `required`. */
  readonly monotonic?: boolean | undefined;
  /** Forget the batch when it is not acknowledged in time, in place of sending it later: the caller delivers nothing then. */
  readonly required?: boolean | undefined;
}

/** The answer to {@link Backplane.reserve}. */
export interface Reservation {
  /** As many of the clients asked for as the limit of the cluster allows. */
  readonly granted: number;
  /** False when the other processes could not be asked: then all were granted, and only the limit of this process holds. */
  readonly checked: boolean;
  /** True when fewer were granted because of the limit of all clients, not that of the namespace. Only workers have one. */
  readonly isTotal?: boolean | undefined;
}

export interface BackplaneView {
  readonly state: BackplaneState;
  /** Cursors that are not acknowledged yet, and will be sent again: at most the newest of each namespace. */
  readonly kept: number;
  /** Milliseconds that the last beat took from this process to itself through the engine; `undefined` before the first. */
  readonly lagMs: number | undefined;
  readonly nodes: readonly BackplaneNode[];
}

/** A process of the cluster. */
export interface BackplaneNode {
  readonly id: string;
  readonly version: string;
  readonly connections: number;
  /** Milliseconds since its last beat. */
  readonly ageMs: number;
  readonly isSelf: boolean;
}

/**
 * Makes the managers of several processes act as one. The newest cursor of a namespace is a max-register: merging two
 * is taking the greater, so retries, duplicates and reordering do no harm, and every outage heals by merging.
 */
export interface Backplane {
  /** Stands in the ids of the clients of this process, so that no other process of the cluster has the same; letters and digits. */
  readonly id?: string | undefined;
  /** Begins to connect. Never rejects: an engine that is away is a state, and is retried until `close`. */
  start(listener: BackplaneListener): void;
  /** Publishes a batch; settles within a deadline of its own, and never rejects. */
  publish(items: readonly PublishedCursor[], options?: PublishOptions): Promise<PublishOutcome>;
  /**
   * Says how many clients of a namespace this process has or wants to admit. An absolute count, so saying it again
   * changes nothing. Settles within a deadline of its own, and never rejects.
   *
   * @param limit how many clients of the namespace all processes together may have.
   * @returns how many of `count` it may have. What it had before is never taken away.
   */
  reserve(namespace: string, count: number, limit: number): Promise<Reservation>;
  /**
   * As {@link Backplane.reserve}, at once: sets how many clients of a namespace this process has, where it may without asking
   * the others. Not called for a namespace while `reserve` is under way for it.
   *
   * @returns false when it must ask; nothing has changed then. Without this method, it always asks.
   */
  take?(namespace: string, count: number, limit: number): boolean;
  /** Closes clients of the other processes; settles within a deadline of its own, and never rejects. */
  kick?(kick: Kick): Promise<KickOutcome>;
  view(): BackplaneView;
  /** Gives back what this process holds, and disconnects. */
  close(): Promise<void>;
}
