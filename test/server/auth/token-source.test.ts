import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type TokenRequest, tokenOf } from '../../../src/server/auth/token-source.js';
import { fromAuthorization } from '../../../src/server/http/authorize.js';

interface Sent {
  readonly url?: string;
  readonly authorization?: string | readonly string[];
  readonly cookie?: string;
  readonly protocol?: string;
}

/** A request as Node.js makes it of these headers. */
function request({ url = '/datafn/ws', authorization = [], cookie, protocol }: Sent): TokenRequest {
  const all = [authorization].flat();
  return {
    url,
    // Of several Authorization headers Node.js keeps the first here, and all of them there.
    headers: { authorization: all[0], cookie, 'sec-websocket-protocol': protocol },
    headersDistinct: all.length === 0 ? {} : { authorization: all },
  };
}

const query = (text: string) => `/datafn/ws?${text}`;
const offer = (token: string) => `datafn.bearer.${Buffer.from(token).toString('base64url')}`;

/** Headers of the right scheme with credentials that are none. */
const MALFORMED_BEARERS = [
  'Bearer alice x',
  'Bearer\talice',
  'bearer alice\t',
  'Bearer \u00c3\u00a9',
  'Bearer,alice',
];

describe('a token is read', () => {
  test.each<[string, Sent, string]>([
    ['from the header', { authorization: 'Bearer a.b-c_~+/=' }, 'a.b-c_~+/='],
    ['from a query with escapes', { url: query('v=1&token=user%3A%C3%A9+1%2B1') }, 'user:é 1+1'],
    ['from a query whose name has escapes', { url: query('%74oken=a') }, 'a'],
    ['from a query with = in it', { url: query('token=a=b==') }, 'a=b=='],
    ['from a query beside a broken parameter', { url: query('x=%&%=&token=a&&') }, 'a'],
    ['from a query beside an empty token', { url: query('token=&token=a') }, 'a'],
    ['from a cookie', { cookie: 'a=b; datafn_token=user:alice; c=d' }, 'user:alice'],
    ['from a cookie in quotes', { cookie: 'datafn_token="user:alice"' }, 'user:alice'],
    ['from a cookie with escapes', { cookie: 'datafn_token=user%3Aalice%3B' }, 'user:alice;'],
    ['from a cookie with = in it', { cookie: 'datafn_token=a=b==' }, 'a=b=='],
    ['from a cookie without blanks around', { cookie: 'x=1;datafn_token=a;y=2' }, 'a'],
    ['from a subprotocol', { protocol: `datafn , ${offer('user:é')}` }, 'user:é'],
    [
      'from a subprotocol whose text begins with a byte order mark',
      { protocol: offer('\ufeffa') },
      '\ufeffa',
    ],
    [
      'from whichever place, when several say the same',
      {
        url: query('token=a&token=a'),
        authorization: ['Bearer a', 'bearer a'],
        protocol: `${offer('a')},${offer('a')}`,
        cookie: 'datafn_token=a',
      },
      'a',
    ],
    ['from the query, not from a cookie of before', { url: query('token=a'), cookie: 'datafn_token=b' }, 'a'],
    [
      'from a subprotocol, not from a cookie of before',
      { protocol: offer('a'), cookie: 'datafn_token=b' },
      'a',
    ],
    [
      'from a cookie, past a header of another scheme',
      { authorization: 'Basic eA==', cookie: 'datafn_token=a' },
      'a',
    ],
    [
      'from a cookie, past a header of a scheme that begins alike',
      { authorization: ['Bearerx a b', 'Bearer-x'], cookie: 'datafn_token=a' },
      'a',
    ],
    ['from a cookie, past an empty header', { authorization: 'Bearer', cookie: 'datafn_token=a' }, 'a'],
    ['from a cookie, past an empty query', { url: query('token='), cookie: 'datafn_token=a' }, 'a'],
    [
      'from a cookie, past an empty subprotocol',
      { protocol: 'datafn.bearer.', cookie: 'datafn_token=a' },
      'a',
    ],
    ['from a cookie, past an empty cookie', { cookie: 'datafn_token=; datafn_token=a' }, 'a'],
  ])('%s', (_, sent, token) => {
    expect(tokenOf(request(sent))).toBe(token);
  });

  test('whatever it is, from the query, the cookie and the subprotocol that a client makes of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (token) => {
        const escaped = encodeURIComponent(token);
        for (const sent of [
          { url: query(`token=${escaped}`) },
          { url: query(new URLSearchParams({ token }).toString()) },
          { cookie: `datafn_token=${escaped}` },
          { protocol: offer(token) },
        ]) {
          expect(tokenOf(request(sent))).toBe(token);
        }
      }),
    );
  });
});

describe('there is no token', () => {
  test.each<[string, Sent]>([
    ['where none was sent', {}],
    ['in a header of another scheme', { authorization: 'Basic eA==' }],
    ['in a header of several words', { authorization: 'Bearer a b' }],
    ['in a header that is not ASCII', { authorization: 'Bearer \u00c3\u00a9' }],
    ['in a parameter that only ends alike', { url: query('xtoken=a&token2=b&Token=c') }],
    ['in a parameter without a value', { url: query('token') }],
    ['in a fragment of an escape', { url: query('token=a%4') }],
    ['in bytes that are no UTF-8', { url: query('token=%FF') }],
    ['in a cookie of bytes that are no UTF-8', { cookie: 'datafn_token=%C3' }],
    ['in a cookie with another name', { cookie: 'Datafn_token=a; datafn_token2=b; datafn_token' }],
    ['in quotes around nothing', { cookie: 'datafn_token=""' }],
    [
      'in a subprotocol of standard base64',
      { protocol: `datafn.bearer.${Buffer.from('~~~?').toString('base64')}` },
    ],
    ['in a subprotocol with padding', { protocol: 'datafn.bearer.YQ==' }],
    ['in a subprotocol with a dot', { protocol: `${offer('abc')}.${'x'}` }],
    ['in a subprotocol of a length that no bytes have', { protocol: 'datafn.bearer.YWJjY' }],
    ['in a subprotocol whose last bits say nothing', { protocol: 'datafn.bearer.YR' }],
    ['in a subprotocol of bytes that are no UTF-8', { protocol: 'datafn.bearer._w' }],
    ['in a subprotocol with another prefix', { protocol: 'Datafn.bearer.YQ, datafn.bearer' }],
  ])('%s', (_, sent) => {
    expect(tokenOf(request(sent))).toBeUndefined();
  });

  test.each<[string, Sent]>([
    ['two in the query', { url: query('token=a&token=b') }],
    ['two in headers', { authorization: ['Bearer a', 'Bearer b'] }],
    ['two in subprotocols', { protocol: `${offer('a')}, ${offer('b')}` }],
    ['two in cookies', { cookie: 'datafn_token=a; datafn_token=b' }],
    ['the header and the query', { authorization: 'Bearer a', url: query('token=b') }],
    ['the query and a subprotocol', { url: query('token=a'), protocol: offer('b') }],
    ['one that is well encoded and one that is not', { url: query('token=a&token=%FF') }],
  ])('where %s disagree, and a cookie does not decide', (_, sent) => {
    expect(tokenOf(request(sent))).toBeUndefined();
    expect(tokenOf(request({ cookie: 'datafn_token=a', ...sent }))).toBeUndefined();
  });

  test.each(MALFORMED_BEARERS)('beside a header of %j, and no other place decides', (authorization) => {
    for (const sent of [
      { url: query('token=mallory') },
      { protocol: offer('mallory') },
      { cookie: 'datafn_token=mallory' },
    ]) {
      expect(tokenOf(request({ authorization, ...sent }))).toBeUndefined();
    }
    expect(tokenOf(request({ authorization: ['Bearer a', authorization] }))).toBeUndefined();
  });

  test('where the one that was sent is not well encoded, and a cookie does not take its place', () => {
    for (const sent of [
      { url: query('token=%FF') },
      { protocol: 'datafn.bearer._w' },
      ...MALFORMED_BEARERS.map((authorization) => ({ authorization })),
    ]) {
      expect(tokenOf(request({ ...sent, cookie: 'datafn_token=a' }))).toBeUndefined();
    }
  });
});

test('a bearer is told from other credentials by its scheme, in any case', () => {
  expect(fromAuthorization('bEARER  x ')).toBe('x');
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearerx', 'Basic x', 'x Bearer y']) {
    expect(fromAuthorization(header)).toBeUndefined();
  }
});
