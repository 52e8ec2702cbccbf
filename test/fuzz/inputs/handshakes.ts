import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { frameInput } from './frames.js';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export function handshake([requestLine = '', ...headers]: readonly string[]): string {
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

export function handshakeInput(random: Random): Buffer {
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

export function header(random: Random): string {
  return `${random.pick(HEADER_NAMES)}${random.chance(0.95) ? ': ' : random.pick([' : ', ':', ' '])}${random.pick(HEADER_VALUES)}`;
}
