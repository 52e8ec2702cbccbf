import type { Random } from '../random.js';
import type { Presented } from './server-campaign.js';

/** Where a token may stand, and how it is written there. */
export const WAYS = ['header', 'query', 'subprotocol', 'cookie'] as const;
export type Way = (typeof WAYS)[number];

/** A way for a token: a header takes visible ASCII only. */
export function wayFor(random: Random, token: string, ways: readonly Way[] = WAYS): Way {
  const way = random.pick(ways);
  return way === 'header' && !/^[\x21-\x7e]+$/.test(token) ? 'query' : way;
}

/** Writes a token, well encoded, in one of the ways that mean the same. */
export function present(random: Random, token: string, way: Way): Presented {
  switch (way) {
    case 'header':
      return { headers: [`${random.pick(['Authorization: Bearer', 'authorization: bearer '])} ${token}`] };
    case 'query':
      return { query: `${random.pick(['token', 'token', '%74oken'])}=${percentEncoded(random, token)}` };
    case 'subprotocol':
      return subprotocol(Buffer.from(token).toString('base64url'));
    case 'cookie': {
      const value = percentEncoded(random, token).replaceAll('+', '%20');
      return { headers: [`Cookie: a=b; datafn_token=${random.chance(0.3) ? `"${value}"` : value}; c=d`] };
    }
  }
}

export function subprotocol(encoded: string): Presented {
  return { headers: [`Sec-WebSocket-Protocol: datafn.bearer.${encoded}`] };
}

function percentEncoded(random: Random, text: string): string {
  switch (random.below(3)) {
    case 0:
      return Buffer.from(text)
        .toString('hex')
        .replaceAll(/../g, (byte) => `%${byte}`);
    case 1:
      return encodeURIComponent(text).replaceAll('%20', '+');
    default:
      return encodeURIComponent(text);
  }
}

/** Tokens that are nobody's in every encoding: escapes that are none, bytes that are no UTF-8. */
export function badlyEncoded(random: Random, token: string): Presented {
  const query = encodeURIComponent(token);
  const encoded = Buffer.from(token).toString('base64url');
  switch (random.below(8)) {
    case 0:
      return { query: `token=${query}${random.pick(['%', '%z', '%zz', '%f', '%u0041'])}` };
    case 1:
      return { query: `token=${query}${random.pick(['%ff', '%c0%80', '%ed%a0%80', '%e2%82', '%80'])}` };
    case 2:
      return { headers: [`Cookie: datafn_token=${query}${random.pick(['%', '%ff', '%c1%81'])}`] };
    case 3:
      return subprotocol(`${encoded}${random.pick(['=', '==', '+', '/', '%3D', '!', 'A', '~'])}A`);
    case 4:
      return subprotocol(Buffer.concat([Buffer.from(token), Buffer.from([0xff])]).toString('base64url'));
    case 5:
      return { headers: [`Authorization: Bearer ${token.slice(0, 8)} ${token.slice(8)}`] };
    case 6:
      return { headers: [`Authorization: Bearer "${token}"`] };
    default:
      return { headers: [`Authorization: ${random.pick(['Basic', 'Bearerx', 'Token', ''])} ${token}`] };
  }
}

/** What counts as no token at all. */
export function blank(random: Random): Presented {
  const none = ['token=', 'token=+', 'token=%20', 'token=%00', 'token', 'tokens=x', 'Token=x'];
  const headers = [
    'Authorization: Bearer',
    'Authorization: Bearer   ',
    'Cookie: datafn_token=',
    'Cookie: datafn_token=""',
    'Cookie: datafn_token',
    'Sec-WebSocket-Protocol: datafn.bearer.',
  ];
  return random.chance(0.5) ? { query: random.pick(none) } : { headers: [random.pick(headers)] };
}
