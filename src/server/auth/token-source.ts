import type { IncomingMessage } from 'node:http';

/** A browser cannot set headers on a WebSocket, but it can offer a subprotocol. */
const SUBPROTOCOL_PREFIX = 'datafn.bearer.';
const COOKIE_NAME = 'datafn_token';

/**
 * Finds the token of a connecting client: `Authorization: Bearer`, then `?token=`, then the cookie
 * `datafn_token`, then a subprotocol `datafn.bearer.<base64url of the token>`. An empty one counts as none.
 */
export function tokenOf(request: IncomingMessage): string | undefined {
  return (
    fromAuthorization(request.headers.authorization) ||
    fromQuery(request.url ?? '') ||
    fromCookie(request.headers.cookie) ||
    fromSubprotocol(request.headers['sec-websocket-protocol']) ||
    undefined
  );
}

/** The offered subprotocol that carries a token, or else the first one: browsers insist on hearing one of theirs. */
export function chooseSubprotocol(offered: Set<string>): string | false {
  for (const protocol of offered) if (protocol.startsWith(SUBPROTOCOL_PREFIX)) return protocol;
  for (const protocol of offered) return protocol;
  return false;
}

/** The credentials of an `Authorization: Bearer` header (RFC 6750 section 2.1). */
export function fromAuthorization(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^bearer +(\S+) *$/i.exec(header)?.[1];
}

function fromQuery(url: string): string | undefined {
  const mark = url.indexOf('?');
  return mark === -1 ? undefined : (new URLSearchParams(url.slice(mark + 1)).get('token') ?? undefined);
}

function fromCookie(header: string | undefined): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [name, ...value] = pair.split('=');
    if (name?.trim() !== COOKIE_NAME) continue;
    try {
      return decodeURIComponent(value.join('=').trim());
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function fromSubprotocol(header: string | undefined): string | undefined {
  const offer = header
    ?.split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(SUBPROTOCOL_PREFIX));
  return offer === undefined
    ? undefined
    : Buffer.from(offer.slice(SUBPROTOCOL_PREFIX.length), 'base64url').toString();
}
