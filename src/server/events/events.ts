import { contain } from '../../manager/contain.js';
import type { DatafnLogger } from '../../manager/types.js';
import { messageOf } from '../../protocol/errors.js';

/** The limits that keep one caller from harming the others. */
export const LIMITS = [
  /** A message over `maxMessageSizeBytes`; its client was closed with 1009. */
  'messageSize',
  /** A message in more pieces than any client would send; its client was closed with 1008. */
  'messageParts',
  /** A message more than `maxMessageRate` and `maxMessageBurst` allow; its client was closed with 1008. */
  'messageRate',
  /** A peer that sent more than 256 KiB after the server's close frame; it was terminated. */
  'bytesAfterClose',
  /** Beyond 1,000 refused clients that had not answered their close frame, the oldest was terminated for a new one. */
  'refusedClients',
  /** A client that did not say hello within `helloTimeoutMs`; it was closed with 1008. */
  'helloTimeout',
  /** An upgrade beyond `maxConnectionsPerAddress`, answered 429. */
  'connectionsPerAddress',
  /** An upgrade or a request by a page of another origin than `allowOrigins`, answered 403. */
  'origin',
  /** A connection beyond `maxPendingConnections`: one was terminated. */
  'pendingConnections',
  /** A TLS handshake, a head or a body that took longer than `handshakeTimeoutMs` or `requestTimeoutMs`. */
  'slowRequests',
  /** A request beyond those of a connection that may be unanswered; the connection was terminated. */
  'pipelinedRequests',
  /** An answer that was not read within `requestTimeoutMs`, or beyond the bytes that may wait; its connection was terminated. */
  'unreadAnswers',
  /** A body over `maxBodySizeBytes`, answered 413. */
  'bodySize',
  /** A batch of more than `maxBatchItems`, answered 413. */
  'batchItems',
  /** A proxied body that was not looked at for its cursor: longer than `inspectLimitBytes`, or in an unknown encoding. */
  'inspectedBody',
  /** An upgrade answered 503 because `handshakeBacklog` others waited. */
  'handshakes',
  /** An upgrade answered 503 because `maxPendingAuth` others waited for the namespace provider. */
  'pendingAuth',
  /** An upgrade answered 503 because the event loop was late by more than `shedAboveMs`. */
  'eventLoopDelay',
  /** The process ran out of file descriptors; until some were free, new connections were dropped. */
  'descriptors',
] as const;

export type LimitName = (typeof LIMITS)[number];

/** Which end began to close a connection. */
export type Closer = 'server' | 'peer';

/** What a namespace provider answered; `failed` is one that threw, rejected, or answered something else. */
export type AuthOutcome = 'granted' | 'refused' | 'failed' | 'timeout';

/** One connection, as reported to an observer. */
export interface ConnectionInfo {
  /** Counts up from 1 in the order of arrival. The id in `GET /v1/clients` is this, in a cluster after the name of the server. */
  readonly id: number;
  /** `undefined` for a client that was not authenticated. */
  readonly namespace: string | undefined;
  readonly clientId: string | undefined;
  readonly remoteAddress: string | undefined;
}

/** One request of the HTTP API, as reported to an observer. */
export interface RequestInfo {
  readonly method: string;
  /** Quoted, truncated to a few dozen characters, and without the query. */
  readonly path: string;
}

/** Called for what happens on a server, as it happens; for a log or a display. What it throws is logged. */
export interface ServerObserver {
  /** A client was admitted; `connections` are open now. */
  connected?(connection: ConnectionInfo, connections: number): void;
  /** A client said who it is. `heard` is the newest cursor that it has: it was sent that, or said so. */
  hello?(connection: ConnectionInfo, heard: string | undefined): void;
  /** A client was refused with a close code. `why` says more than the client learns, as with 4401. */
  refused?(connection: ConnectionInfo, code: number, reason: string, why?: string): void;
  /** An upgrade was answered with an HTTP error instead. `why` says more than the client learns, as with 401. */
  rejectedUpgrade?(status: number, detail: string, why?: string): void;
  /** A request of the HTTP API was answered with an error. `request` is undefined for bytes that are not a request. */
  rejectedRequest?(status: number, detail: string, request?: RequestInfo): void;
  /** An admitted client has left, or is being closed. */
  closed?(connection: ConnectionInfo, code: number, reason: string, by: Closer): void;
  /** A cursor went out to `delivered` clients. */
  broadcast?(namespace: string, cursor: string, delivered: number): void;
  /** `POST /v1/drain` was called: the server shuts down. */
  drainRequested?(): void;
  /** A fault that was asked for has struck; `connection` is undefined for one of a handshake, or of the whole server. */
  fault?(fault: string, connection: ConnectionInfo | undefined): void;
  /** The rules of `/v1/faults` were replaced: these faults are in force now, one for each rule. */
  faultsSet?(faults: readonly string[]): void;
}

/**
 * Everything that happens on a server. A connection that an event names is the live one: a listener that keeps it
 * copies it with {@link connectionInfo}.
 */
export interface ServerEvents extends ServerObserver {
  /** A limit was reached. */
  limited?(limit: LimitName): void;
  /** A client went away before its handshake, or while the namespace provider was asked. */
  abandoned?(): void;
  /** Cursors will never be sent to a backed-up client, because a newer one took their place. */
  conflated?(cursors: number): void;
  /** A cursor that a fault had held back was handed to its client, after its broadcast. */
  deliveredLate?(): void;
  /**
   * A client has `heard` less than the cursor `newest`, which it was not sent: it is backed up, or a fault is on. Told a
   * quarter of a second later, and not of one that has caught up by then. `others` are as many more clients, at most once.
   */
  behind?(connection: ConnectionInfo, heard: string | undefined, newest: string, others: number): void;
  /** A connection is gone, descriptor and all; `wentAway` for one that was closed with 1001 `Going Away`. */
  gone?(connection: ConnectionInfo, wentAway: boolean): void;
  /** A connection was terminated, since it did not end in time. */
  terminated?(connection: ConnectionInfo): void;
  /** A text message was no hello, or a hello that said nothing new. */
  ignoredText?(connection: ConnectionInfo, text: string): void;
  ignoredBinary?(connection: ConnectionInfo, bytes: number): void;
  /** A cursor was handed to `recipients` clients of this process. The time is measured only for a listener. */
  broadcastTook?(durationMs: number, recipients: number): void;
  /** A client answered a ping. The time is measured only for a listener. */
  pongTook?(connection: ConnectionInfo, durationMs: number): void;
  /** The namespace provider answered. The time is measured only for a listener. */
  authTook?(outcome: AuthOutcome, durationMs: number): void;
  /** A request of the HTTP API was answered; `route` is `other` for an unknown path. Measured only for a listener. */
  requestTook?(route: string, status: number, durationMs: number): void;
}

/** Events about a connection, which an observer gets a copy of. */
const CONNECTION_EVENTS = ['connected', 'hello', 'refused', 'closed'] as const;
const OBSERVER_EVENTS = [
  ...CONNECTION_EVENTS,
  'rejectedUpgrade',
  'rejectedRequest',
  'broadcast',
  'drainRequested',
  'fault',
  'faultsSet',
] as const satisfies (keyof ServerObserver)[];
const EVENTS = [
  ...OBSERVER_EVENTS,
  'limited',
  'abandoned',
  'conflated',
  'deliveredLate',
  'behind',
  'gone',
  'terminated',
  'ignoredText',
  'ignoredBinary',
  'broadcastTook',
  'pongTook',
  'authTook',
  'requestTook',
] as const satisfies (keyof ServerEvents)[];

type Listener = (...event: unknown[]) => void;

/**
 * One stream for several listeners, some of which come later and leave again. An event that none of them takes is not
 * there, so `events.hello?.(…)` costs nothing then, not even its arguments.
 */
export class EventStream {
  readonly events: ServerEvents;
  readonly #listeners: ServerEvents[];

  constructor(listeners: readonly ServerEvents[]) {
    this.#listeners = [...listeners];
    // Each name from the start: an object that gets them one by one is slower to look into.
    this.events = Object.fromEntries(EVENTS.map((name) => [name, undefined]));
    this.#join();
  }

  /** Adds a listener. Returns what removes it. */
  add(listener: ServerEvents): () => void {
    this.#listeners.push(listener);
    this.#join();
    return () => {
      const at = this.#listeners.indexOf(listener);
      if (at !== -1) this.#listeners.splice(at, 1);
      this.#join();
    };
  }

  #join(): void {
    const stream = this.events as Partial<Record<keyof ServerEvents, Listener>>;
    for (const name of EVENTS) {
      const takers = this.#listeners.flatMap(
        (listener) => (listener[name] as Listener | undefined)?.bind(listener) ?? [],
      );
      stream[name] =
        takers.length <= 1
          ? takers[0]
          : (...event) => {
              for (const take of takers) take(...event);
            };
    }
  }
}

/** Two observers as one: both get what happens, the first one first. */
export function joinObservers(first: ServerObserver, second: ServerObserver): ServerObserver {
  const joined: Partial<Record<keyof ServerObserver, Listener>> = {};
  for (const name of OBSERVER_EVENTS) {
    if (first[name] === undefined && second[name] === undefined) continue;
    joined[name] = (...event) => {
      (first[name] as Listener | undefined)?.apply(first, event);
      (second[name] as Listener | undefined)?.apply(second, event);
    };
  }
  return joined as ServerObserver;
}

/** A user's observer as a listener. What goes wrong in it is logged the first time: it may go wrong with every event. */
export function guardObserver(observer: ServerObserver, logger: DatafnLogger): ServerObserver {
  let hasFailed = false;
  const failed = (error: unknown) => {
    if (hasFailed) return;
    hasFailed = true;
    logger.error('The observer failed; later failures are not logged', { error: messageOf(error) });
  };
  const guarded: Partial<Record<keyof ServerObserver, Listener>> = {};
  for (const name of OBSERVER_EVENTS) {
    if (observer[name] === undefined) continue;
    const isAboutConnection = CONNECTION_EVENTS.some((one) => one === name);
    guarded[name] = (first, ...others) => {
      const subject = isAboutConnection ? connectionInfo(first as ConnectionInfo) : first;
      contain(() => (observer[name] as Listener).call(observer, subject, ...others), failed);
    };
  }
  return guarded as ServerObserver;
}

/** A copy of what is known of a connection now. */
export function connectionInfo({ id, namespace, clientId, remoteAddress }: ConnectionInfo): ConnectionInfo {
  return { id, namespace, clientId, remoteAddress };
}
