import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import { CLOSE } from '../../protocol/close-codes.js';
import {
  type Closer,
  type ConnectionInfo,
  LIMITS,
  type LimitName,
  type ServerEvents,
} from '../events/events.js';
import type { DelayMonitor, EventLoopDelay } from './delay-monitor.js';
import { processMemory } from './memory.js';

/** Counts of connections and cursors since the start; some are current values, as noted. */
export interface ConnectionStats {
  /** Clients admitted and open now. */
  readonly connections: number;
  /** Namespaces that have a client now. */
  readonly namespaces: number;
  /** Clients ever admitted: `connections` plus the sum of `closed`. */
  readonly accepted: number;
  /** Clients refused so far, by a close code or an HTTP status; `refused` says by which. */
  readonly rejected: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Clients that went away before their handshake, or while the namespace provider was asked. */
  readonly abandoned: number;
  /** Admitted clients that have left, by the close code that ended them (1006: without one). */
  readonly closed: Readonly<Record<string, number>>;
  /** Those of `closed` that the server began; the others were closed by the client, or lost. */
  readonly closedByServer: Readonly<Record<string, number>>;
  /** How often each limit had to be held up. */
  readonly limited: Readonly<Record<LimitName, number>>;
  /** Cursors broadcast. */
  readonly broadcasts: number;
  /** Highest cursor broadcast so far, in any namespace, as clients compare them; `null` before the first. */
  readonly highestCursor: string | null;
  /** Clients that were handed a cursor, summed over all broadcasts. */
  readonly deliveries: number;
  /** Cursors that were never sent to a backed-up client because a newer one took their place. */
  readonly conflated: number;
  /** Cursors sent in answer to a hello that showed that its client was behind; a client may say hello again. */
  readonly resumed: number;
  /** Namespaces whose newest cursor is remembered now. */
  readonly remembered: number;
  /** API requests refused because they contained a cursor lower than the newest. */
  readonly stale: number;
  /** Clients that are backed up now: only the newest cursor waits for them. */
  readonly blocked: number;
  /** Clients closed with 1013 because they stayed backed up. */
  readonly slowClosed: number;
  /** Connections whose socket is there: the open ones, and those that are being closed. */
  readonly sockets: number;
  /** Clients that left after 1001 `Going Away`. */
  readonly goneAway: number;
  /** Connections that were terminated because they did not end within the close timeout, or by the end of a shutdown. */
  readonly cut: number;
  /** How often each fault that was asked for at `/v1/faults` has struck; empty for a server without. */
  readonly faults: Readonly<Record<string, number>>;
}

/** What `GET /v1/stats` answers. */
export interface ServerStats extends ConnectionStats {
  readonly uptimeMs: number;
  /** The server's clock: milliseconds since 1970, with fractions. */
  readonly timeMs: number;
  readonly process: EventLoopDelay & {
    readonly pid: number;
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly externalBytes: number;
    /** CPU time spent by the server's process so far. */
    readonly cpuMs: number;
  };
}

/** What the statistics read elsewhere, as of now. */
export interface StatisticsSources {
  readonly manager: WebSocketManager;
  /** Namespaces whose newest cursor is remembered. */
  readonly remembered: number;
  readonly blocked: number;
  readonly sockets: number;
}

/** Counts events. */
export class Statistics implements ServerEvents {
  readonly #startedAtMs = performance.now();
  readonly #refused = new Map<number, number>();
  readonly #closed = new Map<number, number>();
  readonly #closedByServer = new Map<number, number>();
  readonly #faults = new Map<string, number>();
  readonly #limited = Object.fromEntries(LIMITS.map((name) => [name, 0])) as Record<LimitName, number>;
  #accepted = 0;
  #abandoned = 0;
  #conflated = 0;
  #deliveredLate = 0;
  #stale = 0;
  #slowClosed = 0;
  #goneAway = 0;
  #terminated = 0;

  connected(): void {
    this.#accepted += 1;
  }

  refused(_client: ConnectionInfo, code: number): void {
    count(this.#refused, code);
  }

  rejectedUpgrade(status: number): void {
    count(this.#refused, status);
  }

  rejectedRequest(status: number): void {
    if (status === 409) this.#stale += 1;
  }

  closed(_client: ConnectionInfo, code: number, reason: string, by: Closer): void {
    count(this.#closed, code);
    if (by !== 'server') return;
    count(this.#closedByServer, code);
    if (reason === CLOSE.slowClient.reason) this.#slowClosed += 1;
  }

  limited(name: LimitName): void {
    this.#limited[name] += 1;
  }

  abandoned(): void {
    this.#abandoned += 1;
  }

  conflated(cursors: number): void {
    this.#conflated += cursors;
  }

  deliveredLate(): void {
    this.#deliveredLate += 1;
  }

  gone(_client: ConnectionInfo, wentAway: boolean): void {
    if (wentAway) this.#goneAway += 1;
  }

  terminated(): void {
    this.#terminated += 1;
  }

  fault(name: string): void {
    count(this.#faults, name);
  }

  /** The counts by now. */
  ofConnections({ manager, remembered, blocked, sockets }: StatisticsSources): ConnectionStats {
    return {
      connections: manager.connectionCount,
      namespaces: manager.namespaceCount,
      accepted: this.#accepted,
      rejected: [...this.#refused.values()].reduce((sum, count) => sum + count, 0),
      refused: Object.fromEntries(this.#refused),
      abandoned: this.#abandoned,
      closed: Object.fromEntries(this.#closed),
      closedByServer: Object.fromEntries(this.#closedByServer),
      limited: { ...this.#limited },
      broadcasts: manager.broadcasts,
      highestCursor: manager.highestCursor === undefined ? null : String(manager.highestCursor),
      deliveries: manager.deliveries + this.#deliveredLate,
      conflated: this.#conflated,
      resumed: manager.resumed,
      remembered,
      stale: this.#stale,
      blocked,
      slowClosed: this.#slowClosed,
      sockets,
      goneAway: this.#goneAway,
      cut: this.#terminated,
      faults: Object.fromEntries(this.#faults),
    };
  }

  /** The counts of connections, and how the process is. */
  ofServer(connections: ConnectionStats, delay: DelayMonitor): ServerStats {
    const cpu = process.cpuUsage();
    return {
      ...connections,
      uptimeMs: Math.round(performance.now() - this.#startedAtMs),
      timeMs: clockMs(),
      process: {
        pid: process.pid,
        ...processMemory(),
        cpuMs: Math.round((cpu.user + cpu.system) / 1000),
        ...delay.read(),
      },
    };
  }
}

/** Milliseconds since 1970 on a clock that never jumps, unlike `Date.now`: what is timed by it needs that. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now();
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
