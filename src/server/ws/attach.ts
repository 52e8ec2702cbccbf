import type { Server as HttpServer } from 'node:http';
import type { Backplane } from '../../backplane/backplane.js';
import { checkOptions, FUNCTION, LOGGER, OBJECT, objectWith, requireOption } from '../../manager/checks.js';
import { guardLogger, silentLogger } from '../../manager/contain.js';
import { NewestCursors } from '../../manager/newest-cursors.js';
import type { DatafnLogger, Kick } from '../../manager/types.js';
import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import { completeOptions, type OptionsOf } from '../../options/complete.js';
import { type ConnectionSettings, connectionTable, serverTable } from '../../options/server-options.js';
import { DatafnWsError } from '../../protocol/errors.js';
import type { NamespaceProvider } from '../auth/provider.js';
import { withBackendCursors } from '../backend/missed-cursors.js';
import { clientsOfManager } from '../cluster/clients.js';
import { Cluster } from '../cluster/cluster.js';
import type { ClientList, ClientQuery, ConnectionNumbers } from '../events/clients.js';
import { EventStream, guardObserver, type ServerEvents, type ServerObserver } from '../events/events.js';
import { type ConnectionStats, Statistics } from '../health/statistics.js';
import { originRule } from '../http/hosts-and-origins.js';
import type { UpgradeGate } from '../http/problem.js';
import { AddressLimit, clientAddressRule } from '../limits/client-address.js';
import { Connections } from './connections.js';
import { addressGate, guardGate, handshakeGate, originGate } from './gates.js';
import { IgnoredMessages } from './ignored-messages.js';
import { TimedManager } from './timed-manager.js';
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
  readonly beforeUpgrade?: UpgradeGate | undefined;
  /**
   * Makes this server one of several that act as one: a cursor that is broadcast on any of them reaches the clients of all,
   * and `maxConnectionsPerNamespace` holds for all together. See `redisBackplane`.
   */
  readonly backplane?: Backplane | undefined;
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
  beforeUpgrade: FUNCTION,
  backplane: objectWith('start', 'publish', 'reserve', 'view', 'close'),
} as const;

/** A manager that is connected to an HTTP server. */
export interface AttachedManager {
  readonly manager: WebSocketManager;
  /** Counts of connections and cursors by now. */
  stats(): ConnectionStats;
  /** The clients that are connected now, of one namespace or of all; all at once without a `limit`. */
  clients(query?: Partial<ClientQuery>): ClientList;
  /** Closes clients of this process that must lose access: one by its `id`, those of a principal, of a namespace or of both. */
  kick(kick: Kick): number;
  /** The newest cursor of a namespace, where it is remembered. */
  newestCursor(namespace: string): string | undefined;
  /** Refuses upgrades with 503 from here on; connected clients are unaffected. */
  refuseUpgrades(): void;
  /**
   * Refuses upgrades, and closes clients with 1001, spread evenly over `windowMs`. Those that are still connected get
   * cursors. Resolves when all have been closed; `close` does the rest, and may be called before that.
   */
  drain(windowMs: number): Promise<void>;
  /**
   * Refuses upgrades, closes everybody with 1001 and terminates, after `timeoutMs`, those that have not gone. Idempotent.
   *
   * @returns how many left, and how many were terminated, since the shutdown began.
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
  // It has no default: a manager on your own server must not admit anybody by itself.
  requireOption('namespaceProvider', options.namespaceProvider, FUNCTION);
  const attached = attach(httpServer, settings, {
    ...options,
    ...serverEvents(options),
    checksOrigin: options.allowOrigin !== undefined,
    remembers: settings.resume || options.rememberNamespaces !== undefined,
  });
  attached.startCluster();
  return attached;
}

/** The event stream of a server, and its listener that counts. */
export function serverEvents({ logger, observer }: Partial<AttachCollaborators>): {
  stream: EventStream;
  events: ServerEvents;
  statistics: Statistics;
} {
  const statistics = new Statistics();
  const guarded = guardLogger(logger ?? silentLogger);
  const stream = new EventStream([
    statistics,
    ...(logger === undefined ? [] : [new IgnoredMessages(guarded)]),
    ...(observer === undefined ? [] : [guardObserver(observer, guarded)]),
  ]);
  return { stream, events: stream.events, statistics };
}

/** What {@link attach} works with. */
export interface AttachParts extends AttachCollaborators {
  readonly events: ServerEvents;
  readonly statistics: Statistics;
  /** Whether `allowOrigin` counts. */
  readonly checksOrigin: boolean;
  /** Whether the newest cursors are remembered. */
  readonly remembers: boolean;
  /** Work that ends with the clients, and may broadcast until then. Waited for, `timeoutMs` at most. */
  readonly endWork?: ((timeoutMs: number) => Promise<void>) | undefined;
  /** The newest cursor of the data of a namespace, where the server has a backend. */
  readonly backendCursor?: ((namespace: string) => string | undefined) | undefined;
  /** How connections are numbered; from 1 by default. */
  readonly numbers?: ConnectionNumbers | undefined;
}

/** An {@link AttachedManager}, for a whole server. */
export interface AttachedToServer extends AttachedManager {
  /** The other processes, with a `backplane`. It is not started yet. */
  readonly cluster: Cluster | undefined;
  startCluster(): void;
  /** The {@link Connections}. Not typed: public types lead here, and must not lead on to those of `ws`. */
  readonly connections: object;
  readonly newest: NewestCursors | undefined;
  /** Raises the remembered newest cursor of a namespace, for clients that say hello from now on. */
  remember(namespace: string, cursor: string): void;
}

/** As {@link attachWebSocketManager}, with complete settings. */
export function attach(
  httpServer: HttpServer,
  settings: ConnectionSettings,
  parts: AttachParts,
): AttachedToServer {
  const { namespaceProvider, logger, beforeUpgrade, backplane, events, statistics, checksOrigin } = parts;
  const { remembers, backendCursor } = parts;
  if (process.versions.bun !== undefined) throw needsNode();
  const { maxConnectionsPerAddress = Number.POSITIVE_INFINITY } = settings;
  const guarded = guardLogger(logger ?? silentLogger);
  const newest = remembers ? new NewestCursors(settings.rememberNamespaces, settings.resume) : undefined;
  const cluster = backplane && new Cluster({ ...settings, backplane, logger: guarded });
  const memory = backendCursor === undefined ? newest : withBackendCursors(newest, backendCursor);
  const manager = new TimedManager(events, settings, logger, undefined, memory, cluster?.others);
  const connections = new Connections(manager, events, settings, cluster?.slots, {
    numbers: parts.numbers,
    idPrefix: backplane?.id === undefined ? '' : `${backplane.id}-`,
    newestCursor: (namespace) => newest?.peek(namespace)?.cursor,
  });
  if (cluster !== undefined) cluster.kick = (kick) => connections.kick(kick);
  const addressOf = clientAddressRule(settings.trustProxy);
  const gates = [
    handshakeGate,
    ...(beforeUpgrade === undefined ? [] : [guardGate(beforeUpgrade, guarded)]),
    ...(checksOrigin ? [originGate(originRule(settings.allowOrigin), events)] : []),
    // The last, since it counts a client that passes.
    ...(maxConnectionsPerAddress === Number.POSITIVE_INFINITY
      ? []
      : [addressGate(new AddressLimit(maxConnectionsPerAddress), addressOf, events)]),
  ];
  const upgrader = new Upgrader(settings, {
    gates,
    addressOf,
    namespaceProvider,
    logger: guarded,
    events,
    connections,
    slots: cluster?.slots,
  });
  const detach = routeUpgrades(httpServer, settings.path, upgrader);

  let closing: Promise<{ left: number; cut: number }> | undefined;
  const close = async (timeoutMs: number) => {
    upgrader.refuseAll(0);
    upgrader.refusePending();
    const [outcome] = await Promise.all([connections.closeAll(timeoutMs), parts.endWork?.(timeoutMs)]);
    detach();
    await cluster?.close();
    return outcome;
  };
  return {
    manager,
    cluster,
    startCluster: () => cluster?.start(clientsOfManager(manager, events)),
    connections,
    newest,
    stats: () =>
      statistics.ofConnections({
        manager,
        remembered: newest?.size ?? 0,
        blocked: connections.blockedCount,
        sockets: connections.socketCount,
      }),
    clients: (query) => connections.clients({ limit: Number.POSITIVE_INFINITY, ...query }),
    kick: (kick) => connections.kick(kick),
    remember: (namespace, cursor) => newest?.note(namespace, cursor, 0),
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

/** Bun puts a `ws` of its own in the place of the package, and that one gives no access to its sockets. */
function needsNode(): DatafnWsError {
  return new DatafnWsError(
    'ERR_LISTEN',
    'The server needs Node.js, and this is Bun: run it with node, or use WebSocketManager with Bun.serve (docs/surroundings.md)',
  );
}
