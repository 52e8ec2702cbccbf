import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { fromAuthorization } from '../auth/token-source.js';
import { hasLoopbackHost, hasSeveralHosts, hostOf, hostRefusal } from './host-rule.js';
import { ProblemError } from './problem.js';
import { pathOf } from './request-target.js';

/** Routes that orchestrators and load balancers call: without credentials, and with any Host or none. */
const PROBES = new Set(['/healthz', '/readyz']);

/** Whether a request is for a route that anybody may call. */
export function isProbe(url: string): boolean {
  return PROBES.has(pathOf(url));
}

/**
 * Decides who may call the API.
 *
 * @param adminToken with it, every route but the two probes wants it as bearer; without it, the Host must be a
 *   loopback name. The probes answer everybody.
 * @throws {ProblemError} 400, 401 or 403 for who may not.
 */
export function screen(request: IncomingMessage, adminToken: string | undefined): void {
  if (isProbe(request.url ?? '')) return;
  const { host, authorization } = request.headers;
  if (host === undefined && request.httpVersion !== '1.0') {
    // RFC 9112 section 3.2.
    throw new ProblemError(400, 'Expected a Host header, got none', { field: 'Host' });
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
    token === undefined ? 'Expected a bearer token, got none' : 'The bearer token is not the admin token',
    {
      field: 'Authorization',
      fix: 'Send `Authorization: Bearer <the admin token>`; with `emit`, pass --admin-token.',
    },
  );
}

/** Whether {@link screen} lets a request call a route that not everybody may call. */
export function mayCall(request: IncomingMessage, adminToken: string | undefined): boolean {
  if (isProbe(request.url ?? '')) return false;
  try {
    screen(request, adminToken);
    return true;
  } catch {
    return false;
  }
}

/** Compares secrets in a time that tells nothing of where they differ, nor of their lengths. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
