import type { BackplaneNode, ClusterCursor, PublishedCursor, PublishOutcome } from './backplane.js';

// What the workers of a server and its primary process say to each other about cursors and slots. Each is plain JSON.

export interface PublishMessage {
  readonly type: 'publish';
  readonly id: number;
  readonly items: readonly PublishedCursor[];
  readonly monotonic?: boolean | undefined;
  /** Time of the system clock after which a batch that must be acknowledged is worth nothing. */
  readonly expiresAtMs?: number | undefined;
}

export interface ReserveMessage {
  readonly type: 'reserve';
  readonly id: number;
  readonly namespace: string;
  readonly count: number;
  /** `null` for no limit: JSON has no `Infinity`. */
  readonly limit: number | null;
}

/** Clients of namespaces that the worker has taken its own slots for, or has given back. */
export interface HeldMessage {
  readonly type: 'held';
  readonly counts: readonly (readonly [namespace: string, count: number])[];
}

/** The answer to an {@link AskMessage} with an `id`. What the worker took before it was told before it. */
export interface AskingMessage {
  readonly type: 'asking';
  readonly id: number;
}

/** The answer to a {@link CursorsMessage} with an `id`. */
export interface DeliveredMessage {
  readonly type: 'delivered';
  readonly id: number;
  readonly counts: readonly number[];
}

/** How many clients the worker has, for the list of workers. */
export interface BeatMessage {
  readonly type: 'beat';
  readonly id: number;
  readonly connections: number;
}

/** The worker has no clients any more, and wants to hear nothing else. */
export interface LeaveMessage {
  readonly type: 'leave';
}

export type MessageToHub =
  | PublishMessage
  | ReserveMessage
  | HeldMessage
  | AskingMessage
  | DeliveredMessage
  | BeatMessage
  | LeaveMessage;

/** Cursors of other workers; with an `id`, the sender waits for how many clients were handed them. */
export interface CursorsMessage {
  readonly type: 'cursors';
  readonly id?: number | undefined;
  readonly items: readonly ClusterCursor[];
}

/** What a new worker has missed: the newest cursor of each namespace, in parts. The last part ends the snapshot. */
export interface SnapshotMessage {
  readonly type: 'snapshot';
  readonly items: readonly ClusterCursor[];
  readonly isLast: boolean;
}

export interface PublishedMessage {
  readonly type: 'published';
  readonly id: number;
  readonly outcome: PublishOutcome;
}

export interface ReservedMessage {
  readonly type: 'reserved';
  readonly id: number;
  readonly granted: number;
  readonly isTotal?: boolean | undefined;
}

/** From here on, take no slot of these namespaces without asking; with `all`, of no namespace at all. */
export interface AskMessage {
  readonly type: 'ask';
  readonly id?: number | undefined;
  readonly namespaces: readonly string[];
  readonly all: boolean;
}

/** Takes an {@link AskMessage} back: the worker may take its share without asking. */
export interface ShareMessage {
  readonly type: 'share';
  readonly namespaces: readonly string[];
  readonly all: boolean;
}

/** The answer to a beat. */
export interface BeatenMessage {
  readonly type: 'beaten';
  readonly id: number;
}

/** The workers, as they are now. */
export interface NodesMessage {
  readonly type: 'nodes';
  readonly nodes: readonly Omit<BackplaneNode, 'isSelf'>[];
}

export type MessageToWorker =
  | CursorsMessage
  | SnapshotMessage
  | PublishedMessage
  | ReservedMessage
  | AskMessage
  | ShareMessage
  | BeatenMessage
  | NodesMessage;
