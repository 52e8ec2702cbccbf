import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { hostAndPort } from '../../options/checks.js';
import type { ServerSettings } from '../../options/server-options.js';
import { PendingConnections } from '../limits/pending-connections.js';
import type { MetricsSnapshot } from '../metrics/snapshot.js';
import { authorize, authorizePage, mayCall } from './authorize.js';
import { originRule } from './hosts-and-origins.js';
import { createHttpServer } from './http-server.js';
import { closeHttpServer, listen, listenError } from './listening.js';
import { answerMalformed } from './malformed.js';
import { ProblemError } from './problem.js';
import { RequestQueue } from './request-queue.js';
import { type Routes, routeRequests, send } from './router.js';
import type { TlsPair } from './tls.js';

/** Where metrics are. */
export const METRICS_PATH = '/metrics';

type Snapshot = () => MetricsSnapshot | Promise<MetricsSnapshot>;

/** The route of metrics, for the API of a server. With `metricsListen` it says where they are instead. */
export function metricsRoute(snapshot: Snapshot, { maxConnections, metricsListen }: ServerSettings): Routes {
  return {
    [METRICS_PATH]: {
      async GET(_, response) {
        if (metricsListen !== undefined) {
          throw new ProblemError(404, 'The metrics are on a port of their own', {
            fix: 'Ask for them at the address of --metrics-listen.',
          });
        }
        // Loaded on demand: few servers are asked.
        const { renderMetrics } = await import('../metrics/render.js');
        const { contentType, text } = await renderMetrics({ ...(await snapshot()), maxConnections });
        send(response, 200, contentType, text);
      },
    },
  };
}

/** `GET /metrics` on a port of its own, by the same rule for callers and with the same certificate as the API. */
export class MetricsPort {
  readonly #httpServer: Server | TlsServer;
  readonly #pending: PendingConnections;

  /** @param snapshot the metrics of the whole server. */
  constructor(
    private readonly settings: ServerSettings,
    tls: TlsPair | undefined,
    snapshot: Snapshot,
  ) {
    const { adminToken, allowOrigin, maxPendingConnections, requestTimeoutMs } = settings;
    this.#pending = new PendingConnections(maxPendingConnections, {});
    const requests = new RequestQueue(requestTimeoutMs, {}, (request) => mayCall(request, adminToken));
    this.#httpServer = createHttpServer(tls, settings, requests, {});
    this.#pending.watch(this.#httpServer);
    const pages = { isAllowed: originRule(allowOrigin), cors: false, onRefused: () => {} };
    const api = routeRequests(
      metricsRoute(snapshot, { ...settings, metricsListen: undefined }),
      () => {},
      (request, response) => {
        authorizePage(request, response, pages);
        authorize(request, adminToken);
        this.#pending.admit(request.socket);
        requests.keepAlive(request);
        return false;
      },
    );
    this.#httpServer.on('request', requests.listener(api)).on('clientError', (error, socket) =>
      answerMalformed(
        error,
        socket,
        (answer) => requests.afterAnswers(socket as Socket, answer),
        () => {},
      ),
    );
  }

  /**
   * @returns its URL.
   * @throws {DatafnWsError} `ERR_LISTEN` when the address cannot be listened on.
   */
  async listen(): Promise<string> {
    const { host, port } = hostAndPort(this.settings.metricsListen ?? '');
    try {
      await listen(this.#httpServer, host, port);
    } catch (error) {
      throw listenError(error, host, port, { host: '--metrics-listen', port: '--metrics-listen' });
    }
    // Closed meanwhile, it has no address.
    const bound = (this.#httpServer.address() as AddressInfo | null)?.port ?? port;
    const scheme = this.#httpServer instanceof TlsServer ? 'https' : 'http';
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound}${METRICS_PATH}`;
  }

  updateTls(tls: TlsPair): void {
    if (this.#httpServer instanceof TlsServer) this.#httpServer.setSecureContext(tls);
  }

  async close(): Promise<void> {
    this.#pending.terminateAll();
    await closeHttpServer(this.#httpServer);
  }
}
