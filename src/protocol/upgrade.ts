/** How a client can show its token: each is a place where the server looks for it. */
export const TOKEN_WAYS = ['query', 'header', 'cookie', 'subprotocol'] as const;
export type TokenWay = (typeof TOKEN_WAYS)[number];

/** A browser cannot set headers on a WebSocket, but it can offer a subprotocol: this and the token as base64url. */
export const TOKEN_SUBPROTOCOL_PREFIX = 'datafn.bearer.';
/** The one subprotocol of DataFn clients that holds no secret. */
export const SYNC_SUBPROTOCOL = 'datafn-sync-v1';
/** What subprotocols with a secret begin with: our own, and the route ticket of a DataFn client. */
export const SECRET_SUBPROTOCOL_PREFIXES = [TOKEN_SUBPROTOCOL_PREFIX, 'datafn-ticket.'] as const;
export const TOKEN_COOKIE = 'datafn_token';
export const TOKEN_QUERY = 'token';

/** What clients send with an upgrade request, beside what RFC 6455 asks for. */
export interface UpgradeSettings {
  /** Header lines, `Name: value`. A Host among them takes the place of the URL's. */
  readonly headers: readonly string[];
  readonly origin: string | undefined;
  /** Subprotocols to offer, in order of preference. */
  readonly subprotocols: readonly string[];
  /** Where the token goes. */
  readonly tokenVia: TokenWay;
}

export const PLAIN_UPGRADE: UpgradeSettings = {
  headers: [],
  origin: undefined,
  subprotocols: [],
  tokenVia: 'query',
};

/** A header as it is sent: its name and its value. */
export type Header = readonly [name: string, value: string];

/** The upgrade requests to one URL: everything but the handshake itself. */
export class Upgrade {
  readonly #path: string;
  readonly #host: string;
  /** With its question mark; empty for none. */
  readonly #query: string;
  readonly #settings: UpgradeSettings;

  /** @param given the URL as a person wrote it: its query is sent byte for byte. */
  constructor(given: string, settings: UpgradeSettings = PLAIN_UPGRADE) {
    const { pathname, host } = new URL(given);
    this.#path = pathname;
    this.#host = host;
    this.#query = queryOf(given);
    this.#settings = settings;
  }

  /** Path and query of the request line. */
  target(token: string | undefined): string {
    if (token === undefined || this.#settings.tokenVia !== 'query') return this.#path + this.#query;
    const before = this.#query === '' ? '?' : this.#query === '?' ? this.#query : `${this.#query}&`;
    return `${this.#path}${before}${TOKEN_QUERY}=${encodeURIComponent(token)}`;
  }

  /** Host, and the headers that are not of the handshake. */
  headers(token: string | undefined): Header[] {
    const { headers, origin, tokenVia } = this.#settings;
    const given = headers.map(headerOf);
    const sent = (name: string) => given.filter(([one]) => one.toLowerCase() === name);
    const others = given.filter(([name]) => !/^(host|cookie)$/i.test(name));
    // One Cookie header holds all cookies (RFC 6265 section 5.4).
    const cookies = [
      ...sent('cookie').map(([, value]) => value),
      ...(tokenVia === 'cookie' && token !== undefined
        ? [`${TOKEN_COOKIE}=${encodeURIComponent(token)}`]
        : []),
    ];
    const offered = this.subprotocols(token);
    return [
      ['Host', sent('host').at(-1)?.[1] ?? this.#host],
      ...others,
      ...(origin === undefined ? [] : [['Origin', origin] as const]),
      ...(tokenVia === 'header' && token !== undefined
        ? [['Authorization', `Bearer ${token}`] as const]
        : []),
      ...(cookies.length === 0 ? [] : [['Cookie', cookies.join('; ')] as const]),
      ...(offered.length === 0 ? [] : [['Sec-WebSocket-Protocol', offered.join(', ')] as const]),
    ];
  }

  /** The subprotocols that are offered: the server may choose one of these. */
  subprotocols(token: string | undefined): readonly string[] {
    const { subprotocols, tokenVia } = this.#settings;
    if (tokenVia !== 'subprotocol' || token === undefined) return subprotocols;
    return [...subprotocols, `${TOKEN_SUBPROTOCOL_PREFIX}${Buffer.from(token).toString('base64url')}`];
  }
}

/** The query of a URL as it was written. What no request line can hold is percent-encoded. */
function queryOf(given: string): string {
  const mark = given.indexOf('?');
  if (mark === -1) return '';
  const [query = ''] = given.slice(mark).split('#', 1);
  return query.replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}

function headerOf(line: string): Header {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
