import { DatafnWsError } from '../../protocol/errors.js';
import type { Closer, ConnectionInfo, RequestInfo, ServerObserver } from '../events/events.js';

/** What happened on a server, as {@link DevServer.until} returns it. */
export interface DevServerEvents {
  /** A client was admitted; `connections` are open now. */
  connected: { readonly connection: ConnectionInfo; readonly connections: number };
  /** A client said who it is. */
  hello: { readonly connection: ConnectionInfo };
  /** A client was refused with a close code. */
  refused: { readonly connection: ConnectionInfo; readonly code: number; readonly reason: string };
  /** An upgrade was answered with an HTTP error. */
  rejectedUpgrade: { readonly status: number; readonly detail: string };
  /** A request of the HTTP API was answered with an error. */
  rejectedRequest: {
    readonly status: number;
    readonly detail: string;
    readonly request: RequestInfo | undefined;
  };
  /** An admitted client has left, or is being closed. */
  closed: {
    readonly connection: ConnectionInfo;
    readonly code: number;
    readonly reason: string;
    readonly by: Closer;
  };
  /** A cursor went out to `delivered` clients. */
  broadcast: { readonly namespace: string; readonly cursor: string; readonly delivered: number };
  /** A fault has struck. */
  fault: { readonly fault: string; readonly connection: ConnectionInfo | undefined };
  /** The faults were replaced. */
  faultsSet: { readonly faults: readonly string[] };
}

type EventName = keyof DevServerEvents;

interface Entry {
  readonly name: EventName;
  readonly event: DevServerEvents[EventName];
}

interface Waiter {
  readonly name: EventName;
  readonly matches: (event: never) => boolean;
  readonly take: (event: DevServerEvents[EventName]) => void;
  readonly fail: (why: string) => void;
}

/** Events that nobody has asked for yet; the oldest are forgotten. */
const MAX_EVENTS = 10_000;
/** Events that an error lists. */
const SHOWN_EVENTS = 10;

/** Keeps the events of a server for a test that waits for them. Each is handed out once. */
export class EventLog {
  readonly #events: Entry[] = [];
  readonly #waiters = new Set<Waiter>();

  readonly observer: Required<Omit<ServerObserver, 'drainRequested'>> = {
    connected: (connection, connections) => this.#add('connected', { connection, connections }),
    hello: (connection) => this.#add('hello', { connection }),
    refused: (connection, code, reason) => this.#add('refused', { connection, code, reason }),
    rejectedUpgrade: (status, detail) => this.#add('rejectedUpgrade', { status, detail }),
    rejectedRequest: (status, detail, request) => this.#add('rejectedRequest', { status, detail, request }),
    closed: (connection, code, reason, by) => this.#add('closed', { connection, code, reason, by }),
    broadcast: (namespace, cursor, delivered) => this.#add('broadcast', { namespace, cursor, delivered }),
    fault: (fault, connection) => this.#add('fault', { fault, connection }),
    faultsSet: (faults) => this.#add('faultsSet', { faults }),
  };

  /** See {@link DevServer.until}. */
  until<Name extends EventName>(
    name: Name,
    matches: (event: DevServerEvents[Name]) => boolean,
    timeoutMs: number,
  ): Promise<DevServerEvents[Name]> {
    const at = this.#events.findIndex(
      (entry) => entry.name === name && matches(entry.event as DevServerEvents[Name]),
    );
    const [found] = at === -1 ? [] : this.#events.splice(at, 1);
    if (found !== undefined) return Promise.resolve(found.event as DevServerEvents[Name]);
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const fail = (why: string) => {
        end();
        reject(new DatafnWsError('ERR_UNREACHABLE', `${why}. ${this.#summary()}`));
      };
      const timer = setTimeout(() => fail(`No \`${name}\` that fits came within ${timeoutMs} ms`), timeoutMs);
      const waiter: Waiter = {
        name,
        matches,
        take(event) {
          end();
          resolve(event as DevServerEvents[Name]);
        },
        fail,
      };
      this.#waiters.add(waiter);
    });
  }

  /** The server has ended: nothing more will come. */
  close(): void {
    for (const waiter of [...this.#waiters])
      waiter.fail(`The server was closed before \`${waiter.name}\` came`);
  }

  #add<Name extends EventName>(name: Name, event: DevServerEvents[Name]): void {
    for (const waiter of this.#waiters) {
      if (waiter.name !== name || !waiter.matches(event as never)) continue;
      waiter.take(event);
      return;
    }
    this.#events.push({ name, event });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
  }

  #summary(): string {
    if (this.#events.length === 0) return 'Nothing else has happened that was not waited for';
    const last = this.#events.slice(-SHOWN_EVENTS).map(({ name }) => name);
    return `What has happened and was not waited for: ${this.#events.length > SHOWN_EVENTS ? '…, ' : ''}${last.join(', ')}`;
  }
}
