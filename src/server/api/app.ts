import type { IncomingMessage, RequestListener, Server } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import type { OriginRule } from '../origin-rule.js';
import { readBodies } from './body.js';
import { screenBrowsers } from './browsers.js';
import { type CursorItem, validateItems } from './cursors.js';
import { answerErrors, answerUnparsable, answerUnroutable } from './errors.js';
import { ProblemError, type ProblemListener } from './problem.js';
import type { Refusal } from './raw-problem.js';
import { isProbe, screen } from './screen.js';

/** What the HTTP API does its work with. */
export interface ApiBackend {
  /** Broadcasts one cursor; how many clients were handed it. */
  broadcast(item: CursorItem): number;
  /** Why a batch is refused for what came before it, or nothing. */
  orderProblem(items: readonly CursorItem[]): ProblemError | undefined;
  stats(): unknown;
  namespaces(): Iterable<{ namespace: string; connections: number }>;
  /** False from the moment a shutdown begins. */
  isReady(): boolean;
  /** The admin rule allows a request. The probes, which anybody may call, do not count. */
  admitted(request: IncomingMessage): void;
  /** A request was over a limit. */
  limited(name: 'bodySize' | 'batchItems' | 'origin'): void;
  /** A request was answered with an error. */
  refused: ProblemListener;
  /** What came was no request, and was answered with an error. */
  unparsable(refusal: Refusal): void;
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
  readonly maxBodyBytes: number;
  readonly maxBatchItems: number;
  /** Whether a page of an origin may call. */
  readonly isAllowedOrigin: OriginRule;
  /** Whether such a page may read the answers. */
  readonly cors: boolean;
  /** Makes the server that the API listens with. */
  createServer(listener: RequestListener): Server;
}

/** Builds the HTTP API (Fastify), ready to be listened with. */
export function buildApi(backend: ApiBackend, options: ApiOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: options.maxBodyBytes,
    forceCloseConnections: true,
    serverFactory: options.createServer,
    frameworkErrors: (_error, _request, reply) => answerUnroutable(reply, backend.refused),
    clientErrorHandler: (error, socket) => answerUnparsable(error, socket, backend.unparsable),
  });

  screenBrowsers(app, {
    isAllowed: options.isAllowedOrigin,
    cors: options.cors,
    onRefused: () => backend.limited('origin'),
  });
  app.addHook('onRequest', async (request) => {
    screen(request, options.adminToken);
    if (!isProbe(request.url)) backend.admitted(request.raw);
  });
  readBodies(app);
  answerErrors(app, options.maxBodyBytes, () => backend.limited('bodySize'), backend.refused);

  app.post('/v1/cursors', async (request, reply) => {
    if (!backend.takesCursors()) throw new ProblemError(503, 'The server is shutting down');
    if (request.body === undefined)
      throw new ProblemError(400, 'Expected a body, got none', { field: 'body' });
    const { body } = request as { body: unknown[] };
    if (body.length > options.maxBatchItems) backend.limited('batchItems');
    const items = validateItems(body, options.maxBatchItems);
    const problem = backend.orderProblem(items);
    if (problem !== undefined) throw problem;
    // One turn of the event loop for the whole batch, so that a client gets it in one write.
    const results = items.map((item) => ({ ...item, delivered: backend.broadcast(item) }));
    return reply.type('application/json').send(JSON.stringify({ results }));
  });
  app.post('/v1/drain', async (request, reply) => {
    // A body, so that its content type keeps web pages out, as it does for cursors.
    if (!isEmptyObject(request.body)) {
      throw new ProblemError(400, 'Expected the body to be {}', {
        field: 'body',
        fix: "Send -H 'content-type: application/json' -d '{}'.",
      });
    }
    // The last connection to end may be this one: it is answered first.
    reply.raw.once('close', () => backend.drain());
    return reply.code(202).send(backend.prepareDrain());
  });
  app.get('/v1/stats', async () => backend.stats());
  app.get('/v1/namespaces', async () => ({ namespaces: [...backend.namespaces()] }));
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    if (!backend.isReady()) throw new ProblemError(503, 'The server is shutting down');
    return { status: 'ready' };
  });
  return app;
}

/** Whether a body, which is read as a list of items, is `{}`. */
function isEmptyObject(body: unknown): boolean {
  const [item, ...more] = (body ?? []) as readonly unknown[];
  return more.length === 0 && typeof item === 'object' && item !== null && Object.keys(item).length === 0;
}
