import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { endToEnd, requestHeaders } from '../../../src/server/proxy/headers.js';
import { hasDotSegments, targetOf } from '../../../src/server/proxy/target.js';

describe('headers', () => {
  test.each([
    ['POST', {}, ['Content-Length', '0']],
    ['POST', { 'content-length': '3' }, []],
    ['POST', { 'transfer-encoding': 'chunked' }, ['Transfer-Encoding', 'chunked']],
    ['GET', {}, []],
  ])('of a %s with %j say how long the request is', (method, headers, added) => {
    const socket = { remoteAddress: '10.0.0.1' };
    const request = { method, headers: { host: 'a', ...headers }, rawHeaders: [], socket };
    const sent = requestHeaders(request as unknown as IncomingMessage, 'backend', false);
    const at = sent.findIndex((name) => /^(?:content-length|transfer-encoding)$/i.test(name));
    expect(at === -1 ? [] : sent.slice(at, at + 2)).toEqual(added);
  });

  test('of one connection are not forwarded, nor those that Connection names; the others keep order, case and doubles', () => {
    const raw = [
      ['Connection', 'keep-alive, X-Own, te'],
      ['Keep-Alive', 'timeout=5'],
      ['TE', 'trailers'],
      ['Transfer-Encoding', 'chunked'],
      ['Upgrade', 'h2c'],
      ['Proxy-Connection', 'keep-alive'],
      ['Proxy-Authorization', 'Basic x'],
      ['x-own', '1'],
      ['Set-Cookie', 'a=1'],
      ['X-Other', 'b'],
      ['set-cookie', 'b=2'],
    ].flat();
    expect(endToEnd(raw)).toEqual(['Set-Cookie', 'a=1', 'X-Other', 'b', 'set-cookie', 'b=2']);
  });

  test('that say how long a message is and who it is for are kept, whatever Connection names', () => {
    const raw = [
      'connection',
      'content-length, host, cookie',
      'Content-Length',
      '3',
      'Host',
      'a',
      'Cookie',
      'b',
    ];
    expect(endToEnd(raw)).toEqual(['Content-Length', '3', 'Host', 'a']);
  });
});

describe('the path at the backend', () => {
  test.each([
    ['http://127.0.0.1:4000', '/push?a=1', '/datafn/push?a=1'],
    ['http://127.0.0.1:4000/', '', '/datafn'],
    ['http://127.0.0.1:4000/api/datafn', '/push', '/api/datafn/push'],
    ['http://127.0.0.1:4000/api/datafn/', '/', '/api/datafn/'],
  ])('of %s for %j is %s', (url, below, expected) => {
    expect(targetOf(url, '/datafn').pathOf(below)).toBe(expected);
  });

  test('begins with a slash, whatever the remote', () => {
    expect(targetOf('http://a', '').pathOf('?x')).toBe('/?x');
  });
});

test.each([
  '/datafn/../admin',
  '/datafn/..',
  '/datafn/./push',
  '/datafn/%2e%2E/admin',
  '/datafn/.%2e/admin',
  '/datafn/..%2fadmin',
  '/datafn/a%5c..%5cadmin',
  '/datafn/..\\admin',
  '/datafn/..;/admin',
])('%s leads out of the remote', (path) => {
  expect(hasDotSegments(path)).toBe(true);
});

test.each([
  '/datafn/push',
  '/datafn/resources/task:1.5',
  '/datafn/resources/..a',
  '/datafn/a..b',
  '/datafn/...',
])('%s does not', (path) => {
  expect(hasDotSegments(path)).toBe(false);
});
