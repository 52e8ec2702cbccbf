import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { DatafnLogger } from '../../manager/types.js';
import { messageOf, stackOf } from '../../protocol/errors.js';
import { HttpConnectRequest } from '../auth/http-connect-request.js';
import { askProvider, type NamespaceProvider } from '../auth/provider.js';
import type { ServerEvents } from '../events/events.js';
import { authorize } from '../http/authorize.js';
import { readText } from '../http/body.js';
import { type OriginRule, originRefusal } from '../http/hosts-and-origins.js';
import { ProblemError, type ProblemListener, problem, retryAfter } from '../http/problem.js';
import { pathOf, shownPath } from '../http/request-target.js';
import type { AddressOf } from '../limits/client-address.js';
import { type BackendAnswer, BackendError, type BackendHandler } from './answer.js';
import { ROUTE_METHODS } from './route-table.js';

/** How long a browser may cache the answer to a preflight, in seconds. */
const PREFLIGHT_SECONDS = '600';
/** Headers that DataFn's clients send. A page may have its client send others. */
const CLIENT_HEADERS = 'authorization, content-type, x-datafn-route-ticket';
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, -]{1,1000}$/;

export interface BackendRouteParts {
  /** Where clients are told that the routes are, such as `/datafn`. */
  readonly remote: string;
  /** The path of the WebSocket endpoint below it. */
  readonly socketPath: string;
  /** Makes the answers. Whatever is to change them wraps this. */
  readonly handle: BackendHandler;
  /** Called with what has changed, right after its answer was written. */
  announce(namespace: string, cursor: string): void;
  /** Whether only requests to this machine by name are let in, since tokens prove nothing. */
  readonly needsLoopbackHost: boolean;
  readonly isAllowedOrigin: OriginRule;
  readonly namespaceProvider: NamespaceProvider;
  readonly authTimeoutMs: number;
  readonly maxBodySizeBytes: number;
  readonly addressOf: AddressOf;
  readonly logger: DatafnLogger;
  readonly events: Pick<ServerEvents, 'limited'>;
  /** Whether the server still takes requests. */
  isOpen(): boolean;
  /** A request has a token that was accepted. */
  authorized(request: IncomingMessage): void;
  /** A request was answered with an error. */
  readonly refused: ProblemListener;
}

/** Answers the DataFn HTTP routes. */
export function backendRoutes(parts: BackendRouteParts): RequestListener {
  return (request, response) => {
    void respond(request, response, parts);
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  parts: BackendRouteParts,
): Promise<void> {
  let answer: BackendAnswer;
  let namespace = '';
  try {
    admitPage(request, response, parts);
    if (request.method === 'OPTIONS') {
      answerPreflight(request, response);
      return;
    }
    const route = routeOf(request, parts);
    namespace = await namespaceOf(request, parts);
    const body = request.method === 'POST' ? await readJson(request, response, parts) : undefined;
    answer = await parts.handle({ method: request.method ?? '', route, namespace, body });
  } catch (error) {
    answer = answerOf(error, parts);
  }
  // The caller is gone; what it asked for is done all the same.
  if (!response.destroyed) write(request, response, answer, parts);
  if (answer.news !== undefined) parts.announce(namespace, answer.news);
}

/** Refuses pages of other origins, and lets the others read the answers. */
function admitPage(request: IncomingMessage, response: ServerResponse, parts: BackendRouteParts): void {
  const { origin } = request.headers;
  if (origin !== undefined) {
    if (!parts.isAllowedOrigin(origin)) {
      parts.events.limited?.('origin');
      const { detail, fix } = originRefusal(origin);
      throw new BackendError(403, 'FORBIDDEN', fix === undefined ? detail : `${detail}. ${fix}`, 'Origin');
    }
    response.setHeader('access-control-allow-origin', origin).setHeader('vary', 'Origin');
  }
  if (parts.needsLoopbackHost) authorize(request, undefined);
}

function answerPreflight({ headers }: IncomingMessage, response: ServerResponse): void {
  const asked = headers['access-control-request-headers'];
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': asked !== undefined && HEADER_NAMES.test(asked) ? asked : CLIENT_HEADERS,
    'access-control-max-age': PREFLIGHT_SECONDS,
  });
  response.end();
}

/** The route that a request is for. DataFn's router answers what it does not have with an `error` that is a string. */
function routeOf({ method, url }: IncomingMessage, { remote, isOpen }: BackendRouteParts): string {
  if (!isOpen())
    throw new BackendError(503, 'SERVICE_UNAVAILABLE', 'The server is shutting down', '$', retryAfter(1000));
  const path = pathOf(url);
  const route = path.slice(remote.length + 1);
  if (route.startsWith('resources/'))
    throw new BackendError(501, 'NOT_SUPPORTED', 'The memory backend has no REST routes: push mutations');
  const wanted = ROUTE_METHODS.get(route);
  if (wanted === undefined) throw new RouterError(404, `Route not found: ${shownPath(path)}`);
  if (method !== wanted) throw new RouterError(405, 'Method not allowed', { allow: `${wanted}, OPTIONS` });
  return route;
}

/** What DataFn's router answers by itself. */
class RouterError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** The namespace of a request, from the same provider and the same places for a token as that of a WebSocket. */
async function namespaceOf(request: IncomingMessage, parts: BackendRouteParts): Promise<string> {
  const { namespaceProvider, authTimeoutMs: timeoutMs, logger, addressOf } = parts;
  const decision = await askProvider(namespaceProvider, new HttpConnectRequest(request, addressOf), {
    timeoutMs,
    logger,
  });
  if ('why' in decision) {
    throw new BackendError(401, 'UNAUTHORIZED', 'Missing or invalid token', 'Authorization', {
      'www-authenticate': 'Bearer',
    });
  }
  parts.authorized(request);
  return decision.namespace;
}

async function readJson(
  request: IncomingMessage,
  response: ServerResponse,
  parts: BackendRouteParts,
): Promise<unknown> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  // A web page can send anything else to another origin without asking first (Fetch standard, CORS-safelisted headers).
  if (type !== 'application/json')
    throw new BackendError(
      415,
      'DFQL_INVALID',
      'Expected Content-Type to be application/json',
      'Content-Type',
    );
  const text = await readText(request, response, parts.maxBodySizeBytes, () =>
    parts.events.limited?.('bodySize'),
  );
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BackendError(400, 'DFQL_INVALID', `Expected the body to be JSON: ${messageOf(error)}`);
  }
}

function answerOf(error: unknown, { logger }: BackendRouteParts): BackendAnswer {
  if (error instanceof BackendError) return error.toAnswer();
  if (error instanceof RouterError)
    return { status: error.status, body: { error: error.message }, headers: error.headers };
  if (error instanceof ProblemError) {
    const { statusCode: status, message, extra } = error;
    const code = status === 413 ? 'LIMIT_EXCEEDED' : status === 403 ? 'FORBIDDEN' : 'DFQL_INVALID';
    const headers: Record<string, string> = extra.endsConnection ? { connection: 'close' } : {};
    return new BackendError(status, code, message, extra.field ?? '$', headers).toAnswer();
  }
  logger.error('The backend failed', { error: stackOf(error) });
  return new BackendError(500, 'INTERNAL', 'Internal server error').toAnswer();
}

function write(
  request: IncomingMessage,
  response: ServerResponse,
  answer: BackendAnswer,
  parts: BackendRouteParts,
): void {
  const { status, body, headers = {} } = answer;
  if (status >= 400) parts.refused(request, problem(status, detailOf(body)));
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(text);
}

/** What the log says of an error. */
function detailOf(body: unknown): string {
  const { error } = body as { error?: string | { code?: string; message?: string } };
  return typeof error === 'object' ? `${error.code}: ${error.message}` : String(error);
}
