import type { IncomingMessage, ServerResponse } from 'node:http';
import { type OriginRule, originRefusal } from './origin-rule.js';
import { ProblemError } from './problem.js';

/** How the API treats web pages. */
export interface BrowserRules {
  readonly isAllowed: OriginRule;
  /** Whether pages that are allowed may read the answers (CORS, Fetch standard section 3.3). */
  readonly cors: boolean;
  /** Told of each request by a page that is not allowed. */
  onRefused(): void;
}

/** Time for which a browser need not ask again. */
const PREFLIGHT_SECONDS = '600';

/**
 * Keeps pages of other origins out of the API: a request that says it is from one is refused, before anything else is
 * looked at. Without CORS a browser shows the answers to no page, and asks for permission in vain before it sends
 * JSON.
 *
 * @throws {ProblemError} 403 for a page that is not allowed.
 */
export function screenBrowsers(
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

/** Grants a page that {@link screenBrowsers} let in what it asks for before its request; false when it asks nothing. */
export function answerPreflight({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
  if (method !== 'OPTIONS' || headers.origin === undefined) return false;
  if (headers['access-control-request-method'] === undefined) return false;
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-max-age': PREFLIGHT_SECONDS,
  });
  response.end();
  return true;
}
