import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { readItems } from './body.js';
import { answerPreflight, screenBrowsers } from './browsers.js';
import { type CursorItem, validateItems } from './cursors.js';
import type { OriginRule } from './origin-rule.js';
import { ProblemError, type ProblemListener } from './problem.js';
import { type Routes, routeRequests, sendJson } from './router.js';
import { isProbe, screen } from './screen.js';

/** Clients in one answer: more than a person looks at. */
const MAX_CLIENTS = 1000;

/** What the HTTP API does its work with. */
export interface ApiBackend {
  /** Broadcasts one cursor; how many clients were handed it. */
  broadcast(item: CursorItem): number;
  /** Why a batch is refused for what came before it, or nothing. */
  orderProblem(items: readonly CursorItem[]): ProblemError | undefined;
  stats(): unknown;
  namespaces(): Iterable<{ namespace: string; connections: number }>;
  /** The clients that are connected now, of one namespace or of all. */
  clients(namespace: string | undefined): Iterable<unknown>;
  /** False from the moment a shutdown begins. */
  isReady(): boolean;
  /** The admin rule allows a request. The probes, which anybody may call, do not count. */
  admitted(request: IncomingMessage): void;
  /** A request was over a limit. */
  limited(name: 'bodySize' | 'batchItems' | 'origin'): void;
  /** A request was answered with an error. */
  refused: ProblemListener;
  /** False when there is nobody left to hear of a cursor: in a drain, clients are connected until its end. */
  takesCursors(): boolean;
  /** Takes no new clients from here on; what of it is told to the caller. */
  prepareDrain(): object;
  /** Shuts down as a signal does. */
  drain(): void;
}

export interface ApiOptions {
  /** With it, every route but the two probes wants it as bearer; without it, the Host must be a loopback name. */
  readonly adminToken: string | undefined;
  readonly maxBodySizeBytes: number;
  readonly maxBatchItems: number;
  /** Whether a page of an origin may call. */
  readonly isAllowedOrigin: OriginRule;
  /** Whether such a page may read the answers. */
  readonly cors: boolean;
}

/** The HTTP API, as what an HTTP server calls for each request. */
export function createApi(backend: ApiBackend, options: ApiOptions): RequestListener {
  const { adminToken, maxBodySizeBytes, maxBatchItems } = options;
  const rules = {
    isAllowed: options.isAllowedOrigin,
    cors: options.cors,
    onRefused: () => backend.limited('origin'),
  };
  const read = (request: IncomingMessage, response: ServerResponse) =>
    readItems(request, response, maxBodySizeBytes, () => backend.limited('bodySize'));

  const routes: Routes = {
    '/v1/cursors': {
      async POST(request, response) {
        const body = await read(request, response);
        if (!backend.takesCursors()) throw new ProblemError(503, 'The server is shutting down');
        if (body === undefined) throw new ProblemError(400, 'Expected a body, got none', { field: 'body' });
        if (body.length > maxBatchItems) backend.limited('batchItems');
        const items = validateItems(body, maxBatchItems);
        const problem = backend.orderProblem(items);
        if (problem !== undefined) throw problem;
        // One turn of the event loop for the whole batch, so that a client gets it in one write.
        const results = items.map((item) => ({ ...item, delivered: backend.broadcast(item) }));
        sendJson(response, 200, { results });
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
        response.once('close', () => backend.drain());
        sendJson(response, 202, backend.prepareDrain());
      },
    },
    '/v1/stats': { GET: (_, response) => sendJson(response, 200, backend.stats()) },
    '/v1/namespaces': {
      GET: (_, response) => sendJson(response, 200, { namespaces: [...backend.namespaces()] }),
    },
    '/v1/clients': {
      GET(request, response) {
        const namespace = new URLSearchParams(request.url?.split('?')[1]).get('namespace') ?? undefined;
        const clients = [...backend.clients(namespace)];
        sendJson(response, 200, { total: clients.length, clients: clients.slice(0, MAX_CLIENTS) });
      },
    },
    '/healthz': { GET: (_, response) => sendJson(response, 200, { status: 'ok' }) },
    '/readyz': {
      GET(_, response) {
        if (!backend.isReady()) throw new ProblemError(503, 'The server is shutting down');
        sendJson(response, 200, { status: 'ready' });
      },
    },
  };
  return routeRequests(routes, backend.refused, (request, response) => {
    screenBrowsers(request, response, rules);
    if (options.cors && answerPreflight(request, response)) return true;
    screen(request, adminToken);
    if (!isProbe(request.url ?? '')) backend.admitted(request);
    return false;
  });
}

/** Whether a body, which is read as a list of items, is `{}`. */
function isEmptyObject(body: unknown): boolean {
  const [item, ...more] = (body ?? []) as readonly unknown[];
  return more.length === 0 && typeof item === 'object' && item !== null && Object.keys(item).length === 0;
}
