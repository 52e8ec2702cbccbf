import type { IncomingMessage, Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { checkOptions, OBJECT, type OptionRule } from '../manager/checks.js';
import { guardLogger, silentLogger } from '../manager/contain.js';
import type { WebSocketManager } from '../manager/web-socket-manager.js';
import {
  completeOptions,
  type OptionsOf,
  type ServerSettings,
  serverTable,
} from '../options/server-options.js';
import { invalidOption } from '../protocol/errors.js';
import { devNamespaceProvider, isDevProvider } from './auth/dev.js';
import type { NamespaceProvider } from './auth/provider.js';
import { tokenLengthProblem } from './auth/tokens.js';
import { backendFirst, memoryRemote, mountMemoryBackend } from './backend/mount.js';
import { DelayMonitor } from './health/delay-monitor.js';
import { DescriptorWatch } from './health/descriptor-watch.js';
import type { ServerStats } from './health/statistics.js';
import { type ApiBackend, createApi } from './http/api.js';
import { mayCall } from './http/authorize.js';
import { isLoopback, originRule } from './http/hosts-and-origins.js';
import { createHttpServer } from './http/http-server.js';
import {
  closedError,
  closeHttpServer,
  listen,
  listenAtBothLoopbacks,
  listenError,
  takenLoopback,
} from './http/listening.js';
import { answerMalformed, ProxyProtocolNotice } from './http/malformed.js';
import type { ProblemListener } from './http/problem.js';
import { RequestQueue } from './http/request-queue.js';
import { shownPath } from './http/request-target.js';
import { checkTlsPair, type TlsPair } from './http/tls.js';
import { requireUpgrade } from './http/upgrade-required.js';
import { clientAddressRule } from './limits/client-address.js';
import { PendingConnections } from './limits/pending-connections.js';
import { Shutdown, type ShutdownOutcome } from './shutdown.js';
import { type AttachCollaborators, attach, COLLABORATOR_RULES, serverEvents } from './ws/attach.js';
import { firstRefusal, loadGate, loopbackHostGate } from './ws/gates.js';

/** The options of {@link createDatafnWsServer}. */
export type DatafnWsServerOptions = OptionsOf<typeof serverTable> & {
  readonly [Key in keyof AttachCollaborators]?: AttachCollaborators[Key] | undefined;
} & {
  /** With it, the server speaks https and wss. */
  readonly tls?: TlsPair | undefined;
};

const isPem = (value: unknown) => typeof value === 'string' || Buffer.isBuffer(value);

/** What is in the two is checked by `checkTlsPair`. */
const TLS_PAIR: OptionRule = {
  expected: 'an object with `cert` and `key`, each PEM as a string or a Buffer',
  valid: (value) =>
    OBJECT.valid(value) && isPem((value as Partial<TlsPair>).cert) && isPem((value as Partial<TlsPair>).key),
};

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** For DataFn clients, such as `ws://127.0.0.1:3001/datafn/ws`. */
  readonly wsUrl: string;
  /** For `emit` and the HTTP API, such as `http://127.0.0.1:3001`. */
  readonly apiUrl: string;
}

/** A manager, its WebSocket endpoint and its HTTP API in one. */
export interface DatafnWsServer {
  /** The manager that serves the clients; broadcast with `websocketHandler.broadcastCursor(cursor, namespace)`. */
  readonly websocketHandler: WebSocketManager;
  /** Where it listens; `undefined` before `listen()` and after `close()`. */
  readonly address: ListenAddress | undefined;
  /** @throws {DatafnWsError} `ERR_LISTEN` when the address cannot be listened on, or the server was closed. */
  listen(): Promise<ListenAddress>;
  stats(): ServerStats;
  /** Resolves when the server has shut down, by `close()` or `POST /v1/drain`. */
  readonly closed: Promise<ShutdownOutcome>;
  /**
   * Uses another certificate for new connections; open ones are unaffected.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the pair cannot be used; the old one is kept.
   */
  updateTls(tls: TlsPair): void;
  /**
   * Shuts down: not ready and no new upgrades from here on, 1001 to all clients. Those still connected
   * after `shutdownTimeoutMs` are terminated, and the port is freed. Idempotent.
   *
   * @param options `drainMs` overrides the server's own; 0 also ends the current drain.
   * @returns how many connections left and how many were terminated.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a `drainMs` that is not a time, or too long for a timer.
   */
  close(options?: { readonly drainMs?: number | undefined }): Promise<ShutdownOutcome>;
}

/** How far the shutdown of one process of several is. */
export type ShutdownStage = 'drained' | 'emptied';

/** What makes a server one of several processes that act as one server. */
export interface ServerInternals {
  /** Listens in place of `host` and `port`. Returns a function that stops what `httpServer.close()` does not. */
  readonly listenAt?: ((httpServer: Server) => Promise<() => void>) | undefined;
  /**
   * Called as a shutdown gets somewhere, and waited for: `drained` comes when all clients of this process have been closed in
   * a drain, `emptied` when they have left. Until then this process takes cursors; until the latter, it answers the API.
   */
  readonly reached?: ((stage: ShutdownStage) => Promise<void>) | undefined;
  /** Takes what the API of this process calls; returns what it calls instead. */
  readonly shareApi?: ((own: ApiBackend) => ApiBackend) | undefined;
}

/**
 * A whole DataFn WebSocket server: the one that `datafn-ws serve` runs.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for options that are out of range or not safe together.
 */
export function createDatafnWsServer(options: DatafnWsServerOptions = {}): DatafnWsServer {
  return createServer(options, {});
}

/** As {@link createDatafnWsServer}, for a process of several. */
export function createServer(
  options: DatafnWsServerOptions,
  { listenAt, reached = async () => {}, shareApi = (own) => own }: ServerInternals,
): DatafnWsServer {
  const settings = completeOptions(serverTable, options);
  checkOptions('the options', options, { ...COLLABORATOR_RULES, tls: TLS_PAIR });
  const { host, port, path, adminToken } = settings;
  checkExposure(settings, options.namespaceProvider);
  if (options.tls !== undefined) checkTlsPair(options.tls);
  const namespaceProvider = options.namespaceProvider ?? devNamespaceProvider(settings.anonymousNamespace);

  const logger = guardLogger(options.logger ?? silentLogger);
  const { events, statistics } = serverEvents(options);
  const delay = new DelayMonitor();
  const descriptors = new DescriptorWatch(logger, events);
  const pending = new PendingConnections(settings.maxPendingConnections, events);
  const requests = new RequestQueue(
    settings.requestTimeoutMs,
    events,
    (request) => backend?.takes(request) || mayCall(request, adminToken),
  );
  const httpServer = createHttpServer(options.tls, settings, requests, events);
  pending.watch(httpServer);

  const isDev = isDevProvider(namespaceProvider);
  // Where a token decides, the Host proves nothing more.
  const needsLoopbackHost = adminToken === undefined && isDev;
  const gates = [
    ...(needsLoopbackHost ? [loopbackHostGate()] : []),
    ...(settings.shedAboveMs === 0 ? [] : [loadGate(settings.shedAboveMs, delay, events)]),
    ...(options.beforeUpgrade === undefined ? [] : [options.beforeUpgrade]),
  ];
  const remote = memoryRemote(settings, { isDev, isShared: options.backplane !== undefined });
  const attached = attach(httpServer, settings, {
    namespaceProvider,
    logger: options.logger,
    backplane: options.backplane,
    events,
    statistics,
    checksOrigin: true,
    remembers: settings.resume || settings.monotonic,
    backendCursor: remote === undefined ? undefined : (namespace) => backend?.newestCursor(namespace),
    beforeUpgrade(request) {
      pending.leave(request.socket);
      return firstRefusal(gates, request);
    },
  });
  const { manager, cluster } = attached;
  const stats = () => statistics.ofServer(attached.stats(), delay);

  let address: ListenAddress | undefined;
  let stopOtherAddresses = () => {};
  const release = async () => {
    await reached('emptied');
    stopOtherAddresses();
    pending.terminateAll();
    await closeHttpServer(httpServer);
    await backend?.stop();
    delay.stop();
    descriptors.stop();
    address = undefined;
  };
  const shutdown = new Shutdown(attached, settings, release, () => reached('drained'));

  const refused: ProblemListener = ({ method = '', url }, { status, detail }) =>
    events.rejectedRequest?.(status, detail, { method, path: shownPath(url) });
  const broadcast: ApiBackend['broadcast'] = ({ cursor, namespace, reset }) => {
    const { delivered } = reset
      ? manager.resetCursor(cursor, namespace)
      : manager.broadcastCursor(cursor, namespace);
    events.broadcast?.(namespace, cursor, delivered);
    return delivered;
  };
  const authorized = (request: IncomingMessage) => {
    pending.admit(request.socket);
    requests.keepAlive(request);
  };
  const api = createApi(
    shareApi({
      cluster,
      broadcast,
      newestCursor: attached.newestCursor,
      stats,
      namespaces: () => manager.namespaces(),
      clients(namespace, max) {
        const clients = [...attached.clients(namespace)];
        return { total: clients.length, clients: clients.slice(0, max) };
      },
      authorized,
      refused,
      shutdown,
    }),
    settings,
    events,
  );
  const backend =
    remote === undefined
      ? undefined
      : mountMemoryBackend(remote, settings, {
          socketPath: path,
          needsLoopbackHost,
          isAllowedOrigin: originRule(settings.allowOrigin),
          namespaceProvider,
          authTimeoutMs: settings.authTimeoutMs,
          maxBodySizeBytes: settings.maxBodySizeBytes,
          addressOf: clientAddressRule(settings.trustProxy),
          logger,
          events,
          isOpen: () => shutdown.takesCursors,
          authorized,
          refused,
          broadcast: (namespace, cursor) => broadcast({ namespace, cursor }),
          repeat: (namespace, cursor) => manager.deliverCursor(cursor, namespace),
        });
  const listener = requireUpgrade(path, api, refused);
  const proxyProtocol = new ProxyProtocolNotice(logger);
  httpServer
    .on('request', requests.listener(backend === undefined ? listener : backendFirst(backend, listener)))
    .on('clientError', (error, socket) =>
      answerMalformed(
        error,
        socket,
        (answer) => requests.afterAnswers(socket as Socket, answer),
        (refusal) => {
          proxyProtocol.see(refusal);
          events.rejectedRequest?.(refusal.status, refusal.detail);
        },
      ),
    );

  return {
    websocketHandler: manager,
    get address() {
      return address;
    },
    stats,
    updateTls(tls) {
      if (!(httpServer instanceof TlsServer)) {
        throw invalidOption('This server has no TLS: create it with `tls` (--tls-cert, --tls-key)');
      }
      checkTlsPair(tls);
      httpServer.setSecureContext(tls);
    },
    async listen() {
      if (!shutdown.isReady) throw closedError();
      await backend?.start();
      try {
        if (listenAt !== undefined) {
          stopOtherAddresses = await listenAt(httpServer);
        } else {
          await listen(httpServer, host, port);
          stopOtherAddresses = await listenAtBothLoopbacks(httpServer, host, (other) =>
            logger.warn(takenLoopback(httpServer.address() as AddressInfo, other)),
          );
        }
      } catch (error) {
        throw shutdown.isReady ? listenError(error, host, port) : closedError();
      }
      // Closed meanwhile: whichever came first, the port is freed.
      if (!shutdown.isReady) {
        stopOtherAddresses();
        httpServer.close();
        throw closedError();
      }
      cluster?.start(manager);
      delay.start();
      descriptors.start(httpServer);
      const bound = (httpServer.address() as AddressInfo).port;
      address = listenAddress(settings, bound, options.tls !== undefined);
      return address;
    },
    closed: shutdown.done,
    async close(options = {}) {
      checkOptions('the options', options, { drainMs: serverTable.drainMs });
      return shutdown.begin(options.drainMs);
    },
  };
}

/** Where a server listens whose port is `port`. */
export function listenAddress(
  { host, path }: Pick<ServerSettings, 'host' | 'path'>,
  port: number,
  isSecure: boolean,
): ListenAddress {
  const name = host.includes(':') ? `[${host}]` : host;
  const secure = isSecure ? 's' : '';
  return {
    host,
    port,
    wsUrl: `ws${secure}://${name}:${port}${path}`,
    apiUrl: `http${secure}://${name}:${port}`,
  };
}

/** A server that is open to the network must authenticate. */
function checkExposure(
  { host, adminToken }: ServerSettings,
  namespaceProvider: NamespaceProvider | undefined,
): void {
  if (isLoopback(host)) return;
  if (adminToken === undefined) {
    throw invalidOption(
      `Listening on ${host} opens the HTTP API to the network: add --admin-token TOKEN (\`adminToken\`), or listen on 127.0.0.1`,
    );
  }
  const short = tokenLengthProblem(adminToken);
  if (short !== undefined) {
    throw invalidOption(
      `Listening on ${host} opens the HTTP API to the network: expected --admin-token (\`adminToken\`) to have ${short}; make one with: openssl rand -hex 16, or listen on 127.0.0.1`,
    );
  }
  if (namespaceProvider === undefined || isDevProvider(namespaceProvider)) {
    throw invalidOption(
      `The \`dev\` namespace provider lets anyone into any namespace, so it listens on loopback only, not on ${host}: choose another with --auth (\`namespaceProvider\`), or listen on 127.0.0.1`,
    );
  }
}
