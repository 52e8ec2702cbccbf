import type { IncomingMessage } from 'node:http';
import {
  SECRET_SUBPROTOCOL_PREFIXES,
  SYNC_SUBPROTOCOL,
  TOKEN_COOKIE,
  TOKEN_QUERY,
  TOKEN_SUBPROTOCOL_PREFIX,
} from '../../protocol/upgrade.js';
import { fromAuthorization } from '../http/authorize.js';

/** What of a request is looked at to find a token. */
export type TokenRequest = Pick<IncomingMessage, 'url' | 'headers' | 'headersDistinct'>;

/** A token that was sent; `undefined` for one that is not well encoded. */
type SentToken = string | undefined;

/**
 * Finds the token of a connecting client: in `Authorization: Bearer`, in `?token=`, in a subprotocol
 * `datafn.bearer.<base64url of the token>`, or else in the cookie `datafn_token`.
 *
 * An empty token counts as none, and so do several that differ: which of them was meant is not for the server to
 * guess, and what a proxy has checked may be the other one (RFC 6750 section 2 allows one way in each request). The
 * cookie comes last and is not a second one beside another: a browser sends it unasked, so a page that says who
 * connects means what it says.
 */
export function tokenOf(request: TokenRequest): string | undefined {
  return agreed(sentTokens(request));
}

/** Every token that counts, one for each place that has one. */
function sentTokens(request: TokenRequest): SentToken[] {
  const { url = '', headers } = request;
  const said = fromQuery(url);
  // Node.js works out all of the distinct headers for one of them: only where there is one.
  if (headers.authorization !== undefined) {
    said.push(...fromAuthorizations(request.headersDistinct.authorization));
  }
  const offered = headers['sec-websocket-protocol'];
  if (offered !== undefined) said.push(...fromSubprotocols(offered));
  const sent = said.filter(isNotEmpty);
  return sent.length > 0 ? sent : fromCookies(headers.cookie).filter(isNotEmpty);
}

/** Returns what is wrong with the way in which a client sent its token, for the log, else `undefined`. */
export function tokenProblem(request: TokenRequest): string | undefined {
  const sent = sentTokens(request);
  if (sent.length === 0) return 'no token';
  if (sent.includes(undefined)) return 'a token that is not well encoded';
  return new Set(sent).size > 1 ? 'several tokens that differ' : undefined;
}

/** Whether the query has a token with a `+`, which stands for a blank there: one in base64 is another one then. */
export function hasLostPlus({ url = '' }: TokenRequest): boolean {
  return url.includes('+') && fromQuery(url).some((token) => token?.includes(' '));
}

/** The one token that all of them are. */
function agreed(tokens: readonly SentToken[]): string | undefined {
  return tokens.every((token) => token === tokens[0]) ? tokens[0] : undefined;
}

/**
 * The protocol of DataFn where it is offered, or else the first offer that carries no secret. A token is selected only
 * where nothing else is offered: browsers insist on hearing one of theirs (WHATWG WebSockets).
 */
export function chooseSubprotocol(offered: ReadonlySet<string>): string | undefined {
  if (offered.has(SYNC_SUBPROTOCOL)) return SYNC_SUBPROTOCOL;
  const [first, ...others] = offered;
  if (first === undefined) return undefined;
  return [first, ...others].find((protocol) => !carriesSecret(protocol)) ?? first;
}

function carriesSecret(protocol: string): boolean {
  return SECRET_SUBPROTOCOL_PREFIXES.some((prefix) => protocol.startsWith(prefix));
}

/** The scheme of a bearer: no letter follows that would make it another one (RFC 9110 section 5.6.2). */
const BEARER = /^bearer(?![\w!#$%&'*+.^`|~-])/i;

/** Headers of another scheme are not about tokens; one without a token has an empty one. */
function fromAuthorizations(headers: readonly string[] | undefined): SentToken[] {
  return (headers ?? [])
    .filter((header) => BEARER.test(header))
    .map((header) => (/^bearer\s*$/i.test(header) ? '' : fromAuthorization(header)));
}

/** Every `token` of a query, as a form would be read (WHATWG URL section 5.1), but for bytes that are not UTF-8. */
function fromQuery(url: string): SentToken[] {
  const mark = url.indexOf('?');
  if (mark === -1) return [];
  const tokens: SentToken[] = [];
  // Each client comes here: a list of the pairs would cost more than all of the rest.
  for (let from = mark + 1, end: number; from <= url.length; from = end + 1) {
    const ampersand = url.indexOf('&', from);
    end = ampersand === -1 ? url.length : ampersand;
    const pair = url.slice(from, end);
    const equals = pair.indexOf('=');
    const name = equals === -1 ? pair : pair.slice(0, equals);
    if (formDecoded(name) === TOKEN_QUERY) tokens.push(formDecoded(pair.slice(name.length + 1)));
  }
  return tokens;
}

/** Every `datafn_token` among the cookies: they differ when a page of another host or path has set one, too. */
function fromCookies(header: string | undefined): SentToken[] {
  const tokens: SentToken[] = [];
  for (const pair of header?.split(';') ?? []) {
    const equals = pair.indexOf('=');
    if (equals === -1 || pair.slice(0, equals).trim() !== TOKEN_COOKIE) continue;
    const value = pair.slice(equals + 1).trim();
    // A value may stand in quotes that are not part of it (RFC 6265 section 4.1.1).
    tokens.push(percentDecoded(/^"(.*)"$/.exec(value)?.[1] ?? value));
  }
  return tokens;
}

/** Every token among the offered subprotocols. */
function fromSubprotocols(header: string): SentToken[] {
  return header
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol.startsWith(TOKEN_SUBPROTOCOL_PREFIX))
    .map((protocol) => fromBase64url(protocol.slice(TOKEN_SUBPROTOCOL_PREFIX.length)));
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text behind base64url without padding (RFC 4648 section 5); `undefined` for anything that is not exactly that. */
function fromBase64url(encoded: string): string | undefined {
  const bytes = Buffer.from(encoded, 'base64url');
  // Node.js skips what is not base64url; encoded again, only the real thing is what it was.
  if (bytes.toString('base64url') !== encoded) return undefined;
  try {
    return UTF_8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** `undefined` for invalid escapes, and for bytes that are not UTF-8. */
const isNotEmpty = (token: SentToken) => token !== '';

/** As a form encodes it: a `+` stands for a blank. */
function formDecoded(text: string): string | undefined {
  return percentDecoded(text.includes('+') ? text.replaceAll('+', ' ') : text);
}

function percentDecoded(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
