import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { PROBLEM_TYPE, ProblemError, type ProblemListener, problem } from './problem.js';
import { pathOf } from './request-target.js';

/** Answers one request; what it throws becomes a problem document. */
type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** What answers each path, by method. HEAD is answered as GET is. */
export type Routes = Readonly<Record<string, Partial<Readonly<Record<'GET' | 'POST', Handler>>>>>;

/**
 * Hands requests to their routes, and makes every error a problem document.
 *
 * A framework was measured and not taken: six fixed paths need no router, and Hono on Node doubles the CPU of a
 * request unless bodies and answers bypass it (docs/performance.md).
 *
 * @param onProblem called with each of them.
 * @param before looks at each request first, those of unknown paths included; true when it has answered.
 */
export function routeRequests(
  routes: Routes,
  onProblem: ProblemListener,
  before: (request: IncomingMessage, response: ServerResponse) => boolean,
): RequestListener {
  const byPath = new Map(Object.entries(routes));
  const handle: Handler = (request, response) => {
    if (before(request, response)) return undefined;
    return handlerOf(byPath, request, response)(request, response);
  };
  return (request, response) => {
    try {
      handle(request, response)?.catch((error: unknown) => sendError(request, response, error, onProblem));
    } catch (error) {
      sendError(request, response, error, onProblem);
    }
  };
}

function handlerOf(
  routes: ReadonlyMap<string, Routes[string]>,
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
): Handler {
  const path = decodedPath(url);
  if (path === undefined) {
    throw new ProblemError(400, 'Expected the path to be percent-encoded (RFC 3986), got one that is not');
  }
  const shown = url.split('?', 1)[0];
  const route = routes.get(path);
  if (route === undefined) throw new ProblemError(404, `Nothing at ${method} ${shown}`);
  const handler = method === 'GET' || method === 'HEAD' ? route.GET : method === 'POST' && route.POST;
  if (handler) return handler;
  const allow = [...(route.GET ? ['GET', 'HEAD'] : []), ...(route.POST ? ['POST'] : [])].join(', ');
  response.setHeader('allow', allow);
  throw new ProblemError(405, `Expected ${shown} to be called with ${allow}, got ${method}`);
}

/** The path of a request, percent-decoded; undefined when it is not well encoded. */
function decodedPath(target: string): string | undefined {
  const path = pathOf(target);
  try {
    return path.includes('%') ? decodeURI(path) : path;
  } catch {
    return undefined;
  }
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json', JSON.stringify(body));
}

function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  onProblem: ProblemListener,
): void {
  // The caller is gone, or was answered before the error.
  if (response.destroyed || response.headersSent) return;
  // Internal errors are not shown to callers.
  const body = error instanceof ProblemError ? error.toProblem() : problem(500, 'Internal server error');
  if (error instanceof ProblemError && error.extra.endsConnection) response.setHeader('connection', 'close');
  if (body.status === 401) response.setHeader('www-authenticate', 'Bearer');
  onProblem(request, body);
  send(response, body.status, PROBLEM_TYPE, JSON.stringify(body));
}

/** Answers with a text. */
export function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'content-type': type.includes(';') ? type : `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
