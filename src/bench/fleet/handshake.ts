import { createHash, randomBytes } from 'node:crypto';
import type { Header, Upgrade } from './upgrade.js';

/** Appended to the key before hashing (RFC 6455 section 1.3). */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The longest response head that is read before the server is taken for something else. */
const MAX_HEAD_BYTES = 16 * 1024;

/** A fresh handshake key (RFC 6455 section 4.1). */
export function handshakeKey(): string {
  return randomBytes(16).toString('base64');
}

/** The upgrade request of a client (RFC 6455 section 4.1). */
export function upgradeRequest(upgrade: Upgrade, key: string, token: string | undefined): string {
  const headers = upgradeHeaders(upgrade, key, token).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${upgrade.target(token)} HTTP/1.1`, ...headers, '', ''].join('\r\n');
}

/** Its headers. */
export function upgradeHeaders(upgrade: Upgrade, key: string, token: string | undefined): Header[] {
  return [
    ...upgrade.headers(token),
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Key', key],
    ['Sec-WebSocket-Version', '13'],
  ];
}

/** What a server made of an upgrade request. */
export type Answer =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'accepted'; readonly rest: Buffer }
  | { readonly kind: 'rejected'; readonly status: number }
  | { readonly kind: 'invalid'; readonly why: string };

/** Reads the answer to an upgrade request from what has come so far. */
export function readAnswer(bytes: Buffer, key: string): Answer {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) {
    return bytes.length > MAX_HEAD_BYTES
      ? { kind: 'invalid', why: 'ERR_RESPONSE_HEAD' }
      : { kind: 'incomplete' };
  }
  const [statusLine = '', ...headers] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1];
  if (status === undefined) return { kind: 'invalid', why: 'ERR_NOT_HTTP' };
  if (status !== '101') return { kind: 'rejected', status: Number(status) };
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  const given = headers
    .find((header) => /^sec-websocket-accept:/i.test(header))
    ?.slice(21)
    .trim();
  if (given !== accept) return { kind: 'invalid', why: 'ERR_ACCEPT_MISMATCH' };
  return { kind: 'accepted', rest: bytes.subarray(end + 4) };
}
