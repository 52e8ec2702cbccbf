import type { Server as HttpServer } from 'node:http';
import { checkOptions, FUNCTION, LOGGER, OBJECT, requireOption } from '../../manager/checks.js';
import { guardLogger, silentLogger } from '../../manager/logger.js';
import { NewestCursors } from '../../manager/newest-cursors.js';
import { RememberingManager } from '../../manager/remembering-manager.js';
import type { DatafnLogger } from '../../manager/types.js';
import { WebSocketManager } from '../../manager/web-socket-manager.js';
import {
  type ConnectionSettings,
  completeOptions,
  connectionTable,
  type OptionsOf,
  serverTable,
} from '../../options/server.js';
import type { NamespaceProvider } from '../auth/provider.js';
import { ConnectionCounters } from '../health/stats.js';
import { originRule } from '../http/origin-rule.js';
import { AddressLimit } from '../limits/address-limit.js';
import { type AddressOf, clientAddressRule } from '../limits/client-address.js';
import { MessagePace } from '../limits/message-pace.js';
import { type ConnectedClient, GuardedObserver, type ServerObserver } from '../observer.js';
import { Connections } from './connections.js';
import { addressGate, guardGate, handshakeGate, originGate, type UpgradeGate } from './gate.js';
import { IgnoredMessages } from './ignored-messages.js';
import { routeUpgrades } from './upgrade-routes.js';
import { Upgrader } from './upgrader.js';

/** What {@link attachWebSocketManager} works with, besides its options. */
export interface AttachCollaborators {
  /** Finds the namespace of a connecting client. The only source of it. */
  readonly namespaceProvider: NamespaceProvider;
  /** Default: silent. */
  readonly logger?: DatafnLogger | undefined;
  readonly observer?: ServerObserver | undefined;
  /** Looks at an upgrade first; what it returns is the HTTP error to refuse it with. What it throws refuses with 500. */
  readonly screenUpgrade?: UpgradeGate | undefined;
}

/**
 * How {@link attachWebSocketManager} treats connections. Two options differ from those of a whole server: without
 * `allowOrigin`, the Origin is not looked at; without `resume`, cursors are remembered only with `rememberNamespaces`.
 */
export type AttachOptions = OptionsOf<typeof connectionTable> & AttachCollaborators;

/** Rules for {@link AttachCollaborators}. */
export const COLLABORATOR_RULES = {
  namespaceProvider: FUNCTION,
  logger: LOGGER,
  observer: OBJECT,
  screenUpgrade: FUNCTION,
} as const;

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
  const settings = completeOptions(connectionTable, options);
  checkOptions('the options', options, COLLABORATOR_RULES);
  // It has no default: a manager on your own server is not to let anybody in by itself.
  requireOption('namespaceProvider', options.namespaceProvider, FUNCTION);
  return attach(httpServer, settings, {
    ...options,
    checksOrigin: options.allowOrigin !== undefined,
    remembers: settings.resume || options.rememberNamespaces !== undefined,
  });
}

/** As {@link attachWebSocketManager}, with complete settings. */
export function attach(
  httpServer: HttpServer,
  settings: ConnectionSettings,
  collaborators: AttachCollaborators & { readonly checksOrigin: boolean; readonly remembers: boolean },
): AttachedManager {
  const { namespaceProvider, remembers } = collaborators;
  const { path, trustProxy, maxMessageRate, maxMessageBurst } = settings;
  const logger = guardLogger(collaborators.logger ?? silentLogger);
  const observer = GuardedObserver.of(collaborators.observer, logger);
  const newest = remembers ? new NewestCursors(settings.rememberNamespaces) : undefined;
  const manager =
    newest === undefined
      ? new WebSocketManager(settings, collaborators.logger)
      : new RememberingManager(settings, collaborators.logger, newest, settings.resume);
  const counters = new ConnectionCounters();
  const messagePace = maxMessageRate === 0 ? undefined : new MessagePace(maxMessageRate, maxMessageBurst);
  const connections = new Connections(
    manager,
    counters,
    observer,
    { ...settings, messagePace },
    collaborators.logger && new IgnoredMessages(logger),
  );
  const addressOf = clientAddressRule(trustProxy);
  const upgrader = new Upgrader(settings, {
    gates: gatesOf(settings, collaborators, addressOf, counters, logger),
    addressOf,
    namespaceProvider,
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
    close(timeoutMs = serverTable.shutdownTimeoutMs.default) {
      closing ??= close(timeoutMs);
      return closing;
    },
  };
}

/** Who may come in at all, asked in this order. The last of them counts who passes. */
function gatesOf(
  { allowOrigin, maxConnectionsPerAddress: limit = Number.POSITIVE_INFINITY }: ConnectionSettings,
  { screenUpgrade, checksOrigin }: { screenUpgrade?: UpgradeGate | undefined; checksOrigin: boolean },
  addressOf: AddressOf,
  counters: ConnectionCounters,
  logger: DatafnLogger,
): UpgradeGate[] {
  return [
    handshakeGate,
    ...(screenUpgrade === undefined ? [] : [guardGate(screenUpgrade, logger)]),
    ...(checksOrigin ? [originGate(originRule(allowOrigin), counters)] : []),
    ...(limit === Number.POSITIVE_INFINITY
      ? []
      : [addressGate(new AddressLimit(limit), addressOf, counters)]),
  ];
}
