import type { RequestListener } from 'node:http';
import type { ServerEvents } from '../events/events.js';
import { pathOf } from './request-target.js';

/** What answers requests, and the paths it knows. */
export interface RoutedListener {
  readonly listener: RequestListener;
  /** A segment in braces is a parameter: `/v1/clients/{id}`. */
  readonly routes: readonly string[];
}

/**
 * Reports how long requests take, if somebody listens: from their arrival to the end of the answer. A stream of events
 * has no such end, and is left out. A path that is none of the routes is `other`, so that no caller can make a name.
 */
export function timeRequests(
  { listener, routes }: RoutedListener,
  events: Pick<ServerEvents, 'requestTook'>,
): RequestListener {
  const fixed = new Set(routes);
  const patterns = routes
    .filter((route) => route.includes('{'))
    .map((route) => ({ route, pattern: new RegExp(`^${route.replaceAll(/\{\w+\}/g, '[^/]+')}$`) }));
  const routeOf = (path: string) =>
    fixed.has(path) ? path : (patterns.find(({ pattern }) => pattern.test(path))?.route ?? 'other');
  return (request, response) => {
    if (events.requestTook !== undefined) {
      const startMs = performance.now();
      response.once('finish', () => {
        if (String(response.getHeader('content-type')).startsWith('text/event-stream')) return;
        const route = routeOf(pathOf(request.url));
        events.requestTook?.(route, response.statusCode, performance.now() - startMs);
      });
    }
    listener(request, response);
  };
}
