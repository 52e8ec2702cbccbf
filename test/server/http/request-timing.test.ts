import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { timeRequests } from '../../../src/server/http/request-timing.js';

/** What is reported of a request that is answered with `headers`. */
function reported(url: string, headers: Readonly<Record<string, string>> = {}): string[] {
  const seen: string[] = [];
  const response = Object.assign(new EventEmitter(), {
    statusCode: 200,
    getHeader: (name: string) => headers[name],
  });
  const listener = timeRequests(
    { listener: () => {}, routes: ['/v1/stats', '/v1/clients/{id}'] },
    { requestTook: (route, status) => seen.push(`${route} ${status}`) },
  );
  listener({ url } as IncomingMessage, response as unknown as ServerResponse);
  response.emit('finish');
  return seen;
}

test('a request is reported by its route, never by what the caller wrote', () => {
  expect(reported('/v1/stats?x=1')).toEqual(['/v1/stats 200']);
  expect(reported('/v1/clients/evil')).toEqual(['/v1/clients/{id} 200']);
  for (const url of ['/v1/clients/a/b', '/v1/clients/', '/v1/Stats', '/{id}', '', '*'])
    expect(reported(url), url).toEqual(['other 200']);
});

test('a stream of events is not reported: it ends when its reader goes', () => {
  expect(reported('/v1/stats', { 'content-type': 'text/event-stream; charset=utf-8' })).toEqual([]);
});
