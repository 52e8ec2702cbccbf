/** A cursor on its way between the processes of a cluster. */
export interface ClusterCursor {
  readonly namespace: string;
  readonly cursor: string;
  /** Begins at 0; one more with each reset of the namespace. A cursor of a later epoch is newer than any of an earlier one. */
  readonly epoch: number;
}

/** A cursor to publish. */
export interface PublishedCursor {
  readonly namespace: string;
  readonly cursor: string;
  /** Begins a new epoch of the namespace: the cursor is newer than all before it, however low it is. */
  readonly reset?: boolean | undefined;
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
   */
  cursors(items: readonly ClusterCursor[], catchUp: boolean): void;
  state(state: BackplaneState): void;
}

/** What became of a batch of cursors. */
export interface PublishOutcome {
  /** Whether the engine has acknowledged the batch in time. Otherwise it is kept, and sent later. */
  readonly replicated: boolean;
  /** Processes known to be alive, this one included. */
  readonly nodes: number;
  /** With `monotonic`: the index of the first cursor that is lower than the newest of its namespace. Nothing was published. */
  readonly stale?: { readonly index: number; readonly newest: string } | undefined;
}

export interface BackplaneView {
  readonly state: BackplaneState;
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
  /** Begins to connect. Never rejects: an engine that is away is a state, and is retried until `close`. */
  start(listener: BackplaneListener): void;
  /** Publishes a batch; settles within a deadline of its own, and never rejects. */
  publish(items: readonly PublishedCursor[], options?: { readonly monotonic?: boolean }): Promise<PublishOutcome>;
  /**
   * Says how many clients of a namespace this process has or is about to admit. An absolute count, so saying it again
   * changes nothing.
   *
   * @returns false when all processes together would have more than the limit; the earlier count holds then.
   */
  reserve(namespace: string, count: number): Promise<boolean>;
  view(): BackplaneView;
  /** Gives back what this process holds, and disconnects. */
  close(): Promise<void>;
}
