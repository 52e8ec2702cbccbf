import { Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { guardLogger, silentLogger } from '../manager/logger.js';
import type { WebSocketManager } from '../manager/web-socket-manager.js';
import { SERVER_DEFAULTS } from '../options/defaults.js';
import { DatafnWsError } from '../protocol/errors.js';
import { devNamespaceProvider, isDevProvider } from './auth/dev.js';
import type { NamespaceProvider } from './auth/provider.js';
import { tokenLengthProblem } from './auth/tokens.js';
import { checkCloseOptions, checkServerOptions } from './check-options.js';
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
import { mayCall } from './http/screen.js';
import { checkTlsPair, type TlsPair } from './http/tls.js';
import { requireUpgrade } from './http/upgrade-required.js';
import { PendingConnections } from './limits/pending-connections.js';
import { GuardedObserver } from './observer.js';
import { Shutdown, type ShutdownOutcome } from './shutdown.js';
import { type AttachOptions, attachWebSocketManager } from './ws/attach.js';
import { firstRefusal, loopbackHostGate } from './ws/gate.js';

/** How {@link createDatafnWsServer} listens and whom it serves. What is left out has the default given here. */
export interface DatafnWsServerOptions extends Partial<Omit<AttachOptions, 'namespaceProvider'>> {
  /** Address to listen on. Default `127.0.0.1`; any other than a loopback one wants an `adminToken` of at least 16 bytes. */
  readonly host?: string | undefined;
  /** TCP port; 0 takes a free one. Default 3001. */
  readonly port?: number | undefined;
  /** Bearer token that the HTTP API asks for, the two probes apart. Without it only this machine may call. */
  readonly adminToken?: string | undefined;
  /**
   * Finds the namespace of a connecting client. Default: the `dev` provider, whose token is the namespace; it
   * proves nothing, so it serves on loopback only.
   */
  readonly namespaceProvider?: NamespaceProvider | undefined;
  /** Where the `dev` provider puts clients without a token; without it they are refused. */
  readonly anonymousNamespace?: string | undefined;
  /**
   * Milliseconds over which `close()` spreads its closes, so that clients do not all come back together; clients that
   * are still connected get their cursors meanwhile. Default 0: all at once.
   */
  readonly drainMs?: number | undefined;
  /** Milliseconds that `close()` waits for clients to go, once all have been told to, before it cuts them. Default 10,000. */
  readonly shutdownTimeoutMs?: number | undefined;
  /**
   * Milliseconds of event-loop delay above which new clients get 503, until it has been less for a
   * second or two. Default 0: never.
   */
  readonly shedAboveMs?: number | undefined;
  /**
   * Whether the API refuses a cursor that is lower than the newest of its namespace, with 409. Default false.
   * `rememberNamespaces` bounds of how many it is known.
   */
  readonly monotonic?: boolean | undefined;
  /**
   * Origins of the pages that may connect and call the HTTP API, such as `https://app.example.com`; `null` for pages
   * without one, `*` for all. Default: empty, which lets in pages of this machine. Requests without an Origin pass.
   */
  readonly allowOrigin?: readonly string[] | undefined;
  /** Whether pages that are let in may read what the HTTP API answers (CORS). Default false. */
  readonly cors?: boolean | undefined;
  /** With it, the server speaks https and wss. */
  readonly tls?: TlsPair | undefined;
  /**
   * Milliseconds that a connection has for its TLS handshake, and then for the head of its request. Default 10,000;
   * 0 is no limit.
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * How many connections may be open at a time that are not those of clients; the one that has waited longest is
   * terminated for a new one. Default 5,000; `Infinity` is no limit.
   */
  readonly maxPendingConnections?: number | undefined;
  /**
   * Milliseconds that an API request has from its first byte to its last, and its answer to be read. Default 30,000;
   * 0 is no limit.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Largest API request body in bytes. Default 4 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Most cursors in one API request. Default 10,000. */
  readonly maxBatchItems?: number | undefined;
}

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
  checkServerOptions(options);
  const host = options.host ?? SERVER_DEFAULTS.host;
  const port = options.port ?? SERVER_DEFAULTS.port;
  const path = options.path ?? SERVER_DEFAULTS.path;
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
  const pending = new PendingConnections(
    options.maxPendingConnections ?? SERVER_DEFAULTS.maxPendingConnections,
    limited('pendingConnections'),
  );
  const requestTimeoutMs = options.requestTimeoutMs ?? SERVER_DEFAULTS.requestTimeoutMs;
  const turns = new RequestTurns({
    answerTimeoutMs: requestTimeoutMs,
    isCaller: (socket) => pending.isCaller(socket),
    wantsBody: (request) => pending.isCaller(request.socket) || mayCall(request, options.adminToken),
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
        if (!options.monotonic) return undefined;
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
      adminToken: options.adminToken,
      maxBodyBytes: options.maxBodyBytes ?? SERVER_DEFAULTS.maxBodyBytes,
      maxBatchItems: options.maxBatchItems ?? SERVER_DEFAULTS.maxBatchItems,
      isAllowedOrigin: originRule(options.allowOrigin ?? []),
      cors: options.cors ?? false,
    },
  );
  const httpServer = createHttpServer(
    options.tls,
    {
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? SERVER_DEFAULTS.handshakeTimeoutMs,
      requestTimeoutMs,
    },
    requireUpgrade(path, api, refused),
    turns,
    {
      slowRequests: limited('slowRequests'),
      pendingConnections: limited('pendingConnections'),
      pipelinedRequests: limited('pipelinedRequests'),
    },
  ).on('clientError', (error, socket) =>
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
  const namespaceProvider = options.namespaceProvider ?? devNamespaceProvider(options.anonymousNamespace);
  // Where a token decides, the Host proves nothing more.
  const wantsLoopbackHost = options.adminToken === undefined && isDevProvider(namespaceProvider);
  const shed = shedLoad(options.shedAboveMs ?? SERVER_DEFAULTS.shedAboveMs, delay, () =>
    attached.counters.countLimited('eventLoopDelay'),
  );
  const screens = [
    ...(wantsLoopbackHost ? [loopbackHostGate()] : []),
    shed,
    ...(options.screenUpgrade ? [options.screenUpgrade] : []),
  ];
  const remembers = options.resume || options.monotonic;
  const attached = attachWebSocketManager(httpServer, {
    ...options,
    path,
    observer,
    allowOrigin: options.allowOrigin ?? [],
    rememberNamespaces: remembers
      ? (options.rememberNamespaces ?? SERVER_DEFAULTS.rememberNamespaces)
      : undefined,
    namespaceProvider,
    screenUpgrade(request) {
      pending.leave(request.socket);
      return firstRefusal(screens, request);
    },
  });

  const drainMs = options.drainMs ?? SERVER_DEFAULTS.drainMs;
  const shutdown = new Shutdown(attached, {
    drainMs,
    shutdownTimeoutMs: options.shutdownTimeoutMs ?? SERVER_DEFAULTS.shutdownTimeoutMs,
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
        throw new DatafnWsError(
          'ERR_INVALID_OPTION',
          'Expected a server that was made with `tls` (--tls-cert, --tls-key), got one without',
        );
      }
      checkTlsPair(tls);
      httpServer.setSecureContext(tls);
    },
    async listen() {
      if (!shutdown.isReady) throw closedError();
      try {
        await listen(httpServer, { host, port, backlog: SERVER_DEFAULTS.backlog });
        stopOtherAddresses = await listenAtBothLoopbacks(httpServer, host, SERVER_DEFAULTS.backlog, (other) =>
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
      checkCloseOptions(options);
      return shutdown.begin(options.drainMs);
    },
  };
}

/** What is open to the network must ask who is there. */
function checkExposure(host: string, { adminToken, namespaceProvider }: DatafnWsServerOptions): void {
  if (isLoopback(host)) return;
  if (adminToken === undefined) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Listening on ${host} opens the HTTP API to the network: add --admin-token TOKEN (\`adminToken\`), or listen on 127.0.0.1`,
    );
  }
  const short = tokenLengthProblem(adminToken);
  if (short !== undefined) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Listening on ${host} opens the HTTP API to the network: expected --admin-token (\`adminToken\`) to be of ${short}; make one with: openssl rand -hex 16, or listen on 127.0.0.1`,
    );
  }
  if (namespaceProvider === undefined || isDevProvider(namespaceProvider)) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `The \`dev\` namespace provider lets anybody into any namespace, so it listens on loopback only, not on ${host}: choose another with --auth (\`namespaceProvider\`), or listen on 127.0.0.1`,
    );
  }
}
