import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { BAD_UTF8 } from './frames.js';
import { header } from './handshakes.js';
import { json, STRINGS } from './messages.js';

export const API_TARGETS = [
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

export function apiInput(random: Random): Buffer {
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
export function apiRequest(
  random: Random,
  requestLine: string,
  body: Buffer,
  headers: readonly string[],
): Buffer {
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
