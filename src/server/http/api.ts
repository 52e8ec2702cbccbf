import type { IncomingMessage, ServerResponse } from 'node:http';
import { packageVersion } from '../../backplane/version.js';
import type { Kick } from '../../manager/types.js';
import type { ServerSettings } from '../../options/server-options.js';
import type { Cluster, ClusterView } from '../cluster/cluster.js';
import type { ClientList, ClientQuery } from '../events/clients.js';
import type { ServerEvents } from '../events/events.js';
import type { EventFeed } from '../feed/event-feed.js';
import type { ServerStats } from '../health/statistics.js';
import type { MetricsSnapshot } from '../metrics/snapshot.js';
import { answerPreflight, authorize, authorizePage, isProbe } from './authorize.js';
import { readItems } from './body.js';
import { type KickAnswer, readClientQuery, readKick, statusOfKick } from './clients.js';
import { type CursorItem, checkOrder, validateItems } from './cursors.js';
import { emitToCluster } from './emit-to-cluster.js';
import { answerEvents } from './events-route.js';
import { originRule } from './hosts-and-origins.js';
import { metricsRoute } from './metrics-port.js';
import { ProblemError, type ProblemListener } from './problem.js';
import { pathOf } from './request-target.js';
import type { RoutedListener } from './request-timing.js';
import { type Routes, routeRequests, sendJson } from './router.js';

/** Where the page is. */
const DASHBOARD = '/dashboard';

/** What a server has to ask its other processes for comes as a promise. */
export type Awaitable<Value> = Value | Promise<Value>;

/** What the HTTP API calls. */
export interface ApiBackend {
  /** Broadcasts a cursor; how many clients were handed it. */
  broadcast(item: CursorItem): number;
  /** The other processes, where there are any. */
  readonly cluster: Cluster | undefined;
  /** What `GET /v1/cluster` says; `undefined` without a cluster. */
  clusterView(): Awaitable<ClusterView | undefined>;
  /** The newest cursor of a namespace, where it is remembered. */
  newestCursor(namespace: string): string | undefined;
  stats(): Awaitable<ServerStats>;
  /** What `GET /metrics` tells. */
  snapshot(): Awaitable<MetricsSnapshot>;
  namespaces(): Awaitable<Iterable<{ namespace: string; connections: number }>>;
  /** A page of the clients that are connected now. */
  clients(query: ClientQuery): Awaitable<ClientList>;
  /** Closes clients that must lose access. */
  kick(kick: Kick): Awaitable<KickAnswer>;
  /** A request was authorized. The probes, which need no authorization, do not count. */
  authorized(request: IncomingMessage): void;
  readonly hasDashboard: boolean;
  /** Whether `/v1/faults` is there. */
  readonly hasFaults: boolean;
  readonly feed: EventFeed;
  /** The answer to a request has no end. */
  streaming(request: IncomingMessage): void;
  /** A request was answered with an error. */
  refused: ProblemListener;
  readonly shutdown: {
    readonly isReady: boolean;
    readonly takesCursors: boolean;
    readonly drainLeftMs: number;
    announce(): Awaitable<number>;
    begin(): unknown;
  };
}

/** Reads the body of a request as a list of items; `undefined` without a body. */
type ReadItems = (request: IncomingMessage, response: ServerResponse) => Promise<unknown[] | undefined>;

/**
 * The HTTP API, as a listener of `request`, and its paths.
 *
 * @param moreRoutes makes those of other folders.
 */
export function createApi(
  backend: ApiBackend,
  settings: ServerSettings,
  events: ServerEvents,
  moreRoutes: (read: ReadItems) => Routes,
): RoutedListener {
  const { adminToken, cors, maxBodySizeBytes, maxBatchItems, monotonic } = settings;
  const { shutdown, hasDashboard } = backend;
  const pages = {
    isAllowed: originRule(settings.allowOrigin),
    cors,
    onRefused: () => events.limited?.('origin'),
  };
  const read: ReadItems = (request, response) =>
    readItems(request, response, maxBodySizeBytes, () => events.limited?.('bodySize'));

  const kick = async (response: ServerResponse, asked: Kick) => {
    const answer = await backend.kick(asked);
    sendJson(response, statusOfKick(asked, answer), answer);
  };
  const routes: Routes = {
    ...moreRoutes(read),
    '/v1/cursors': {
      async POST(request, response) {
        const body = await read(request, response);
        if (!shutdown.takesCursors) throw new ProblemError(503, 'The server is shutting down');
        if (body === undefined) throw new ProblemError(400, 'Missing request body', { field: 'body' });
        if (body.length > maxBatchItems) events.limited?.('batchItems');
        const items = validateItems(body, maxBatchItems);
        if (monotonic) checkOrder(items, backend.newestCursor);
        // One tick of the event loop for the whole batch, so that a client gets it in one write.
        const deliver = () => items.map((item) => ({ ...item, delivered: backend.broadcast(item) }));
        if (backend.cluster === undefined) {
          sendJson(response, 200, { results: deliver() });
          return;
        }
        const { status, answer } = await emitToCluster(backend.cluster, items, deliver, settings);
        sendJson(response, status, answer);
      },
    },
    '/v1/drain': {
      async POST(request, response) {
        // A body, so that its content type keeps web pages out, as it does for cursors.
        if (!isEmptyObject(await read(request, response))) {
          throw new ProblemError(400, 'Expected the body to be {}', {
            field: 'body',
            fix: "Send -H 'content-type: application/json' -d '{}'.",
          });
        }
        // The last connection to end may be this one: it is answered first.
        response.once('close', () => shutdown.begin());
        const connections = await shutdown.announce();
        events.drainRequested?.();
        sendJson(response, 202, { connections, drainMs: shutdown.drainLeftMs });
      },
    },
    '/v1/stats': { GET: async (_, response) => sendJson(response, 200, await backend.stats()) },
    '/v1/namespaces': {
      GET: async (_, response) => sendJson(response, 200, { namespaces: [...(await backend.namespaces())] }),
    },
    '/v1/clients': {
      async GET(request, response) {
        sendJson(response, 200, await backend.clients(readClientQuery(request)));
      },
      DELETE: (request, response) => kick(response, readKick(request, 'principal')),
    },
    '/v1/clients/{id}': {
      DELETE: (request, response, id) => kick(response, readKick(request, 'id', id)),
    },
    '/v1/namespaces/{namespace}/clients': {
      DELETE: (request, response, namespace) => kick(response, readKick(request, 'namespace', namespace)),
    },
    '/v1/events': {
      GET: (request, response) =>
        answerEvents(request, response, {
          feed: backend.feed,
          events,
          about: {
            ...aboutServer(settings),
            cluster: backend.cluster !== undefined,
            faults: backend.hasFaults,
          },
          stream: backend.streaming,
        }),
    },
    [DASHBOARD]: {
      async GET(request, response) {
        if (!hasDashboard) {
          throw new ProblemError(404, 'This server has no dashboard', {
            fix: 'Start it with --dashboard, or createDatafnWsServer({ dashboard: true }).',
          });
        }
        // Loaded on demand, and made once.
        const { dashboardPage } = await import('../dashboard/page.js');
        const { html, headers } = dashboardPage();
        response.writeHead(200, { ...headers, 'content-length': html.length });
        response.end(request.method === 'HEAD' ? undefined : html);
      },
    },
    '/v1/cluster': {
      async GET(_, response) {
        const view = await backend.clusterView();
        if (view === undefined) {
          throw new ProblemError(404, 'This server is not part of a cluster', {
            fix: 'Start it with --cluster, or createDatafnWsServer({ backplane }).',
          });
        }
        sendJson(response, 200, view);
      },
    },
    ...metricsRoute(() => backend.snapshot(), settings),
    '/healthz': { GET: (_, response) => sendJson(response, 200, { status: 'ok' }) },
    '/readyz': {
      GET(_, response) {
        if (!shutdown.isReady) throw new ProblemError(503, 'The server is shutting down');
        sendJson(response, 200, { status: 'ready' });
      },
    },
  };
  const listener = routeRequests(routes, backend.refused, (request, response) => {
    authorizePage(request, response, pages);
    if (cors && answerPreflight(request, response)) return true;
    if (!(hasDashboard && adminToken !== undefined && isDashboard(request))) authorize(request, adminToken);
    if (!isProbe(request.url ?? '')) backend.authorized(request);
    return false;
  });
  return { listener, routes: Object.keys(routes) };
}

/** Whether a request is for the page, which has no secret in it: what it shows, it gets with the admin token. */
function isDashboard({ method, url }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && pathOf(url) === DASHBOARD;
}

/** The first event of a stream. A limit of `null` means no limit. */
function aboutServer({ path, maxConnections, maxConnectionsPerNamespace, drainMs }: ServerSettings) {
  return { version: packageVersion(), path, drainMs, limits: { maxConnections, maxConnectionsPerNamespace } };
}

/** Whether a body, which is read as a list of items, is `{}`. */
function isEmptyObject(body: unknown): boolean {
  const [item, ...more] = (body ?? []) as readonly unknown[];
  return more.length === 0 && typeof item === 'object' && item !== null && Object.keys(item).length === 0;
}
