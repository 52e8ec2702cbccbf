import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  hasLoopbackHost,
  hasSeveralHosts,
  hostOf,
  hostRefusal,
  type OriginRule,
  originRefusal,
} from './hosts-and-origins.js';
import { ProblemError } from './problem.js';
import { pathOf } from './request-target.js';

/** The credentials of an `Authorization: Bearer` header (RFC 6750 section 2.1): visible ASCII characters. */
export function fromAuthorization(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
}

/** Routes for orchestrators and load balancers, which need no credentials and may send any Host or none. */
const PROBES = new Set(['/healthz', '/readyz']);

/** Whether a request is for a route that needs no authorization. */
export function isProbe(url: string): boolean {
  return PROBES.has(pathOf(url));
}

/**
 * Lets a request call the API or throws.
 *
 * @param adminToken with it, every route but the two probes requires it as bearer; without it, the Host must be a
 *   loopback name.
 * @throws {ProblemError} 400, 401 or 403 for a request that may not call.
 */
export function authorize(request: IncomingMessage, adminToken: string | undefined): void {
  if (isProbe(request.url ?? '')) return;
  const { host, authorization } = request.headers;
  if (host === undefined && request.httpVersion !== '1.0') {
    // RFC 9112 section 3.2.
    throw new ProblemError(400, 'Missing Host header', { field: 'Host' });
  }
  if (hasSeveralHosts(request)) {
    throw new ProblemError(400, 'Expected one Host header, got several', { field: 'Host' });
  }
  if (adminToken === undefined) {
    const asked = hostOf(request);
    if (hasLoopbackHost(asked)) return;
    throw new ProblemError(403, hostRefusal(asked), {
      field: 'Host',
      fix: 'Call it as http://127.0.0.1 or http://localhost, or start the server with --admin-token.',
    });
  }
  const token = fromAuthorization(authorization);
  if (token !== undefined && sameSecret(token, adminToken)) return;
  throw new ProblemError(
    401,
    token === undefined ? 'Missing bearer token' : 'The bearer token is not the admin token',
    {
      field: 'Authorization',
      fix: 'Send `Authorization: Bearer <the admin token>`; with `emit`, pass --admin-token.',
    },
  );
}

/** Whether {@link authorize} lets a request call a route that requires authorization. */
export function mayCall(request: IncomingMessage, adminToken: string | undefined): boolean {
  if (isProbe(request.url ?? '')) return false;
  try {
    authorize(request, adminToken);
    return true;
  } catch {
    return false;
  }
}

/** Compares secrets in a time that does not depend on where they differ, nor on their lengths. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/** How the API treats web pages. */
export interface BrowserRules {
  readonly isAllowed: OriginRule;
  /** Whether pages that are allowed may read the answers (CORS, Fetch standard section 3.3). */
  readonly cors: boolean;
  /** Called for each request of a page that is not allowed. */
  onRefused(): void;
}

/** How long a browser may cache that. */
const PREFLIGHT_SECONDS = '600';

/**
 * Refuses pages of other origins, before anything else is looked at. Without CORS a browser shows the answers to no page,
 * and its preflight before it sends JSON fails.
 *
 * @throws {ProblemError} 403 for a page that is not allowed.
 */
export function authorizePage(
  { headers: { origin } }: IncomingMessage,
  response: ServerResponse,
  { isAllowed, cors, onRefused }: BrowserRules,
): void {
  if (origin === undefined) return;
  if (!isAllowed(origin)) {
    onRefused();
    const { detail, fix } = originRefusal(origin);
    throw new ProblemError(403, detail, { field: 'Origin', fix });
  }
  if (cors) response.setHeader('access-control-allow-origin', origin).setHeader('vary', 'Origin');
}

/** Answers the preflight of a page that {@link authorizePage} admits; false for other requests. */
export function answerPreflight({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
  if (method !== 'OPTIONS' || headers.origin === undefined) return false;
  if (headers['access-control-request-method'] === undefined) return false;
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, POST, PUT, DELETE',
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-max-age': PREFLIGHT_SECONDS,
  });
  response.end();
  return true;
}
