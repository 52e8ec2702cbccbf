import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { OPCODE } from '../../protocol/frames.js';
import type { Header, Upgrade } from '../../protocol/upgrade.js';

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
  | {
      readonly kind: 'invalid';
      readonly code: string;
      /** How a 101 breaks RFC 6455; `undefined` for an answer that is not one. */
      readonly breach?: string;
    };

/**
 * Reads the answer to an upgrade request from what has come so far (RFC 6455 section 4.1).
 *
 * @param subprotocols those that the request offered.
 */
export function readAnswer(bytes: Buffer, key: string, subprotocols: readonly string[] = []): Answer {
  for (let start = 0; ; ) {
    const end = bytes.indexOf('\r\n\r\n', start);
    if (end === -1 || end > MAX_HEAD_BYTES) {
      return bytes.length > MAX_HEAD_BYTES
        ? { kind: 'invalid', code: 'ERR_RESPONSE_HEAD' }
        : { kind: 'incomplete' };
    }
    const [statusLine = '', ...lines] = bytes.toString('latin1', start, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) return { kind: 'invalid', code: 'ERR_NOT_HTTP' };
    start = end + 4;
    if (status === 101) {
      const breach = breachOf(headersIn(lines), key, subprotocols);
      return breach ?? { kind: 'accepted', rest: bytes.subarray(start) };
    }
    // Any number of interim answers may come before the final one (RFC 9110 section 15.2).
    if (status >= 200) return { kind: 'rejected', status };
  }
}

/** Values by name in lower case, in the order in which they came. */
function headersIn(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return headers;
}

/** What a 101 must not be, in the order of RFC 6455 section 4.1. */
function breachOf(
  headers: ReadonlyMap<string, readonly string[]>,
  key: string,
  subprotocols: readonly string[],
): Answer | undefined {
  const invalid = (code: string, breach: string): Answer => ({ kind: 'invalid', code, breach });
  const values = (name: string) => headers.get(name) ?? [];
  const upgrade = values('upgrade');
  if (upgrade.length !== 1 || upgrade[0]?.toLowerCase() !== 'websocket')
    return invalid('ERR_UPGRADE_HEADER', 'a 101 without `Upgrade: websocket`');
  const connection = values('connection').flatMap((value) => value.toLowerCase().split(','));
  if (!connection.some((token) => token.trim() === 'upgrade'))
    return invalid('ERR_CONNECTION_HEADER', 'a 101 without `Connection: Upgrade`');
  const expected = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  const accept = values('sec-websocket-accept');
  if (accept.length !== 1 || accept[0] !== expected)
    return invalid('ERR_ACCEPT_MISMATCH', 'a 101 whose Sec-WebSocket-Accept does not belong to the key');
  if (values('sec-websocket-extensions').some((value) => value !== ''))
    return invalid('ERR_UNOFFERED_EXTENSION', 'a 101 with an extension that was not offered');
  const chosen = values('sec-websocket-protocol');
  if (chosen.length > 1 || chosen.some((one) => !subprotocols.includes(one)))
    return invalid('ERR_UNOFFERED_SUBPROTOCOL', 'a 101 with a subprotocol that was not offered');
  return undefined;
}

/** Random bytes for masks, made many at a time: a call for each frame costs more than the frame. */
const masks = Buffer.allocUnsafeSlow(4096);
let usedBytes = masks.length;

/** Encodes a final, masked frame as a client sends it (RFC 6455 section 5.3). */
export function encodeClientFrame(opcode: number, payload: Buffer): Buffer {
  const length = payload.length;
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + 4 + length);
  frame[0] = 0x80 | opcode;
  if (headerLength === 2) frame[1] = 0x80 | length;
  else if (headerLength === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  if (usedBytes === masks.length) {
    randomFillSync(masks);
    usedBytes = 0;
  }
  const mask = usedBytes;
  usedBytes += 4;
  masks.copy(frame, headerLength, mask, mask + 4);
  for (let index = 0; index < length; index++) {
    frame[headerLength + 4 + index] = (payload[index] as number) ^ (masks[mask + (index & 3)] as number);
  }
  return frame;
}

/** A close frame with a code and a reason, or without both (RFC 6455 section 5.5.1). */
export function closeFrame(code?: number, reason = ''): Buffer {
  if (code === undefined) return encodeClientFrame(OPCODE.close, Buffer.alloc(0));
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return encodeClientFrame(OPCODE.close, payload);
}
