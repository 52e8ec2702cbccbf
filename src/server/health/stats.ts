import { RememberingManager } from '../../manager/remembering-manager.js';
import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import type { DelayMonitor } from './delay-monitor.js';

/** The limits that keep one caller from harming the others. */
const LIMITS = [
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
  /** A connection beyond `maxPendingConnections`: one was cut. */
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
  /** An upgrade answered 503 because `handshakeBacklog` others waited for their turn. */
  'handshakes',
  /** An upgrade answered 503 because `maxPendingAuth` others waited for the namespace provider. */
  'pendingAuth',
  /** An upgrade answered 503 because the event loop was late by more than `shedAboveMs`. */
  'eventLoopDelay',
  /** The process ran out of file descriptors; until it had some again, new connections were cut unheard. */
  'descriptors',
] as const;

export type LimitName = (typeof LIMITS)[number];

/** What `GET /v1/stats` answers. Counts run from the start of the server. */
export interface ServerStats {
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
  /** API requests refused because a cursor of theirs was lower than the newest. */
  readonly stale: number;
  /** Clients that are backed up now: only the newest cursor waits for them. */
  readonly blocked: number;
  /** Clients closed with 1013 because they stayed backed up. */
  readonly slowClosed: number;
  /** Connections whose socket is there: the open ones, and those that are being closed. */
  readonly sockets: number;
  /** Clients that left because they were told 1001 `Going Away`. */
  readonly goneAway: number;
  /** Connections that were cut because they did not end within the close timeout, or by the end of a shutdown. */
  readonly cut: number;
  readonly uptimeMs: number;
  readonly process: {
    readonly pid: number;
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly externalBytes: number;
    /** CPU time spent by the server's process so far. */
    readonly cpuMs: number;
    /** Delay of the event loop since the start: how late it came to what it had to do. */
    readonly eventLoopDelayP99Ms: number;
    readonly eventLoopDelayMaxMs: number;
    /** The longest delay within the last second or two. */
    readonly eventLoopDelayRecentMaxMs: number;
  };
}

/** Counts what becomes of connections: `blocked` and `sockets` as of now, the rest from the start. */
export class ConnectionCounters {
  accepted = 0;
  abandoned = 0;
  conflated = 0;
  stale = 0;
  blocked = 0;
  slowClosed = 0;
  sockets = 0;
  goneAway = 0;
  cut = 0;
  readonly #refused = new Map<number, number>();
  readonly #closed = new Map<number, number>();
  readonly #limited = Object.fromEntries(LIMITS.map((name) => [name, 0])) as Record<LimitName, number>;

  /** One client was refused with a close code, or an HTTP status. */
  countRefused(code: number): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  countClosed(code: number): void {
    this.#closed.set(code, (this.#closed.get(code) ?? 0) + 1);
  }

  /** A limit had to be held up once. */
  countLimited(name: LimitName): void {
    this.#limited[name] += 1;
  }

  snapshot(manager: WebSocketManager, startedAtMs: number, delay: DelayMonitor): ServerStats {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    return {
      connections: manager.connectionCount,
      namespaces: manager.namespaceCount,
      accepted: this.accepted,
      rejected: [...this.#refused.values()].reduce((sum, count) => sum + count, 0),
      refused: Object.fromEntries(this.#refused),
      abandoned: this.abandoned,
      closed: Object.fromEntries(this.#closed),
      limited: { ...this.#limited },
      broadcasts: manager.broadcasts,
      highestCursor: manager.highestCursor === undefined ? null : String(manager.highestCursor),
      deliveries: manager.deliveries,
      conflated: this.conflated,
      resumed: manager instanceof RememberingManager ? manager.resumed : 0,
      remembered: manager instanceof RememberingManager ? manager.newest.size : 0,
      stale: this.stale,
      blocked: this.blocked,
      slowClosed: this.slowClosed,
      sockets: this.sockets,
      goneAway: this.goneAway,
      cut: this.cut,
      uptimeMs: Math.round(performance.now() - startedAtMs),
      process: {
        pid: process.pid,
        rssBytes: memory.rss,
        heapUsedBytes: memory.heapUsed,
        externalBytes: memory.external,
        cpuMs: Math.round((cpu.user + cpu.system) / 1000),
        ...delay.read(),
      },
    };
  }
}
