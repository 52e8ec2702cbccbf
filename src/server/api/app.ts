import { createHash, timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { fromAuthorization } from '../auth/token-source.js';
import { type CursorItem, parseJsonBody, parseNdjsonBody, validateItems } from './cursors.js';
import { hasLoopbackHost } from './host-rule.js';
import { PROBLEM_TYPE, ProblemError, problem } from './problem.js';

/** What the HTTP API does its work with. */
export interface ApiBackend {
  /** Broadcasts one cursor; how many clients were handed it. */
  broadcast(item: CursorItem): number;
  stats(): unknown;
  namespaces(): Iterable<{ namespace: string; connections: number }>;
  /** False from the moment a shutdown begins. */
  isReady(): boolean;
}

export interface ApiOptions {
  /** With it, every route but the two probes wants it as bearer; without it, the Host must be a loopback name. */
  readonly adminToken: string | undefined;
  readonly maxBodyBytes: number;
  readonly maxBatchItems: number;
}

/** Routes that an orchestrator calls without credentials. */
const PROBES = new Set(['/healthz', '/readyz']);

/** Builds the HTTP API (Fastify), ready to be listened with. */
export function buildApi(backend: ApiBackend, options: ApiOptions): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: options.maxBodyBytes, forceCloseConnections: true });

  app.addHook('onRequest', async (request) => screen(request, options.adminToken));

  // Only these two: a web page can post neither of them to another origin without being asked first.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => parseJsonBody(body),
  );
  app.addContentTypeParser(
    ['application/x-ndjson', 'application/ndjson'],
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => parseNdjsonBody(body),
  );

  app.post('/v1/cursors', async (request, reply) => {
    if (!backend.isReady()) throw new ProblemError(503, 'The server is shutting down');
    if (request.body === undefined)
      throw new ProblemError(400, 'Expected a body, got none', { field: 'body' });
    const items = validateItems(request.body as unknown[], options.maxBatchItems);
    // One turn of the event loop for the whole batch, so that a client gets it in one write.
    const results = items.map((item) => ({ ...item, delivered: backend.broadcast(item) }));
    return reply.type('application/json').send(JSON.stringify({ results }));
  });
  app.get('/v1/stats', async () => backend.stats());
  app.get('/v1/namespaces', async () => ({ namespaces: [...backend.namespaces()] }));
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    if (!backend.isReady()) throw new ProblemError(503, 'The server is shutting down');
    return { status: 'ready' };
  });

  app.setNotFoundHandler((request, reply) =>
    send(reply, problem(404, `Nothing at ${request.method} ${request.url.split('?', 1)[0]}`)),
  );
  app.setErrorHandler((error: unknown, _request, reply) => send(reply, problemOf(error, options)));
  return app;
}

function screen(request: FastifyRequest, adminToken: string | undefined): void {
  const path = request.url.split('?', 1)[0] ?? '';
  if (adminToken === undefined) {
    if (hasLoopbackHost(request.headers.host)) return;
    throw new ProblemError(403, 'Expected the Host header to be a loopback name', {
      field: 'Host',
      fix: 'Call it as http://127.0.0.1 or http://localhost, or start the server with --admin-token.',
    });
  }
  if (PROBES.has(path)) return;
  const token = fromAuthorization(request.headers.authorization);
  if (token !== undefined && sameSecret(token, adminToken)) return;
  throw new ProblemError(
    401,
    token === undefined ? 'Expected a bearer token, got none' : 'The bearer token is not the admin token',
    {
      field: 'Authorization',
      fix: 'Send `Authorization: Bearer <the admin token>`; with `emit`, pass --admin-token.',
    },
  );
}

/** Compares secrets in a time that tells nothing of where they differ, nor of their lengths. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function problemOf(error: unknown, options: ApiOptions) {
  if (error instanceof ProblemError) return error.toProblem();
  const { statusCode = 500, code } = error as { statusCode?: number; code?: string };
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return problem(415, 'Expected Content-Type to be application/json or application/x-ndjson', {
        field: 'Content-Type',
        fix: "Add -H 'content-type: application/json'.",
      });
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return problem(413, `Expected a body of at most ${options.maxBodyBytes} bytes`, {
        field: 'body',
        fix: 'Split the batch.',
      });
    default:
      // What went wrong inside is nobody's business outside.
      return problem(
        statusCode,
        statusCode < 500 ? 'The request is not valid' : 'Something went wrong in the server',
      );
  }
}

function send(reply: FastifyReply, body: ReturnType<typeof problem>) {
  if (body.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(body.status).type(PROBLEM_TYPE).send(JSON.stringify(body));
}
