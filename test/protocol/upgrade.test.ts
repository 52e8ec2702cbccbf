import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { badToken } from '../../src/bench/fleet/credentials.js';
import { upgradeRequest } from '../../src/bench/fleet/wire.js';
import { PLAIN_UPGRADE, TOKEN_WAYS, Upgrade, type UpgradeSettings } from '../../src/protocol/upgrade.js';
import { chooseSubprotocol, tokenOf } from '../../src/server/auth/token-source.js';

const URL_GIVEN = 'ws://127.0.0.1:3001/datafn/ws';

function requestOf(settings: Partial<UpgradeSettings>, token: string | undefined, url = URL_GIVEN) {
  const text = upgradeRequest(new Upgrade(url, { ...PLAIN_UPGRADE, ...settings }), 'key', token);
  const [line = '', ...lines] = text.trimEnd().split('\r\n');
  const headers: Record<string, string> = {};
  const headersDistinct: Record<string, string[]> = {};
  for (const header of lines) {
    const [name = '', ...value] = header.split(': ');
    headers[name.toLowerCase()] = value.join(': ');
    headersDistinct[name.toLowerCase()] = [...(headersDistinct[name.toLowerCase()] ?? []), value.join(': ')];
  }
  return { url: line.split(' ')[1] as string, headers, headersDistinct, lines };
}

describe('the query of a URL', () => {
  test.each([
    ['a%20b=c+d', '?a%20b=c+d'],
    ['flag', '?flag'],
    ['', '?'],
    ["q='x'&&y=%zz&=1", "?q='x'&&y=%zz&=1"],
    ['a=<b>"', '?a=<b>"'],
    ['p=a?b/c', '?p=a?b/c'],
  ])('%j is sent byte for byte, without a token and before one', (query, sent) => {
    const url = `${URL_GIVEN}?${query}`;
    expect(requestOf({}, undefined, url).url).toBe(`/datafn/ws${sent}`);
    expect(requestOf({}, 'user:1', url).url).toBe(
      `/datafn/ws${sent}${query === '' ? '' : '&'}token=user%3A1`,
    );
    expect(requestOf({ tokenVia: 'cookie' }, 'user:1', url).url).toBe(`/datafn/ws${sent}`);
  });

  test('what no request line can hold is percent-encoded, and nothing else', () => {
    expect(requestOf({}, undefined, `${URL_GIVEN}?n=\u00fc%20+`).url).toBe('/datafn/ws?n=%C3%BC%20+');
  });
});

describe('the token of a client', () => {
  test.each(TOKEN_WAYS)('by way of %s is what our server reads', (tokenVia) => {
    const unit =
      tokenVia === 'header'
        ? fc.constantFrom(...Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)))
        : ('binary' as const);
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1 }), (token) => {
        const request = requestOf({ tokenVia }, token, `${URL_GIVEN}?a=1`);
        expect(tokenOf(request)).toBe(token);
      }),
      { numRuns: 50 },
    );
  });

  test.each(TOKEN_WAYS)('that is to be refused breaks no rule of HTTP by way of %s', (tokenVia) => {
    const { url, lines } = requestOf({ tokenVia }, badToken(tokenVia));
    for (const part of [url, ...lines]) expect(part).toMatch(/^[\x20-\x7e]+$/);
  });

  test('is nowhere when there is none', () => {
    for (const tokenVia of TOKEN_WAYS) {
      const { url, lines } = requestOf({ tokenVia }, undefined);
      expect(`${url} ${lines.join(' ')}`).not.toMatch(/token|cookie|authorization|bearer|protocol/i);
    }
  });
});

describe('headers of an upgrade request', () => {
  test('are sent as they were given, beside those of the handshake', () => {
    const { lines } = requestOf({ headers: ['X-Key: a: b', 'x-Other:c'], origin: 'https://app.test' }, 'a');
    expect(lines).toEqual([
      'Host: 127.0.0.1:3001',
      'X-Key: a: b',
      'x-Other: c',
      'Origin: https://app.test',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: key',
      'Sec-WebSocket-Version: 13',
    ]);
  });

  test('a Host that was given takes the place of the one of the URL', () => {
    const { headersDistinct } = requestOf({ headers: ['host: staging.test'] }, 'a');
    expect(headersDistinct.host).toEqual(['staging.test']);
  });

  test('cookies that were given and the one of the token are in one header', () => {
    const { headersDistinct } = requestOf({ headers: ['Cookie: a=1'], tokenVia: 'cookie' }, 'user:1');
    expect(headersDistinct.cookie).toEqual(['a=1; datafn_token=user%3A1']);
  });

  test('subprotocols are offered in their order, before the one with the token', () => {
    const settings = { subprotocols: ['datafn-sync-v1', 'b'], tokenVia: 'subprotocol' } as const;
    const offered = requestOf(settings, 'user:1').headers['sec-websocket-protocol'];
    expect(offered).toBe('datafn-sync-v1, b, datafn.bearer.dXNlcjox');
    expect(chooseSubprotocol(new Set(offered?.split(', ')))).toBe('datafn-sync-v1');
    expect(new Upgrade(URL_GIVEN, { ...PLAIN_UPGRADE, ...settings }).subprotocols('user:1')).toEqual(
      offered?.split(', '),
    );
  });
});
