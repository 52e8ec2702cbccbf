import type { Server as HttpServer } from 'node:http';
import { guardLogger, silentLogger } from '../../manager/logger.js';
import { NewestCursors } from '../../manager/newest-cursors.js';
import { RememberingManager } from '../../manager/remembering-manager.js';
import type { DatafnLogger, WsManagerConfig } from '../../manager/types.js';
import { WebSocketManager } from '../../manager/web-socket-manager.js';
import { SERVER_DEFAULTS } from '../../options/defaults.js';
import type { NamespaceProvider } from '../auth/provider.js';
import { checkAttachOptions } from '../check-options.js';
import { ConnectionCounters } from '../health/stats.js';
import { originRule } from '../http/origin-rule.js';
import { AddressLimit } from '../limits/address-limit.js';
import { type AddressOf, clientAddressRule } from '../limits/client-address.js';
import { MessagePace } from '../limits/message-pace.js';
import { type ConnectedClient, GuardedObserver, type ServerObserver } from '../observer.js';
import { Connections } from './connections.js';
import {
  addressGate,
  guardGate,
  handshakeGate,
  originGate,
  type RefuseWith,
  type UpgradeGate,
} from './gate.js';
import { IgnoredMessages } from './ignored-messages.js';
import { routeUpgrades } from './upgrade-routes.js';
import { Upgrader } from './upgrader.js';

/** How {@link attachWebSocketManager} treats connections. */
export interface AttachOptions extends WsManagerConfig {
  /** Finds the namespace of a connecting client. The only source of it. */
  readonly namespaceProvider: NamespaceProvider;
  /** Milliseconds that the provider may take before the client is closed with 4401. Default 5,000; 0 waits for ever. */
  readonly authTimeoutMs?: number | undefined;
  /** Clients that may wait for the provider at the same time; one more is answered 503. Default 1,000. */
  readonly maxPendingAuth?: number | undefined;
  /** URL path of the WebSocket endpoint. Default `/datafn/ws`. */
  readonly path?: string | undefined;
  /**
   * Handshakes that may wait for their turn: they are done a few in each turn of the event loop. More are told to come
   * back, with 503. Default 4,096.
   */
  readonly handshakeBacklog?: number | undefined;
  /**
   * How a client without a valid token, or beyond a limit, is refused: `close` upgrades it and closes it with 4401 or
   * 4503, as the DataFn reference has it; `http` answers 401 or 503 in place of the upgrade, after which DataFn clients
   * back off. Default `close`.
   */
  readonly refuseWith?: RefuseWith | undefined;
  /** Largest inbound message in bytes; a larger one closes its connection with 1009. Default 65,536. */
  readonly maxMessageBytes?: number | undefined;
  /**
   * Bytes that may wait for one client before only its newest cursor is kept. Default 65,536; 0 keeps the newest
   * alone as soon as its socket takes no more.
   */
  readonly clientBufferBytes?: number | undefined;
  /**
   * Milliseconds that a client may stay backed up before it is closed with 1013. Default 0: as long as it answers
   * pings.
   */
  readonly slowClientTimeoutMs?: number | undefined;
  /** Milliseconds a peer has to answer a close frame before its connection is cut. Default 2,000; 0 waits for ever. */
  readonly closeTimeoutMs?: number | undefined;
  /**
   * Messages that a client may send in a second in the long run, pings and unasked-for pongs included; one more closes
   * it with 1008. A longer message counts once for each KiB. Default 50; 0 is no limit.
   */
  readonly messagesPerSecond?: number | undefined;
  /** Messages that a client may send at once. Default 100. */
  readonly messageBurst?: number | undefined;
  /** Milliseconds that a client has to say hello before it is closed with 1008. Default 0: it need not. */
  readonly helloTimeoutMs?: number | undefined;
  /** Connections that one address (of IPv6, one /64) may have; one more is answered 429. Default: no limit. */
  readonly maxConnectionsPerAddress?: number | undefined;
  /**
   * Proxies whose X-Forwarded-For is believed: addresses, subnets, `loopback`, `private`. Default: none, and the
   * address of a client is that of its connection.
   */
  readonly trustProxy?: readonly string[] | undefined;
  /**
   * Origins of the pages that may connect, such as `https://app.example.com`; `null` for pages without one, `*` for
   * all. Empty lets in pages of this machine. Left out, the Origin is not looked at.
   */
  readonly allowOrigin?: readonly string[] | undefined;
  /** Whether a client whose hello shows that it is behind is sent the newest cursor at once. Default false. */
  readonly resume?: boolean | undefined;
  /**
   * Of how many namespaces the newest cursor is remembered; the one unused for longest goes first. Default 100,000
   * with `resume`, none without.
   */
  readonly rememberNamespaces?: number | undefined;
  readonly logger?: DatafnLogger | undefined;
  readonly observer?: ServerObserver | undefined;
  /** Looks at an upgrade before anything else; what it returns is the HTTP error to refuse it with. What it throws refuses with 500. */
  readonly screenUpgrade?: UpgradeGate | undefined;
}

/** A manager that is connected to an HTTP server. */
export interface AttachedManager {
  readonly manager: WebSocketManager;
  readonly counters: ConnectionCounters;
  /** The clients that are connected now, of one namespace or of all. */
  clients(namespace?: string): IterableIterator<ConnectedClient>;
  /** The newest cursor of a namespace, where it is remembered. */
  newestCursor(namespace: string): string | undefined;
  /** Refuses upgrades with 503 from here on, and leaves the clients alone. */
  refuseUpgrades(): void;
  /**
   * Refuses upgrades, and closes clients with 1001, spread evenly over `windowMs`. Cursors still go to those that are
   * connected. Resolves when all have been told to go; `close` does the rest, and may be called before that.
   */
  drain(windowMs: number): Promise<void>;
  /**
   * Refuses upgrades, closes everybody with 1001 and cuts, after `timeoutMs`, who has not gone by then. Idempotent.
   *
   * @returns how many left, and how many were cut, since the shutdown began.
   */
  close(timeoutMs?: number): Promise<{ left: number; cut: number }>;
}

/**
 * Connects a {@link WebSocketManager} to an HTTP server of your own: upgrades at `path` are authenticated and
 * handed to the manager; unauthenticated clients are closed with 4401. Upgrades elsewhere are left to your other
 * `upgrade` listeners, or answered 404 when there are none.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a value out of range, or a path that has a manager already.
 */
export function attachWebSocketManager(httpServer: HttpServer, options: AttachOptions): AttachedManager {
  checkAttachOptions(options);
  const path = options.path ?? SERVER_DEFAULTS.path;
  const logger = guardLogger(options.logger ?? silentLogger);
  const observer = GuardedObserver.of(options.observer, logger);
  const newest = newestCursors(options);
  const manager =
    newest === undefined
      ? new WebSocketManager(options, options.logger)
      : new RememberingManager(options, options.logger, newest, options.resume ?? false);
  const counters = new ConnectionCounters();
  const connections = new Connections(
    manager,
    counters,
    observer,
    {
      clientBufferBytes: options.clientBufferBytes ?? SERVER_DEFAULTS.clientBufferBytes,
      slowClientTimeoutMs: options.slowClientTimeoutMs ?? SERVER_DEFAULTS.slowClientTimeoutMs,
      closeTimeoutMs: options.closeTimeoutMs ?? SERVER_DEFAULTS.closeTimeoutMs,
      helloTimeoutMs: options.helloTimeoutMs ?? SERVER_DEFAULTS.helloTimeoutMs,
      messagePace: messagePace(options),
    },
    options.logger && new IgnoredMessages(logger),
  );
  const addressOf = clientAddressRule(options.trustProxy ?? []);
  const upgrader = new Upgrader({
    gates: gatesOf(options, addressOf, counters, logger),
    addressOf,
    isBehindProxy: (options.trustProxy ?? []).length > 0,
    namespaceProvider: options.namespaceProvider,
    authTimeoutMs: options.authTimeoutMs ?? SERVER_DEFAULTS.authTimeoutMs,
    maxPendingAuth: options.maxPendingAuth ?? SERVER_DEFAULTS.maxPendingAuth,
    handshakeBacklog: options.handshakeBacklog ?? SERVER_DEFAULTS.handshakeBacklog,
    refuseWith: options.refuseWith ?? SERVER_DEFAULTS.refuseWith,
    maxMessageBytes: options.maxMessageBytes ?? SERVER_DEFAULTS.maxMessageBytes,
    maxPendingPongs: maxPendingPongs(options),
    logger,
    observer,
    counters,
    connections,
  });
  const detach = routeUpgrades(httpServer, path, upgrader);

  let closing: Promise<{ left: number; cut: number }> | undefined;
  const close = async (timeoutMs: number) => {
    upgrader.refuseAll(0);
    upgrader.abandonUndecided();
    const outcome = await connections.closeAll(timeoutMs);
    detach();
    return outcome;
  };
  return {
    manager,
    counters,
    clients: (namespace) => connections.clients(namespace),
    newestCursor: (namespace) => newest?.get(namespace)?.cursor,
    refuseUpgrades: () => upgrader.refuseAll(0),
    drain(windowMs) {
      upgrader.refuseAll(windowMs);
      return connections.drain(windowMs);
    },
    close(timeoutMs = SERVER_DEFAULTS.shutdownTimeoutMs) {
      closing ??= close(timeoutMs);
      return closing;
    },
  };
}

/** Who may come in at all, asked in this order. The last of them counts who passes. */
function gatesOf(
  options: AttachOptions,
  addressOf: AddressOf,
  counters: ConnectionCounters,
  logger: DatafnLogger,
): UpgradeGate[] {
  const { screenUpgrade, allowOrigin, maxConnectionsPerAddress: limit = Number.POSITIVE_INFINITY } = options;
  return [
    handshakeGate,
    ...(screenUpgrade === undefined ? [] : [guardGate(screenUpgrade, logger)]),
    ...(allowOrigin === undefined ? [] : [originGate(originRule(allowOrigin), counters)]),
    ...(limit === Number.POSITIVE_INFINITY
      ? []
      : [addressGate(new AddressLimit(limit), addressOf, counters)]),
  ];
}

function messagePace({ messagesPerSecond, messageBurst }: AttachOptions): MessagePace | undefined {
  const perSecond = messagesPerSecond ?? SERVER_DEFAULTS.messagesPerSecond;
  return perSecond === 0
    ? undefined
    : new MessagePace(perSecond, messageBurst ?? SERVER_DEFAULTS.messageBurst);
}

/**
 * More than the message pace lets through within a second, so that a flood of pings ends with a close frame, however
 * long the server takes to read it. A client that does not read its pongs reaches this bound all the same.
 */
function maxPendingPongs({ messagesPerSecond, messageBurst }: AttachOptions): number {
  return (
    (messageBurst ?? SERVER_DEFAULTS.messageBurst) +
    (messagesPerSecond ?? SERVER_DEFAULTS.messagesPerSecond) +
    1
  );
}

function newestCursors({ resume, rememberNamespaces }: AttachOptions): NewestCursors | undefined {
  const namespaces = rememberNamespaces ?? (resume ? SERVER_DEFAULTS.rememberNamespaces : undefined);
  return namespaces === undefined ? undefined : new NewestCursors(namespaces);
}
