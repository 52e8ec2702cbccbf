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
 * Reports how long requests take, if there is a listener: from their arrival to the end of the answer. Event
 * streams are left out, since they have no end. An unknown path is reported as `other`, so callers cannot invent names.
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
