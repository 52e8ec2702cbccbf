import { mutate } from './mutate.js';
import { Random } from './random.js';

/** What a connection is used to attack. */
export type Kind = 'raw' | 'handshake' | 'frames' | 'hello' | 'api';

/** One connection and all that it sends. */
export interface Session {
  readonly kind: Kind;
  /** How many hostile inputs are in it. */
  readonly inputs: number;
  /** What is sent first, and must be answered before the rest; left out for none. */
  readonly opening?: Buffer;
  /** The hostile part, in the pieces in which it is written. */
  readonly pieces: readonly Buffer[];
  /** How this end leaves: by half-closing, or with a reset. */
  readonly ending: 'end' | 'reset';
}

/** How many sessions of a thousand are of each kind, chosen so that about as many inputs are of each of the large ones. */
const SHARES: readonly (readonly [Kind, number])[] = [
  ['raw', 80],
  ['handshake', 220],
  ['frames', 320],
  ['hello', 15],
  ['api', 365],
];

/** The session with this number: always the same for a seed. */
export function sessionOf(seed: number, index: number): Session {
  const random = new Random(seed, index);
  let ticket = random.below(1000);
  const kind = SHARES.find(([, share]) => {
    ticket -= share;
    return ticket < 0;
  })?.[0] as Kind;
  return { ending: random.chance(0.9) ? 'end' : 'reset', ...SESSIONS[kind](random) };
}

const SESSIONS: Readonly<Record<Kind, (random: Random) => Omit<Session, 'ending'>>> = {
  raw: (random) => one('raw', random, rawInput(random)),
  handshake: (random) => one('handshake', random, handshakeInput(random)),
  frames(random) {
    const inputs: Buffer[] = [];
    let isFragmented = false;
    for (let count = random.from(1, 16); count > 0; count--) {
      const input = frameInput(random, isFragmented);
      inputs.push(input);
      const opcode = (input[0] ?? 0) & 0x0f;
      if (opcode < 0x8) isFragmented = ((input[0] ?? 0) & 0x80) === 0;
    }
    return upgraded('frames', random, inputs);
  },
  hello(random) {
    const inputs = Array.from({ length: random.from(40, 200) }, () => frame(random, helloInput(random)));
    return upgraded('hello', random, inputs);
  },
  api(random) {
    const inputs = Array.from({ length: random.from(1, 16) }, () => apiInput(random));
    return { kind: 'api', inputs: inputs.length, pieces: cut(random, Buffer.concat(inputs)) };
  },
};

function one(kind: Kind, random: Random, input: Buffer): Omit<Session, 'ending'> {
  return { kind, inputs: 1, pieces: cut(random, input) };
}

/** Inputs for a connection that has become a WebSocket, or that sends them along with the request to become one. */
function upgraded(kind: Kind, random: Random, inputs: readonly Buffer[]): Omit<Session, 'ending'> {
  const opening = Buffer.from(handshake([`GET /datafn/ws?token=fuzz:${random.below(50)} HTTP/1.1`]));
  // Behind each input a ping with its number: the last pong says how far the server has come.
  const rest = Buffer.concat(
    inputs.flatMap((input, index) => [
      input,
      frame(random, Buffer.from([index]), { opcode: 0x9, usual: true }),
    ]),
  );
  return random.chance(0.2)
    ? { kind, inputs: inputs.length, pieces: cut(random, Buffer.concat([opening, rest])) }
    : { kind, inputs: inputs.length, opening, pieces: cut(random, rest) };
}

/** Cuts what is sent into a few writes, anywhere. */
function cut(random: Random, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let rest = bytes;
  while (rest.length > 1 && pieces.length < 5 && random.chance(0.3)) {
    const at = random.from(1, rest.length - 1);
    pieces.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  return [...pieces, rest];
}

// Raw bytes at the socket.

const FOREIGN_PROTOCOLS = [
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
  Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
  Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n'),
  Buffer.from('GET /\r\n'),
  Buffer.from('\r\n\r\n\r\n'),
  Buffer.from([0x05, 0x01, 0x00]),
  Buffer.from([0x81, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
];

function rawInput(random: Random): Buffer {
  switch (random.below(4)) {
    case 0:
      return random.bytes(1 + random.length(4096));
    case 1:
      return mutate(random, random.pick(FOREIGN_PROTOCOLS));
    case 2:
      return mutate(random, Buffer.from(handshake(['GET /datafn/ws?token=fuzz HTTP/1.1'])), 40);
    default:
      return mutate(random, apiRequest(random, 'POST /v1/cursors HTTP/1.1', Buffer.from('{}'), []), 40);
  }
}

// Handshakes.

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

function handshake([requestLine = '', ...headers]: readonly string[]): string {
  const all = [
    requestLine,
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
    ...headers,
  ];
  return `${all.join('\r\n')}\r\n\r\n`;
}

const METHODS = ['GET', 'GET', 'GET', 'POST', 'OPTIONS', 'CONNECT', 'TRACE', 'get', 'G E T', ''];
const TARGETS = [
  '/datafn/ws',
  '/datafn/ws/',
  '//datafn/ws',
  '/datafn/../datafn/ws',
  '/%64atafn/ws',
  '/datafn/ws#x',
  '/datafn/ws;x',
  'http://127.0.0.1/datafn/ws',
  'http://evil.example/datafn/ws',
  '*',
  '/',
  '',
  '?token=fuzz',
  '/datafn/ws\u0000',
  '/v1/stats',
];
const TOKENS = [
  'fuzz',
  '',
  '%',
  '%00',
  '%ff%fe',
  '%F0%9F%92%A9',
  '%ED%A0%80',
  '__proto__',
  'constructor',
  '%0d%0aX:%20y',
  '..%2f..',
  'a&token=b',
  '%1b%5b2J',
  '{}',
];
const HEADER_NAMES = [
  'Host',
  'Upgrade',
  'Connection',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Version',
  'Sec-WebSocket-Protocol',
  'Sec-WebSocket-Extensions',
  'Origin',
  'Cookie',
  'Authorization',
  'X-Forwarded-For',
  'Forwarded',
  'Transfer-Encoding',
  'Content-Length',
  'Expect',
  '__proto__',
  'X',
  '',
];
const HEADER_VALUES = [
  '',
  ' ',
  'websocket',
  'Upgrade, keep-alive',
  'close',
  '13',
  '8',
  '255',
  KEY,
  `${KEY}=`,
  'permessage-deflate; client_max_window_bits=99999',
  'permessage-deflate; ; =',
  'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
  'datafn.bearer.',
  'datafn.bearer.____',
  'datafn.bearer.ZnV6eg, other',
  'a, a',
  ',,,',
  'null',
  'http://localhost',
  'https://evil.example',
  'http://[',
  'datafn_token=fuzz',
  'datafn_token=%',
  'datafn_token="x; datafn_token=y',
  '; ; =; =x',
  'Bearer fuzz',
  'Bearer  ',
  'bearer x y',
  'Basic Og==',
  '127.0.0.1',
  '[::1]:x',
  'localhost:99999999',
  '1.2.3.4, , [::1, unknown',
  'chunked',
  'chunked, chunked',
  '-1',
  '99999999999',
  '100-continue',
  '\u0001',
  'é',
  '\t',
];

function handshakeInput(random: Random): Buffer {
  const token = random.chance(0.7) ? `?token=${random.pick(TOKENS)}` : '';
  const requestLine = `${random.chance(0.8) ? 'GET' : random.pick(METHODS)} ${random.chance(0.6) ? TARGETS[0] : random.pick(TARGETS)}${token} HTTP/${random.chance(0.9) ? '1.1' : random.pick(['1.0', '2.0', '0.9', '1', '1.1.1', '99.99', ''])}`;
  const headers = Array.from({ length: random.below(5) }, () => header(random));
  if (random.chance(0.02)) headers.push(`X: ${'x'.repeat(random.from(8_000, 70_000))}`);
  if (random.chance(0.02)) headers.push(...Array<string>(random.from(100, 3000)).fill('a: b'));
  if (random.chance(0.05)) headers.push(' folded');
  let text = handshake([requestLine, ...headers]);
  if (random.chance(0.3)) {
    // One of its own headers is missing, or says something else.
    const lines = text.split('\r\n');
    lines.splice(random.from(1, 5), 1, ...(random.chance(0.5) ? [header(random)] : []));
    text = lines.join('\r\n');
  }
  if (random.chance(0.03)) text = text.replaceAll('\r\n', random.pick(['\n', '\r', '\r\r\n', '\n\r']));
  const bytes = Buffer.from(text, random.chance(0.9) ? 'utf8' : 'latin1');
  const followed = random.chance(0.1) ? Buffer.concat([bytes, frameInput(random)]) : bytes;
  return random.chance(0.4) ? mutate(random, followed) : followed;
}

function header(random: Random): string {
  return `${random.pick(HEADER_NAMES)}${random.chance(0.95) ? ': ' : random.pick([' : ', ':', ' '])}${random.pick(HEADER_VALUES)}`;
}

// Frames (RFC 6455 section 5.2).

const CLOSE_CODES = [
  0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1015, 1016, 2999, 3000, 4401, 4503, 4999, 5000, 65_535,
];
const BAD_UTF8 = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0x80],
  [0xf0, 0x9f, 0x92],
].map((bytes) => Buffer.from(bytes));

/**
 * A frame in which anything may be wrong, and most is right: a fault is best hidden among what is not.
 *
 * @param isFragmented whether a message has begun that has not ended.
 */
function frameInput(random: Random, isFragmented = false): Buffer {
  const opcode = random.chance(0.05)
    ? random.below(16)
    : random.chance(0.04)
      ? 0x8
      : random.chance(0.3)
        ? random.pick([0x9, 0xa])
        : isFragmented
          ? 0x0
          : random.pick([0x1, 0x2]);
  const bytes = frame(random, payloadFor(random, opcode), {
    opcode,
    final: random.chance(opcode >= 8 ? 0.95 : 0.7),
    reserved: random.chance(0.02) ? random.from(1, 7) : 0,
    masked: random.chance(0.98),
    lies: random.chance(0.04),
  });
  return random.chance(0.05) ? mutate(random, bytes) : bytes;
}

function payloadFor(random: Random, opcode: number): Buffer {
  if (opcode === 0x8) {
    if (random.chance(0.2)) return random.bytes(random.below(3));
    const code = Buffer.alloc(2);
    code.writeUInt16BE(random.pick(CLOSE_CODES));
    return Buffer.concat([
      code,
      random.chance(0.3) ? random.pick(BAD_UTF8) : random.bytes(random.below(130)),
    ]);
  }
  if (opcode >= 0x8) return random.bytes(random.chance(0.97) ? random.below(126) : random.from(126, 300));
  if (random.chance(0.05)) return random.pick(BAD_UTF8);
  if (random.chance(0.01)) return Buffer.alloc(random.from(65_000, 66_000), 'x');
  return random.chance(0.5) ? helloInput(random) : random.bytes(random.length(2000));
}

interface FrameShape {
  readonly opcode?: number;
  readonly final?: boolean;
  readonly reserved?: number;
  readonly masked?: boolean;
  /** Whether the length has the form that the RFC wants. */
  readonly usual?: boolean;
  /** Whether the length that the frame declares is not that of its payload. */
  readonly lies?: boolean;
}

function frame(
  random: Random,
  payload: Buffer,
  { opcode = 0x1, final = true, reserved = 0, masked = true, usual = false, lies = false }: FrameShape = {},
): Buffer {
  const declared =
    BigInt(payload.length) +
    (lies ? random.pick([-1n, 1n, 100n, 65_536n, 2n ** 31n, 2n ** 53n, 2n ** 63n]) : 0n);
  const length = declared < 0n ? 0n : declared;
  // Not always the shortest form that fits, as the RFC wants it.
  const isShort = (share: number) => usual || random.chance(share);
  const form = length < 126n && isShort(0.97) ? 0 : length < 65_536n && isShort(0.97) ? 2 : 8;
  const extended = Buffer.alloc(form);
  if (form === 2) extended.writeUInt16BE(Number(length));
  if (form === 8) extended.writeBigUInt64BE(length);
  const lengthBits = form === 0 ? Number(length) : form === 2 ? 126 : 127;
  const head = Buffer.from([(final ? 0x80 : 0) | (reserved << 4) | opcode, (masked ? 0x80 : 0) | lengthBits]);
  if (!masked) return Buffer.concat([head, extended, payload]);
  const mask = random.bytes(4);
  const hidden = Buffer.from(payload);
  for (let index = 0; index < hidden.length; index++) {
    hidden[index] = (hidden[index] as number) ^ (mask[index % 4] as number);
  }
  return Buffer.concat([head, extended, mask, hidden]);
}

// Messages.

/** The text of a hello with something odd in it. */
function helloInput(random: Random): Buffer {
  const type = random.chance(0.9) ? '"hello"' : json(random, 2);
  const fields = [
    `"type":${type}`,
    ...(random.chance(0.8) ? [`"clientId":${random.chance(0.5) ? '"tab-1"' : json(random, 2)}`] : []),
    ...(random.chance(0.5) ? [`"cursor":${random.chance(0.5) ? '"41"' : json(random, 2)}`] : []),
    ...(random.chance(0.5) ? [`"cursors":${random.chance(0.5) ? '{"todos":"42"}' : json(random, 3)}`] : []),
    ...(random.chance(0.3) ? [`"namespace":"healthy:${random.below(2)}"`] : []),
    ...(random.chance(0.1) ? ['"__proto__":{"namespace":"healthy:0","type":"hello"}'] : []),
  ];
  const text = Buffer.from(`{${fields.join(',')}}`);
  if (random.chance(0.7)) return text;
  const mutated = mutate(random, text);
  // Mostly UTF-8 all the same: what is not ends the connection, and whatever would have followed.
  return random.chance(0.02) ? mutated : Buffer.from(mutated.toString());
}

const STRINGS = [
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u2028"',
  '"\\u001b[2J"',
  '"toString"',
  '"__proto__"',
  '"💩"',
  '"-1"',
  '"NaN"',
  '"9007199254740993"',
];

/** Any JSON value, or nearly. */
function json(random: Random, depth: number): string {
  switch (random.below(depth > 0 ? 8 : 5)) {
    case 0:
      return random.pick(['null', 'true', 'false', 'undefined', 'NaN', '']);
    case 1:
      return random.pick(['0', '-0', '1e999', '42', '4.2', '-1', '0x1', '9'.repeat(40)]);
    case 2:
      return random.pick(STRINGS);
    case 3:
      return `"${'c'.repeat(random.pick([1, 255, 256, 257, 1000]))}"`;
    case 4:
      return random.chance(0.01) ? '['.repeat(random.from(100, 20_000)) : '[]';
    case 5:
      return `[${Array.from({ length: random.below(4) }, () => json(random, depth - 1)).join(',')}]`;
    default:
      return `{${Array.from({ length: random.below(4) }, () => `${random.pick(STRINGS)}:${json(random, depth - 1)}`).join(',')}}`;
  }
}

// Requests to the HTTP API.

const API_TARGETS = [
  'POST /v1/cursors',
  'GET /v1/cursors',
  'GET /v1/stats',
  'GET /v1/namespaces',
  'GET /healthz',
  'GET /readyz',
  'PUT /v1/cursors',
  'OPTIONS /v1/cursors',
  'POST /v1/stats',
  'DELETE /',
  'POST /v1/cursors?x=%',
  'POST /v1/%63ursors',
  'POST //v1/cursors',
  'POST /v1/cursors/',
  'GET /%',
];
const CONTENT_TYPES = [
  'application/json; charset=utf-16',
  'application/json; charset="',
  'application/json;;',
  'application/json, text/plain',
  'application/x-ndjson',
  'application/ndjson; charset=utf-8',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application',
  '/',
  '',
];

/** The namespaces of healthy clients are not among these, whatever becomes of the text. */
function bodyItem(random: Random): string {
  const namespace = random.chance(0.7) ? `"fuzz:${random.below(50)}"` : json(random, 2);
  const cursor = random.chance(0.7) ? `"${random.below(1000)}"` : json(random, 2);
  const extra = random.chance(0.1) ? `,${random.pick(STRINGS)}:${json(random, 2)}` : '';
  return `{"namespace":${namespace},"cursor":${cursor}${extra}}`;
}

function bodyItems(random: Random): string {
  if (random.chance(0.3)) return bodyItem(random);
  const items = Array.from({ length: random.below(random.chance(0.005) ? 2000 : 5) }, () => bodyItem(random));
  return random.chance(0.5) ? items.join('\n') : `[${items.join(',')}]`;
}

function apiBody(random: Random): Buffer {
  const bytes = Buffer.from(random.chance(0.05) ? json(random, 4) : bodyItems(random));
  if (random.chance(0.03)) return Buffer.concat([bytes, random.pick(BAD_UTF8)]);
  return random.chance(0.15) ? mutate(random, bytes) : bytes;
}

function apiInput(random: Random): Buffer {
  const body = apiBody(random);
  const headers = [
    `Content-Type: ${random.chance(0.9) ? random.pick(['application/json', 'application/x-ndjson']) : random.pick(CONTENT_TYPES)}`,
    ...(random.chance(0.05) ? [`Content-Encoding: ${random.pick(['gzip', 'br', 'identity', 'x', ''])}`] : []),
    ...(random.chance(0.05) ? [header(random)] : []),
  ];
  const requestLine = `${random.chance(0.8) ? API_TARGETS[0] : random.pick(API_TARGETS)} HTTP/1.1`;
  const request = apiRequest(random, requestLine, body, headers);
  return random.chance(0.03) ? mutate(random, request) : request;
}

/** A request whose body is mostly framed as it should be, and sometimes not. */
function apiRequest(random: Random, requestLine: string, body: Buffer, headers: readonly string[]): Buffer {
  const head = (...framing: string[]) =>
    Buffer.from(`${[requestLine, 'Host: 127.0.0.1', ...headers, ...framing].join('\r\n')}\r\n\r\n`);
  const lie = random.pick([-1, 1, 1000, 5_000_000]);
  switch (random.below(80)) {
    case 0:
      return Buffer.concat([head(`Content-Length: ${body.length + lie}`), body]);
    case 1:
      return Buffer.concat([head(), body]);
    case 2:
      return Buffer.concat([
        head(`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked'),
        chunked(random, body),
      ]);
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
      return Buffer.concat([head('Transfer-Encoding: chunked'), chunked(random, body)]);
    default:
      return Buffer.concat([head(`Content-Length: ${body.length}`), body]);
  }
}

function chunked(random: Random, body: Buffer): Buffer {
  const size = random.chance(0.9)
    ? body.length.toString(16)
    : random.pick(['0', 'g', '-1', 'ffffffffffffffff', '1;x=y', '']);
  return Buffer.concat([Buffer.from(`${size}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);
}
