import type { RequestListener } from 'node:http';
import type { ServerEvents } from '../events/events.js';
import { pathOf } from './request-target.js';

/** What answers requests, and the paths it knows. */
export interface RoutedListener {
  readonly listener: RequestListener;
  readonly routes: ReadonlySet<string>;
}

/**
 * Reports how long requests take, if somebody listens: from their arrival to the end of the answer. A stream of events
 * has no such end, and is left out.
 *
 * @param routes paths that are reported by name. All others are `other`, so that no caller can make a name.
 */
export function timeRequests(
  { listener, routes }: RoutedListener,
  events: Pick<ServerEvents, 'requestTook'>,
): RequestListener {
  return (request, response) => {
    if (events.requestTook !== undefined) {
      const startMs = performance.now();
      response.once('finish', () => {
        if (String(response.getHeader('content-type')).startsWith('text/event-stream')) return;
        const path = pathOf(request.url);
        const route = routes.has(path) ? path : 'other';
        events.requestTook?.(route, response.statusCode, performance.now() - startMs);
      });
    }
    listener(request, response);
  };
}
