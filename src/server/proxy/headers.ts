import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { hostOf } from '../http/hosts-and-origins.js';
import { unmapped } from '../limits/client-address.js';

/** Names and values in turn, as `rawHeaders` has them. */
export type RawHeaders = readonly string[];

/** Headers of one connection, which a proxy does not forward (RFC 9110 section 7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  // Between a client and its own proxy (RFC 9110 section 11.7).
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
]);

/** The end-to-end headers of a message (RFC 9110 section 7.6.1), in their order. */
export function endToEnd(headers: RawHeaders, without: ReadonlySet<string> = NONE): string[] {
  const named = namedInConnection(headers);
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || without.has(lower) || named?.has(lower)) continue;
    kept.push(name, headers[index + 1] as string);
  }
  return kept;
}

const NONE: ReadonlySet<string> = new Set();
/** Named in `Connection` or not, these say how long a message is and who it is for. */
const NEVER_DROPPED = new Set(['content-length', 'host']);

/** The headers that a message declares to be of its connection alone. */
function namedInConnection(headers: RawHeaders): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let index = 0; index < headers.length; index += 2) {
    if ((headers[index] as string).toLowerCase() !== 'connection') continue;
    for (const token of (headers[index + 1] as string).split(',')) {
      const name = token.trim().toLowerCase();
      if (name === 'keep-alive' || name === 'close' || name === '' || NEVER_DROPPED.has(name)) continue;
      named ??= new Set();
      named.add(name);
    }
  }
  return named;
}

/** Replaced in a request. */
const REPLACED = new Set(['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);

/**
 * The headers of a request as the backend gets them.
 *
 * @param host the backend's, which a virtual host wants; the client's is in X-Forwarded-Host.
 * @param isTrusted whether the peer is a proxy whose X-Forwarded headers count; others can send any.
 */
export function requestHeaders(request: IncomingMessage, host: string, isTrusted: boolean): string[] {
  const { headers, socket, method } = request;
  const given = (name: string) => (isTrusted ? [headers[name] ?? []].flat().join(', ') : '');
  const peer = unmapped(socket.remoteAddress) ?? 'unknown';
  const earlier = given('x-forwarded-for');
  const proto = socket instanceof TLSSocket ? 'https' : 'http';
  const forwarded = endToEnd(request.rawHeaders, REPLACED);
  forwarded.push('Host', host);
  forwarded.push('X-Forwarded-For', earlier === '' ? peer : `${earlier}, ${peer}`);
  forwarded.push('X-Forwarded-Proto', given('x-forwarded-proto') || proto);
  const askedHost = given('x-forwarded-host') || hostOf(request);
  if (askedHost !== undefined) forwarded.push('X-Forwarded-Host', askedHost);
  if (headers['transfer-encoding'] !== undefined) forwarded.push('Transfer-Encoding', 'chunked');
  else if (headers['content-length'] === undefined && !WITHOUT_BODY.has(method ?? ''))
    forwarded.push('Content-Length', '0');
  return forwarded;
}

/** Methods whose requests have no length when they have no body. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** Whether a request has a body. */
export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** The headers of a 103 as `writeEarlyHints` takes them: it knows `link` by this spelling only, and one link in a text. */
export function earlyHints(raw: RawHeaders): Record<string, string | string[]> {
  const hints = new Map<string, string[]>();
  for (const [name, value] of trailerPairs(raw)) {
    const key = name.toLowerCase();
    const values = key === 'link' ? value.split(/,\s*(?=<)/) : [value];
    hints.set(key, [...(hints.get(key) ?? []), ...values]);
  }
  return Object.fromEntries(
    [...hints].map(([name, values]) => [name, name === 'link' ? values : values.join(', ')]),
  );
}

/** Trailers as `addTrailers` takes them. */
export function trailerPairs(raw: RawHeaders): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < raw.length; index += 2)
    pairs.push([raw[index] as string, raw[index + 1] as string]);
  return pairs;
}
