import type { IpcBackplaneOptions } from '../backplane/ipc.js';
import type { MessageToHub, MessageToWorker } from '../backplane/ipc-messages.js';
import type { DatafnLogger, Kick } from '../manager/types.js';
import type { ServerSettings } from '../options/server-options.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { JwtProviderOptions } from '../server/auth/jwt.js';
import type { TokenGrant } from '../server/auth/tokens.js';
import type { ClusterView } from '../server/cluster/cluster.js';
import type { ClientList, ClientQuery, ConnectionNumbers } from '../server/events/clients.js';
import type { ServerObserver } from '../server/events/events.js';
import type { FeedEvent } from '../server/feed/recorder.js';
import type { ServerStats } from '../server/health/statistics.js';
import type { KickAnswer } from '../server/http/clients.js';
import type { MetricsSnapshot } from '../server/metrics/snapshot.js';
import type { ShutdownStage } from '../server/server-types.js';
import type { ShutdownOutcome } from '../server/shutdown.js';

// What the primary process and its workers say to each other, besides cursors and slots. Messages go in batches: arrays.

/** Where a worker gets namespaces from, as plain data: files were read by the primary. */
export type AuthSource =
  | { readonly kind: 'dev' }
  | { readonly kind: 'tokens'; readonly tokens: readonly (readonly [token: string, grant: TokenGrant])[] }
  | {
      readonly kind: 'jwt';
      readonly options: Omit<JwtProviderOptions, 'logger' | 'secret'>;
      /** Its bytes: JSON has none. */
      readonly secretBase64: string | undefined;
    }
  | { readonly kind: 'module'; readonly file: string };

/** A certificate and its key as text. */
export interface TlsText {
  readonly cert: string;
  readonly key: string;
}

/** Which events a worker reports. */
export interface Reporting {
  /** Events that the observer of the primary listens to. */
  readonly events: readonly (keyof ServerObserver)[];
  /** Levels of the logger that are heard; none without a logger. */
  readonly levels: readonly (keyof DatafnLogger)[];
}

/** Everything that a worker needs to know. */
export interface WorkerSetup {
  readonly id: string;
  /** The most workers that there are at a time. */
  readonly workers: number;
  readonly cluster: IpcBackplaneOptions['cluster'];
  readonly settings: ServerSettings;
  readonly auth: AuthSource;
  readonly tls: TlsText | undefined;
  readonly reporting: Reporting;
  /** Ids of connections: the first, and from one to the next, so that no two workers give the same. */
  readonly ids: ConnectionNumbers;
  /** Sockets that follow, one message each. */
  readonly sockets: number;
}

/** Questions about one worker, or about all of them, and their answers. */
export interface Questions {
  stats: { argument: undefined; answer: ServerStats };
  snapshot: { argument: undefined; answer: MetricsSnapshot };
  namespaces: { argument: undefined; answer: readonly NamespaceCount[] };
  clients: {
    argument: ClientQuery;
    answer: ClientList;
  };
  kick: { argument: Kick; answer: KickAnswer };
  cluster: { argument: undefined; answer: ClusterView };
  /** No new clients from here on; how many are connected. */
  announce: { argument: undefined; answer: number };
  tls: { argument: TlsText; answer: undefined };
  tokens: { argument: readonly (readonly [token: string, grant: TokenGrant])[]; answer: undefined };
}

export interface NamespaceCount {
  readonly namespace: string;
  readonly connections: number;
}

/** A question, to be answered with the same `id`. */
export type Ask = {
  [Name in keyof Questions]: {
    readonly type: 'ask';
    readonly id: number;
    readonly name: Name;
    readonly argument?: Questions[Name]['argument'];
  };
}[keyof Questions];

export interface Answer {
  readonly type: 'answer';
  readonly id: number;
  readonly value?: unknown;
}

/** From the primary. */
export type ToWorker =
  | { readonly type: 'setup'; readonly setup: WorkerSetup }
  /** Comes with a socket to accept from. */
  | { readonly type: 'socket' }
  /** Leave new connections to the others until sockets come again. */
  | { readonly type: 'stopAccepting' }
  /** Shut down; with `drainMs`, in that time. */
  | { readonly type: 'close'; readonly drainMs?: number | undefined }
  /** All workers have reached this stage of the shutdown: go on. */
  | { readonly type: 'pass'; readonly stage: ShutdownStage }
  | { readonly type: 'backplane'; readonly message: MessageToWorker }
  /** Whether a worker has readers of `GET /v1/events`: what happens is reported from here on, or no longer. */
  | { readonly type: 'record'; readonly on: boolean }
  /** What happened at a worker, for the readers of this one. */
  | { readonly type: 'recorded'; readonly event: FeedEvent }
  | Ask
  | Answer;

/** From a worker. */
export type ToPrimary =
  /** It runs, and can be set up. */
  | { readonly type: 'started' }
  | { readonly type: 'listening' }
  /** Whether it has file descriptors for more connections. Without, it has stopped to accept them until sockets come again. */
  | { readonly type: 'room'; readonly hasRoom: boolean }
  | { readonly type: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }
  | { readonly type: 'event'; readonly name: keyof ServerObserver; readonly args: readonly unknown[] }
  | {
      readonly type: 'log';
      readonly level: keyof DatafnLogger;
      readonly message: string;
      readonly context?: Record<string, unknown> | undefined;
    }
  /** `POST /v1/drain` was answered: all shut down. */
  | { readonly type: 'drain' }
  /** It shuts down, and waits for the others at this stage. */
  | { readonly type: 'reached'; readonly stage: ShutdownStage }
  /** It has shut down. */
  | { readonly type: 'closed'; readonly outcome: ShutdownOutcome; readonly stats: ServerStats }
  /** An uncaught error; it ends. */
  | { readonly type: 'crashed'; readonly stack: string }
  /** Its counts by now, for when it dies. */
  | { readonly type: 'stats'; readonly stats: ServerStats }
  | { readonly type: 'backplane'; readonly message: MessageToHub }
  /** Whether it has readers of `GET /v1/events`. */
  | { readonly type: 'follow'; readonly on: boolean }
  /** What happened here, for the readers of all workers. */
  | { readonly type: 'recorded'; readonly event: FeedEvent }
  | Ask
  | Answer;
