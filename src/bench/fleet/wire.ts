import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { connect as connectTcp, isIP, type Socket, type TcpSocketConnectOpts } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type CursorMessage, readMessage } from '../../protocol/client.js';
import { OPCODE } from '../../protocol/frames.js';
import type { Header, Upgrade } from '../../protocol/upgrade.js';

/** Where a client connects to. */
export interface SocketTarget {
  readonly url: URL;
  readonly localAddress: string | undefined;
  /** Options of a `wss:` connection. */
  readonly tls?: ConnectionOptions;
}

/** What a client does about its socket. Each call names the socket: it may be one that the client has given up. */
export interface SocketHandler {
  onSocketConnect(socket: Socket): void;
  /** Takes what was read, which is overwritten after the call; false to read nothing more for now. */
  onSocketData(socket: Socket, chunk: Buffer): boolean;
  onSocketError(socket: Socket, error: NodeJS.ErrnoException): void;
  onSocketClose(socket: Socket): void;
}

/** The server that a WebSocket URL names. */
export function serverOf({ protocol, hostname, port }: URL) {
  const isSecure = protocol === 'wss:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    isSecure,
    host,
    port: Number(port) || (isSecure ? 443 : 80),
    // An address is not a name (RFC 6066 section 3).
    servername: isIP(host) ? '' : host,
  };
}

/**
 * Opens a TCP or TLS connection.
 *
 * @param buffer where reads of a TCP connection go; several sockets may share one, since a read is handled before the
 *   next begins.
 */
export function openSocket(
  { url, localAddress, tls }: SocketTarget,
  buffer: Buffer,
  handler: SocketHandler,
): Socket {
  const { isSecure, host, port, servername } = serverOf(url);
  const options: TcpSocketConnectOpts = { host, port, localAddress, noDelay: true };
  let socket: Socket;
  if (isSecure) {
    socket = connectTls({ ...options, servername, ...tls } as ConnectionOptions);
    socket.on('data', (chunk: Buffer) => handler.onSocketData(socket, chunk));
    socket.on('secureConnect', () => handler.onSocketConnect(socket));
  } else {
    const callback = (length: number, read: Uint8Array) =>
      handler.onSocketData(socket, read.subarray(0, length) as Buffer);
    socket = connectTcp({ ...options, onread: { buffer, callback } });
    socket.on('connect', () => handler.onSocketConnect(socket));
  }
  socket.on('error', (error: NodeJS.ErrnoException) => handler.onSocketError(socket, error));
  socket.on('close', () => handler.onSocketClose(socket));
  return socket;
}

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

/**
 * Cursor messages that differ in nothing but the digits of the cursor: bytes in front of them, and bytes behind them.
 * Their cursors are read without a JSON parser, which would take several times as long.
 */
export class CursorLayout {
  readonly #before: Buffer;
  readonly #behind: Buffer;
  /** What a message has besides the digits. */
  readonly envelopeBytes: number;

  constructor(before: string, behind: string) {
    this.#before = Buffer.from(before);
    this.#behind = Buffer.from(behind);
    this.envelopeBytes = this.#before.length + this.#behind.length;
  }

  /** The number in the message from `start` to `end`; NaN when it has another layout. */
  numberIn(bytes: Buffer, start: number, end: number): number {
    const before = this.#before;
    const behind = this.#behind;
    const first = start + before.length;
    const last = end - behind.length;
    if (first >= last) return Number.NaN;
    for (let index = behind.length - 1; index >= 0; index--) {
      if (bytes[last + index] !== behind[index]) return Number.NaN;
    }
    for (let index = before.length - 1; index >= 0; index--) {
      if (bytes[start + index] !== before[index]) return Number.NaN;
    }
    let value = 0;
    for (let index = first; index < last; index++) {
      const digit = (bytes[index] as number) - 0x30;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  }
}

/** The layout that the library and `datafn-ws serve` send, byte for byte. */
export const OUR_LAYOUT = new CursorLayout('{"type":"cursor","cursor":"', '"}');

/** The layout of a cursor message whose cursor is `digits`; `undefined` when it is not clear from the text. */
export function layoutOf(text: string, digits: string): CursorLayout | undefined {
  // With other digits in the right place, it is the same message with another cursor. Nothing else in a JSON text
  // depends on the digits within a string.
  const others = `1${digits}`;
  for (let at = text.indexOf(`"${digits}"`); at !== -1; at = text.indexOf(`"${digits}"`, at + 1)) {
    const [before, behind] = [text.slice(0, at + 1), text.slice(at + 1 + digits.length)];
    const message = readMessage(before + others + behind);
    if (message.isCursor && message.text === others) return new CursorLayout(before, behind);
  }
  return undefined;
}

/** Layouts of one server besides ours are learned up to so many times. */
const MAX_LEARNED = 16;

/** Reads cursors of our layout, and of another one that a server uses. */
export class CursorLayouts {
  #other = OUR_LAYOUT;
  #leftToLearn = MAX_LEARNED;
  /** What the message that was read last has besides the digits. */
  envelopeBytes = 0;

  /** The cursor in the message from `start` to `end`; NaN when it has neither layout. */
  read(bytes: Buffer, start: number, end: number): number {
    this.envelopeBytes = OUR_LAYOUT.envelopeBytes;
    const cursor = OUR_LAYOUT.numberIn(bytes, start, end);
    if (!Number.isNaN(cursor)) return cursor;
    this.envelopeBytes = this.#other.envelopeBytes;
    return this.#other.numberIn(bytes, start, end);
  }

  /** Learns the layout of a message that had neither. */
  learn(text: string, { text: digits }: CursorMessage): void {
    // Where every message has a layout of its own, it is not worth the time.
    if (this.#leftToLearn === 0 || digits === undefined || !/^\d+$/.test(digits)) return;
    this.#leftToLearn -= 1;
    this.#other = layoutOf(text, digits) ?? this.#other;
  }
}
