import { Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { checkOptions, invalid, OBJECT, type OptionRule } from '../manager/checks.js';
import { guardLogger, silentLogger } from '../manager/logger.js';
import type { WebSocketManager } from '../manager/web-socket-manager.js';
import { completeOptions, type OptionsOf, serverTable } from '../options/server.js';
import { devNamespaceProvider, isDevProvider } from './auth/dev.js';
import { tokenLengthProblem } from './auth/tokens.js';
import { DelayMonitor } from './health/delay-monitor.js';
import { DescriptorWatch } from './health/descriptor-watch.js';
import { shedLoad } from './health/load-shedding.js';
import type { LimitName, ServerStats } from './health/stats.js';
import { createApi } from './http/app.js';
import { answerUnparsable } from './http/client-error.js';
import { isLoopback } from './http/host-rule.js';
import { createHttpServer, listenAtBothLoopbacks } from './http/http-server.js';
import { closedError, listenError, takenLoopback } from './http/listen-errors.js';
import { closeHttpServer, listen } from './http/listening.js';
import { orderProblem } from './http/monotonic.js';
import { originRule } from './http/origin-rule.js';
import type { ProblemListener } from './http/problem.js';
import { ProxyProtocolNotice } from './http/proxy-protocol.js';
import { shownPath } from './http/request-target.js';
import { RequestTurns } from './http/request-turns.js';
import { checkTlsPair, type TlsPair } from './http/tls.js';
import { requireUpgrade } from './http/upgrade-required.js';
import { PendingConnections } from './limits/pending-connections.js';
import { GuardedObserver } from './observer.js';
import { Shutdown, type ShutdownOutcome } from './shutdown.js';
import { type AttachCollaborators, attach, COLLABORATOR_RULES } from './ws/attach.js';
import { firstRefusal, loopbackHostGate } from './ws/gate.js';

/** How {@link createDatafnWsServer} listens and whom it serves. */
export type DatafnWsServerOptions = OptionsOf<typeof serverTable> &
  Partial<AttachCollaborators> & {
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

/** Connections that wait in the kernel to be accepted. Node's own 511 drops handshakes in a storm. */
const LISTEN_BACKLOG = 4096;

/** A manager, its WebSocket endpoint and its HTTP API in one. */
export interface DatafnWsServer {
  /** The manager that serves the clients; broadcast with `websocketHandler.broadcastCursor(cursor, namespace)`. */
  readonly websocketHandler: WebSocketManager;
  /** Where it listens; `undefined` before `listen()` and after `close()`. */
  readonly address: ListenAddress | undefined;
  /** @throws {DatafnWsError} `ERR_LISTEN` when the address cannot be had, or the server was closed. */
  listen(): Promise<ListenAddress>;
  stats(): ServerStats;
  /** Resolves when the server has shut down, by `close()` or `POST /v1/drain`. */
  readonly closed: Promise<ShutdownOutcome>;
  /**
   * Uses another certificate for connections from here on; those that are open stay.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the pair cannot be used: the old one stays in force.
   */
  updateTls(tls: TlsPair): void;
  /**
   * Shuts down: not ready and no new upgrades from here on, 1001 to all clients. Those still connected
   * after `shutdownTimeoutMs` are terminated, and the port is freed. Idempotent.
   *
   * @param options `drainMs` takes the place of the server's own; 0 also ends a drain that is under way.
   * @returns how many connections left and how many were cut.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a `drainMs` that is no time, or too long for a timer.
   */
  close(options?: { readonly drainMs?: number | undefined }): Promise<ShutdownOutcome>;
}

/**
 * A whole DataFn WebSocket server: the one that `datafn-ws serve` runs.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for options that are out of range or not safe together.
 */
export function createDatafnWsServer(options: DatafnWsServerOptions = {}): DatafnWsServer {
  const settings = completeOptions(serverTable, options);
  checkOptions('the options', options, { ...COLLABORATOR_RULES, tls: TLS_PAIR });
  const { host, port, path, requestTimeoutMs, drainMs } = settings;
  checkExposure(host, options);
  if (options.tls !== undefined) checkTlsPair(options.tls);

  const startedAtMs = performance.now();
  const delay = new DelayMonitor();
  const logger = guardLogger(options.logger ?? silentLogger);
  const observer = GuardedObserver.of(options.observer, logger);
  const descriptors = new DescriptorWatch(logger, () => attached.counters.countLimited('descriptors'));
  let address: ListenAddress | undefined;
  let stopOtherAddresses = () => {};

  const limited = (name: LimitName) => () => attached.counters.countLimited(name);
  const pending = new PendingConnections(settings.maxPendingConnections, limited('pendingConnections'));
  const turns = new RequestTurns({
    answerTimeoutMs: requestTimeoutMs,
    isCaller: (socket) => pending.isCaller(socket),
    onUnread: limited('unreadAnswers'),
  });
  const proxyProtocol = new ProxyProtocolNotice(logger);
  const refused: ProblemListener = ({ method = '', url }, { status, detail }) =>
    observer.rejectedRequest?.(status, detail, { method, path: shownPath(url) });
  const api = createApi(
    {
      refused,
      broadcast: ({ namespace, cursor }) => {
        const { delivered } = attached.manager.broadcastCursor(cursor, namespace);
        observer.broadcast?.(namespace, cursor, delivered);
        return delivered;
      },
      orderProblem(items) {
        if (!settings.monotonic) return undefined;
        const problem = orderProblem(items, (namespace) => attached.newestCursor(namespace));
        if (problem !== undefined) attached.counters.stale += 1;
        return problem;
      },
      stats: () => attached.counters.snapshot(attached.manager, startedAtMs, delay),
      namespaces: () => attached.manager.namespaces(),
      clients: (namespace) => attached.clients(namespace),
      admitted(request) {
        pending.admit(request.socket);
        turns.keepAlive(request);
      },
      limited: (name) => attached.counters.countLimited(name),
      isReady: () => shutdown.isReady,
      takesCursors: () => shutdown.takesCursors,
      prepareDrain() {
        shutdown.announce();
        observer.drainRequested?.();
        return { connections: attached.manager.connectionCount, drainMs: shutdown.drainLeftMs };
      },
      drain: () => void shutdown.begin(),
    },
    {
      ...settings,
      isAllowedOrigin: originRule(settings.allowOrigin),
    },
  );
  const httpServer = createHttpServer(options.tls, settings, requireUpgrade(path, api, refused), turns, {
    slowRequests: limited('slowRequests'),
    pendingConnections: limited('pendingConnections'),
    pipelinedRequests: limited('pipelinedRequests'),
  }).on('clientError', (error, socket) =>
    answerUnparsable(
      error,
      socket,
      (answer) => turns.afterAnswers(socket as Socket, answer),
      (refusal) => {
        proxyProtocol.see(refusal);
        observer.rejectedRequest?.(refusal.status, refusal.detail);
      },
    ),
  );
  pending.watch(httpServer);
  const namespaceProvider = options.namespaceProvider ?? devNamespaceProvider(settings.anonymousNamespace);
  // Where a token decides, the Host proves nothing more.
  const wantsLoopbackHost = options.adminToken === undefined && isDevProvider(namespaceProvider);
  const shed = shedLoad(settings.shedAboveMs, delay, () => attached.counters.countLimited('eventLoopDelay'));
  const screens = [
    ...(wantsLoopbackHost ? [loopbackHostGate()] : []),
    shed,
    ...(options.screenUpgrade ? [options.screenUpgrade] : []),
  ];
  const attached = attach(httpServer, settings, {
    ...options,
    observer,
    checksOrigin: true,
    remembers: settings.resume || settings.monotonic,
    namespaceProvider,
    screenUpgrade(request) {
      pending.leave(request.socket);
      return firstRefusal(screens, request);
    },
  });

  const shutdown = new Shutdown(attached, {
    drainMs,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    async release() {
      stopOtherAddresses();
      pending.terminateAll();
      await closeHttpServer(httpServer);
      delay.stop();
      descriptors.stop();
      address = undefined;
    },
  });

  return {
    websocketHandler: attached.manager,
    get address() {
      return address;
    },
    stats: () => attached.counters.snapshot(attached.manager, startedAtMs, delay),
    updateTls(tls) {
      if (!(httpServer instanceof TlsServer)) {
        throw invalid('Expected a server that was made with `tls` (--tls-cert, --tls-key), got one without');
      }
      checkTlsPair(tls);
      httpServer.setSecureContext(tls);
    },
    async listen() {
      if (!shutdown.isReady) throw closedError();
      try {
        await listen(httpServer, { host, port, backlog: LISTEN_BACKLOG });
        stopOtherAddresses = await listenAtBothLoopbacks(httpServer, host, LISTEN_BACKLOG, (other) =>
          logger.warn(takenLoopback(httpServer.address() as AddressInfo, other)),
        );
      } catch (error) {
        throw shutdown.isReady ? listenError(error, host, port) : closedError();
      }
      // Closed meanwhile: whichever came first, the port is freed.
      if (!shutdown.isReady) {
        stopOtherAddresses();
        httpServer.close();
        throw closedError();
      }
      delay.start();
      descriptors.start(httpServer);
      const bound = (httpServer.address() as AddressInfo).port;
      const name = host.includes(':') ? `[${host}]` : host;
      address = {
        host,
        port: bound,
        wsUrl: `${options.tls === undefined ? 'ws' : 'wss'}://${name}:${bound}${path}`,
        apiUrl: `${options.tls === undefined ? 'http' : 'https'}://${name}:${bound}`,
      };
      return address;
    },
    closed: shutdown.done,
    async close(options = {}) {
      checkOptions('the options', options, { drainMs: serverTable.drainMs });
      return shutdown.begin(options.drainMs);
    },
  };
}

/** What is open to the network must ask who is there. */
function checkExposure(host: string, { adminToken, namespaceProvider }: DatafnWsServerOptions): void {
  if (isLoopback(host)) return;
  if (adminToken === undefined) {
    throw invalid(
      `Listening on ${host} opens the HTTP API to the network: add --admin-token TOKEN (\`adminToken\`), or listen on 127.0.0.1`,
    );
  }
  const short = tokenLengthProblem(adminToken);
  if (short !== undefined) {
    throw invalid(
      `Listening on ${host} opens the HTTP API to the network: expected --admin-token (\`adminToken\`) to be of ${short}; make one with: openssl rand -hex 16, or listen on 127.0.0.1`,
    );
  }
  if (namespaceProvider === undefined || isDevProvider(namespaceProvider)) {
    throw invalid(
      `The \`dev\` namespace provider lets anybody into any namespace, so it listens on loopback only, not on ${host}: choose another with --auth (\`namespaceProvider\`), or listen on 127.0.0.1`,
    );
  }
}
