import { contain } from '../manager/contain.js';
import type { DatafnLogger } from '../manager/types.js';
import { messageOf } from '../protocol/errors.js';

/** Which end began to close a connection. */
export type Closer = 'server' | 'peer';

/** One connection, as reported to an observer. */
export interface ConnectionInfo {
  /** Counts up from 1 in the order of arrival. */
  readonly id: number;
  /** `undefined` for a client that was not authenticated. */
  readonly namespace: string | undefined;
  readonly clientId: string | undefined;
  readonly remoteAddress: string | undefined;
}

/** A client that is connected. */
export interface ConnectedClient extends ConnectionInfo {
  /** Milliseconds since it was admitted. */
  readonly connectedMs: number;
}

/** One request of the HTTP API, as reported to an observer. */
export interface RequestInfo {
  readonly method: string;
  /** Quoted, cut to a few dozen characters, and without the query. */
  readonly path: string;
}

/** Is told what happens on a server, as it happens; for a log or a screen. What it throws is logged, and harms nobody. */
export interface ServerObserver {
  /** A client was admitted; `connections` are open now. */
  connected?(connection: ConnectionInfo, connections: number): void;
  /** A client said who it is. */
  hello?(connection: ConnectionInfo): void;
  /** A client was refused with a close code. `why` says more than the client learns, as with 4401. */
  refused?(connection: ConnectionInfo, code: number, reason: string, why?: string): void;
  /** An upgrade was answered with an HTTP error instead. `why` says more than the client is told, as with 401. */
  rejectedUpgrade?(status: number, detail: string, why?: string): void;
  /** A request of the HTTP API was answered with an error. `request` is undefined for bytes that are no request. */
  rejectedRequest?(status: number, detail: string, request?: RequestInfo): void;
  /** An admitted client has left, or is being closed. */
  closed?(connection: ConnectionInfo, code: number, reason: string, by: Closer): void;
  /** A cursor went out to `delivered` clients. */
  broadcast?(namespace: string, cursor: string, delivered: number): void;
  /** `POST /v1/drain` was called: the server shuts down. */
  drainRequested?(): void;
}

/** Whom nothing is told, and for whom nothing needs to be found out. */
const NOBODY: ServerObserver = {};

/** A user's observer, what goes wrong in it being logged: the first time, since it may go wrong with every event. */
export class GuardedObserver implements Required<ServerObserver> {
  #hasFailed = false;

  /** The observer, guarded unless it is already; one that is told nothing where there is none. */
  static of(observer: ServerObserver | undefined, logger: DatafnLogger): ServerObserver {
    if (observer === undefined || observer === NOBODY) return NOBODY;
    return observer instanceof GuardedObserver ? observer : new GuardedObserver(observer, logger);
  }

  /** @param logger must not throw. */
  private constructor(
    private readonly observer: ServerObserver,
    private readonly logger: DatafnLogger,
  ) {}

  connected(...event: Parameters<Required<ServerObserver>['connected']>): void {
    contain(() => this.observer.connected?.(...event), this.#failed);
  }

  hello(...event: Parameters<Required<ServerObserver>['hello']>): void {
    contain(() => this.observer.hello?.(...event), this.#failed);
  }

  refused(...event: Parameters<Required<ServerObserver>['refused']>): void {
    contain(() => this.observer.refused?.(...event), this.#failed);
  }

  rejectedUpgrade(...event: Parameters<Required<ServerObserver>['rejectedUpgrade']>): void {
    contain(() => this.observer.rejectedUpgrade?.(...event), this.#failed);
  }

  rejectedRequest(...event: Parameters<Required<ServerObserver>['rejectedRequest']>): void {
    contain(() => this.observer.rejectedRequest?.(...event), this.#failed);
  }

  closed(...event: Parameters<Required<ServerObserver>['closed']>): void {
    contain(() => this.observer.closed?.(...event), this.#failed);
  }

  broadcast(...event: Parameters<Required<ServerObserver>['broadcast']>): void {
    contain(() => this.observer.broadcast?.(...event), this.#failed);
  }

  drainRequested(): void {
    contain(() => this.observer.drainRequested?.(), this.#failed);
  }

  readonly #failed = (error: unknown): void => {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.logger.error('The observer failed; what more goes wrong in it is not logged', {
      error: messageOf(error),
    });
  };
}
