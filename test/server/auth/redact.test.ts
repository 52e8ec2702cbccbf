import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConnectRequest } from '../../../src/server/auth/provider.js';
import { redact } from '../../../src/server/auth/redact.js';

const TOKEN = 'sesame+open/2024=';

function request(more: Partial<ConnectRequest> = {}): ConnectRequest {
  return { token: TOKEN, url: '/datafn/ws', headers: {}, remoteAddress: '127.0.0.1', ...more };
}

describe('a message of a provider does not show', () => {
  test.each<[string, string, string, Partial<ConnectRequest>]>([
    ['the token', `no user for ${TOKEN}!`, 'no user for [hidden]!', {}],
    ['the token twice', `${TOKEN} is not ${TOKEN}`, '[hidden] is not [hidden]', {}],
    [
      'a piece of it, as JSON.parse quotes it',
      `Unexpected token 's', "${TOKEN.slice(0, 10)}"... is not valid JSON`,
      `Unexpected token 's', "[hidden]"... is not valid JSON`,
      {},
    ],
    [
      'the token as it stood in the query',
      'GET /datafn/ws?token=sesame%2Bopen%2F2024%3D',
      'GET /datafn/ws?[hidden]',
      { url: '/datafn/ws?token=sesame%2Bopen%2F2024%3D' },
    ],
    [
      'another secret of the query',
      'bad key 1234567890',
      'bad key [hidden]',
      { url: '/datafn/ws?api_key=1234567890' },
    ],
    [
      'a cookie',
      'cookie was session=abcdef123',
      'cookie was [hidden]',
      { headers: { cookie: 'session=abcdef123' } },
    ],
    [
      'the header',
      'got Basic YWxpY2U6cHc=',
      'got [hidden]',
      { headers: { authorization: 'Basic YWxpY2U6cHc=' } },
    ],
    [
      'a header of its own',
      'got aaaabbbbcccc',
      'got [hidden]',
      { headers: { 'x-api-key': ['zzzzzzzz', 'aaaabbbbcccc'] } },
    ],
    [
      'a subprotocol',
      'got datafn.bearer.YWxpY2U',
      'got[hidden]',
      { headers: { 'sec-websocket-protocol': 'datafn, datafn.bearer.YWxpY2U' } },
    ],
    ['a token that is short', 'no abcde here', 'no [hidden] here', { token: 'abcde' }],
  ])('%s', (_, message, shown, more) => {
    expect(redact(message, request(more))).toBe(shown);
  });
});

describe('it does show', () => {
  test('what has nothing to do with the request', () => {
    for (const message of ['database is down', 'connect ECONNREFUSED 127.0.0.1:5432', '']) {
      expect(redact(message, request({ headers: { host: 'localhost', 'user-agent': 'x' } }))).toBe(message);
    }
  });

  test('the path, and headers that are no secret', () => {
    const more = { headers: { host: 'localhost:3001', 'user-agent': 'Mozilla/5.0' } };
    const message = 'nobody at /datafn/ws on localhost:3001 with Mozilla/5.0';
    expect(redact(message, request(more))).toBe(message);
  });

  test('a message where the token is as good as none', () => {
    expect(redact('database is down', request({ token: 'a' }))).toBe('database is down');
    expect(redact('database is down', request({ token: undefined }))).toBe('database is down');
  });

  test('a long message, cut', () => {
    expect(redact('x'.repeat(10_000), request())).toHaveLength(501);
  });
});

test('no eight characters of a token in a row are ever left', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  fc.assert(
    fc.property(
      text,
      fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 }),
      text,
      (before, token, after) => {
        const shown = redact(before + token + after, request({ token }));
        for (let at = 0; at + 8 <= token.length; at++) {
          const run = token.slice(at, at + 8);
          if (!'[hidden]'.includes(run)) expect(shown).not.toContain(run);
        }
      },
    ),
  );
});
