import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { PROBLEM_TYPE, ProblemError, type ProblemListener, problem } from './problem.js';
import { pathOf } from './request-target.js';

/** Answers one request; what it throws becomes a problem document. */
type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  parameter: string,
) => void | Promise<void>;

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const;
type Method = (typeof METHODS)[number];

/** What answers each path, by method. HEAD is answered as GET is. One segment of a path may be a parameter: `{id}`. */
export type Routes = Readonly<Record<string, Partial<Readonly<Record<Method, Handler>>>>>;

/**
 * Hands requests to their routes, and makes every error a problem document.
 *
 * A framework was measured and not taken: a few paths need no router, and Hono on Node doubles the CPU of a
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
  const find = finder(routes);
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    if (before(request, response)) return undefined;
    const { handler, parameter } = handlerOf(find, request, response);
    return handler(request, response, parameter);
  };
  return (request, response) => {
    try {
      handle(request, response)?.catch((error: unknown) => sendError(request, response, error, onProblem));
    } catch (error) {
      sendError(request, response, error, onProblem);
    }
  };
}

/** The methods of a path, and its parameter. */
type Found = { readonly route: Routes[string]; readonly parameter: string };

/** Finds the route of a request target; `undefined` for none, or one that is not well encoded. */
function finder(routes: Routes): (path: string) => Found | undefined {
  const byPath = new Map(Object.entries(routes));
  const patterns = Object.entries(routes)
    .filter(([path]) => path.includes('{'))
    .map(([path, route]) => ({ route, pattern: new RegExp(`^${path.replace(/\{\w+\}/, '([^/]+)')}$`) }));
  return (path) => {
    const route = byPath.get(decoded(path, decodeURI));
    if (route !== undefined) return { route, parameter: '' };
    for (const { route, pattern } of patterns) {
      // Decoded last: a namespace may have a slash in it.
      const [, parameter] = pattern.exec(path) ?? [];
      if (parameter !== undefined) return { route, parameter: decoded(parameter, decodeURIComponent) };
    }
    return undefined;
  };
}

function handlerOf(
  find: (path: string) => Found | undefined,
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
): { handler: Handler; parameter: string } {
  const shown = url.split('?', 1)[0];
  const found = find(pathOf(url));
  if (found === undefined) throw new ProblemError(404, `Nothing at ${method} ${shown}`);
  const { route, parameter } = found;
  const name = method === 'HEAD' ? 'GET' : method;
  const handler = Object.hasOwn(route, name) ? route[name as keyof typeof route] : undefined;
  if (handler !== undefined) return { handler, parameter };
  const allow = Object.keys(route)
    .flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]))
    .join(', ');
  response.setHeader('allow', allow);
  throw new ProblemError(405, `Expected ${shown} to be called with ${allow}, got ${method}`);
}

/** @throws {ProblemError} 400 for a text that is not well encoded. */
function decoded(text: string, decode: (text: string) => string): string {
  try {
    return text.includes('%') ? decode(text) : text;
  } catch {
    throw new ProblemError(400, 'Expected the path to be percent-encoded (RFC 3986), got one that is not');
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
