import type { IncomingMessage, RequestListener } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { checkOptions, OBJECT, type OptionRule } from '../manager/checks.js';
import { guardLogger, silentLogger } from '../manager/contain.js';
import { completeOptions } from '../options/complete.js';
import { type ServerSettings, serverTable } from '../options/server-options.js';
import { DatafnWsError, invalidOption } from '../protocol/errors.js';
import { devNamespaceProvider, isDevProvider } from './auth/dev.js';
import { backendFirst, memoryRemote, mountMemoryBackend } from './backend/mount.js';
import { checkExposure } from './exposure.js';
import { httpScene } from './faults/http-scene.js';
import { faultRoutes } from './faults/routes.js';
import { FaultSwitch } from './faults/switch.js';
import { EventFeed } from './feed/event-feed.js';
import { recorder } from './feed/recorder.js';
import { DelayMonitor } from './health/delay-monitor.js';
import { DescriptorWatch } from './health/descriptor-watch.js';
import { type ApiBackend, createApi } from './http/api.js';
import { mayCall } from './http/authorize.js';
import { originRule } from './http/hosts-and-origins.js';
import { createHttpServer } from './http/http-server.js';
import {
  closedError,
  closeHttpServer,
  listen,
  listenAtBothLoopbacks,
  listenError,
  takenLoopback,
} from './http/listening.js';
import { answerMalformed, ProxyProtocolNotice, TOO_SLOW } from './http/malformed.js';
import { MetricsPort } from './http/metrics-port.js';
import type { ProblemListener } from './http/problem.js';
import { RequestQueue } from './http/request-queue.js';
import { shownPath } from './http/request-target.js';
import { timeRequests } from './http/request-timing.js';
import { checkTlsPair, type TlsPair } from './http/tls.js';
import { requireUpgrade } from './http/upgrade-required.js';
import { clientAddressRule } from './limits/client-address.js';
import { PendingConnections } from './limits/pending-connections.js';
import { ProcessMetrics } from './metrics/snapshot.js';
import { mountProxy, proxyFirst, withResume } from './proxy/mount.js';
import type {
  DatafnWsServer,
  DatafnWsServerOptions,
  ListenAddress,
  ServerInternals,
} from './server-types.js';
import { Shutdown } from './shutdown.js';
import { attach, COLLABORATOR_RULES, serverEvents } from './ws/attach.js';
import type { Connections } from './ws/connections.js';
import { firstRefusal, loadGate, loopbackHostGate } from './ws/gates.js';

const isPem = (value: unknown) => typeof value === 'string' || Buffer.isBuffer(value);

/** What is in the two is checked by `checkTlsPair`. */
const TLS_PAIR: OptionRule = {
  expected: 'an object with `cert` and `key`, each PEM as a string or a Buffer',
  valid: (value) =>
    OBJECT.valid(value) && isPem((value as Partial<TlsPair>).cert) && isPem((value as Partial<TlsPair>).key),
};

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
  {
    listenAt,
    reached = async () => {},
    numbers,
    recordFrom,
    share,
    shareApi = (own) => own,
  }: ServerInternals,
): DatafnWsServer {
  const settings = withResume(completeOptions(serverTable, options));
  checkOptions('the options', options, { ...COLLABORATOR_RULES, tls: TLS_PAIR });
  const { host, port, path, adminToken, authTimeoutMs, maxBodySizeBytes } = settings;
  checkExposure(settings, options.namespaceProvider);
  if (options.tls !== undefined) checkTlsPair(options.tls);
  const namespaceProvider = options.namespaceProvider ?? devNamespaceProvider(settings.anonymousNamespace);

  const logger = guardLogger(options.logger ?? silentLogger);
  const { stream, events, statistics } = serverEvents(options);
  const feed = new EventFeed(recordFrom?.(stream) ?? ((record) => stream.add(recorder(record))));
  // So that the page shows what was before it was opened.
  if (settings.dashboard && recordFrom === undefined) feed.keepRecording();
  const delay = new DelayMonitor();
  const descriptors = new DescriptorWatch(logger, events);
  const pending = new PendingConnections(settings.maxPendingConnections, events);
  const requests = new RequestQueue(
    settings.requestTimeoutMs,
    events,
    (request) => proxy?.takes(request) || backend?.takes(request) || mayCall(request, adminToken),
  );
  const httpServer = createHttpServer(options.tls, settings, requests, events);
  pending.watch(httpServer);

  const isDev = isDevProvider(namespaceProvider);
  // Where a token decides, the Host proves nothing more.
  const needsLoopbackHost = adminToken === undefined && isDev;
  const hostGates = needsLoopbackHost ? [loopbackHostGate()] : [];
  const gates = [
    ...hostGates,
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
    numbers,
    checksOrigin: true,
    remembers: settings.resume || settings.monotonic,
    endWork: async (timeoutMs) => proxy?.close(timeoutMs),
    backendCursor: remote === undefined ? undefined : (namespace) => backend?.newestCursor(namespace),
    beforeUpgrade(request) {
      pending.leave(request.socket);
      return firstRefusal(gates, request);
    },
  });
  const { manager, cluster, newest } = attached;
  const connections = attached.connections as Connections;
  // Several processes would need the same rules, each with its own counts.
  const hasFaults =
    listenAt === undefined &&
    (settings.enableFaults || settings.faults !== undefined || isDevProvider(namespaceProvider));
  const faults = hasFaults ? new FaultSwitch({ connections, manager, newest, events }) : undefined;
  share?.({ admitted: () => connections.admitted(), loadFaults: async () => faults?.load() });
  const stats = () => statistics.ofServer(attached.stats(), delay);
  const metrics = new ProcessMetrics({ stream, delay, cluster, stats, isReady: () => shutdown.isReady });
  // One process of several leaves that port to their primary.
  const metricsPort =
    settings.metricsListen === undefined || listenAt !== undefined
      ? undefined
      : new MetricsPort(settings, options.tls, () => metrics.snapshot());

  let address: ListenAddress | undefined;
  let stopOtherAddresses = () => {};
  const release = async () => {
    await reached('emptied');
    stopOtherAddresses();
    feed.close();
    pending.terminateAll();
    await closeHttpServer(httpServer);
    await backend?.stop();
    await metricsPort?.close();
    delay.stop();
    descriptors.stop();
    address = undefined;
  };
  const closing = {
    ...attached,
    close(timeoutMs?: number) {
      faults?.close();
      return attached.close(timeoutMs);
    },
  };
  const shutdown = new Shutdown(closing, settings, release, () => reached('drained'));

  const refused: ProblemListener = ({ method = '', url }, { status, detail }) =>
    events.rejectedRequest?.(status, detail, { method, path: shownPath(url) });
  const broadcast: ApiBackend['broadcast'] = ({ cursor, namespace, reset, affectedPrincipals }) => {
    const { delivered } = reset
      ? manager.resetCursor(cursor, namespace)
      : manager.broadcastCursor(cursor, namespace, affectedPrincipals && { affectedPrincipals });
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
      clusterView: () => cluster?.view(),
      broadcast,
      newestCursor: attached.newestCursor,
      stats,
      snapshot: () => metrics.snapshot(),
      namespaces: () => manager.namespaces(),
      clients: (query) => attached.clients(query),
      async kick(kick) {
        const closed = attached.kick(kick);
        const elsewhere = await cluster?.kickElsewhere(kick);
        return elsewhere === undefined ? { closed } : { ...elsewhere, closed: closed + elsewhere.closed };
      },
      authorized,
      refused,
      shutdown,
      // Only this machine can call a server with the `dev` provider: see `checkExposure`.
      hasDashboard: settings.dashboard || isDevProvider(namespaceProvider),
      hasFaults,
      feed,
      streaming: (request) => requests.stream(request),
    }),
    settings,
    events,
    (read) => faultRoutes(faults, read),
  );
  const addressOf = clientAddressRule(settings.trustProxy);
  const isAllowedOrigin = originRule(settings.allowOrigin);
  const ofRequests = { isAllowedOrigin, namespaceProvider, authTimeoutMs, addressOf, logger };
  const proxyParts = { logger, events, namespaceProvider, requests, attached, broadcast };
  const proxy = mountProxy(settings, { ...proxyParts, gates: hostGates });
  const backend =
    remote === undefined
      ? undefined
      : mountMemoryBackend(remote, settings, {
          ...ofRequests,
          socketPath: path,
          needsLoopbackHost,
          maxBodySizeBytes,
          events,
          isOpen: () => shutdown.takesCursors,
          authorized,
          refused,
          broadcast: (namespace, cursor) => broadcast({ namespace, cursor }),
          repeat: (namespace, cursor) => manager.deliverCursor(cursor, namespace),
        });
  const scene = httpScene(ofRequests);
  const disturbed = (answer: RequestListener) => faults?.disturbed(answer, scene) ?? answer;
  const plain = proxyFirst(
    proxy && { ...proxy, listener: disturbed(proxy.listener) },
    requireUpgrade(path, api.listener, refused),
  );
  const listener = backend
    ? backendFirst({ ...backend, listener: disturbed(backend.listener) }, plain)
    : plain;
  const answer = requests.listener(listener);
  const proxyProtocol = new ProxyProtocolNotice(logger);
  httpServer
    .on('request', timeRequests({ ...api, listener: answer }, events))
    .on('clientError', (error, socket) =>
      answerMalformed(
        error,
        socket,
        (answer) => requests.afterAnswers(socket as Socket, answer),
        (refusal) => {
          proxyProtocol.see(refusal);
          if (refusal.status === TOO_SLOW) events.limited?.('slowRequests');
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
      metricsPort?.updateTls(tls);
    },
    async listen() {
      if (!shutdown.isReady) throw closedError();
      await faults?.start(settings.faults);
      await backend?.start();
      let metricsUrl: string | undefined;
      try {
        metricsUrl = await metricsPort?.listen();
        if (listenAt !== undefined) {
          stopOtherAddresses = await listenAt(httpServer);
        } else {
          await listen(httpServer, host, port);
          stopOtherAddresses = await listenAtBothLoopbacks(httpServer, host, (other) =>
            logger.warn(takenLoopback(httpServer.address() as AddressInfo, other)),
          );
        }
      } catch (error) {
        await metricsPort?.close();
        if (!shutdown.isReady) throw closedError();
        throw error instanceof DatafnWsError ? error : listenError(error, host, port);
      }
      // Closed meanwhile: whichever came first, the port is freed.
      if (!shutdown.isReady) {
        stopOtherAddresses();
        httpServer.close();
        await metricsPort?.close();
        throw closedError();
      }
      if (settings.metricsListen !== undefined) metrics.begin();
      attached.startCluster();
      delay.start();
      descriptors.start(httpServer);
      const bound = (httpServer.address() as AddressInfo).port;
      address = listenAddress(settings, bound, options.tls !== undefined, metricsUrl);
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
  metricsUrl?: string | undefined,
): ListenAddress {
  const name = host.includes(':') ? `[${host}]` : host;
  const secure = isSecure ? 's' : '';
  return {
    host,
    port,
    wsUrl: `ws${secure}://${name}:${port}${path}`,
    apiUrl: `http${secure}://${name}:${port}`,
    ...(metricsUrl === undefined ? {} : { metricsUrl }),
  };
}
