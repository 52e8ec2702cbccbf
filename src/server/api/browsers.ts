import type { FastifyInstance } from 'fastify';
import { type OriginRule, originRefusal } from '../origin-rule.js';
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
 */
export function screenBrowsers(app: FastifyInstance, { isAllowed, cors, onRefused }: BrowserRules): void {
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    const { origin } = headers;
    if (origin === undefined) return;
    if (!isAllowed(origin)) {
      onRefused();
      const { detail, fix } = originRefusal(origin);
      throw new ProblemError(403, detail, { field: 'Origin', fix });
    }
    if (!cors) return;
    reply.header('access-control-allow-origin', origin).header('vary', 'Origin');
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return;
    reply
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-allow-headers', 'authorization, content-type')
      .header('access-control-max-age', PREFLIGHT_SECONDS);
    return reply.code(204).send();
  });
}
