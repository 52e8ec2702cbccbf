import { createCipheriv, createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { bodyOf } from './fake-backend.js';

/** A response, made from a seed: of any size, framing and encoding, with headers of its own. */
export interface Plan {
  readonly status: number;
  readonly bytes: number;
  readonly framing: 'length' | 'chunked' | 'close';
  readonly encoding: 'gzip' | 'br' | 'deflate' | undefined;
  /** How it ends before its end. */
  readonly ends: 'never' | 'before' | 'head' | 'middle';
  readonly trailers: boolean;
}

/** Numbers that look random, the same for the same seed. */
export function randomFrom(seed: number): (limit: number) => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % limit;
  };
}

const STATUSES = [
  200, 200, 200, 200, 201, 204, 206, 301, 304, 400, 401, 404, 409, 413, 418, 429, 500, 502, 503, 599,
];
/** Mostly small: one of a hundred is of megabytes. */
function sizeFrom(random: (limit: number) => number, maxBytes: number): number {
  const kind = random(100);
  if (kind === 0) return random(maxBytes);
  if (kind < 10) return random(Math.min(maxBytes, 256 * 1024));
  return kind < 30 ? 0 : random(4096);
}

export function planOf(seed: number, maxBytes: number): Plan {
  const random = randomFrom(seed);
  const pick = <Value>(values: readonly Value[]) => values[random(values.length)] as Value;
  const bytes = sizeFrom(random, maxBytes);
  return {
    status: pick(STATUSES),
    bytes,
    framing: pick(['length', 'length', 'chunked', 'chunked', 'close'] as const),
    // To compress megabytes takes seconds on a busy machine, and adds nothing.
    encoding:
      bytes > 1024 * 1024 ? undefined : pick([undefined, undefined, 'gzip', 'br', 'deflate'] as const),
    ends: pick([...Array<'never'>(20).fill('never'), 'before', 'head', 'middle'] as const),
    trailers: random(5) === 0,
  };
}

const ENCODERS = {
  gzip: gzipSync,
  br: (bytes: Buffer) => brotliCompressSync(bytes, { params: { 1: 1 } }),
  deflate: deflateSync,
};

/** Some bytes: JSON at their start for some seeds, so that there is something to look at. */
export function bytesOf(seed: number, length: number): Buffer {
  const key = Buffer.alloc(16, String(seed));
  const bytes = createCipheriv('aes-128-ctr', key, key).update(Buffer.alloc(length));
  if (seed % 2 === 0)
    bytes.write(`{"ok":true,"result":{"ok":true,"cursor":"${seed}","cursorBefore":"1","x":"`);
  return bytes;
}

/**
 * Answers `?seed=…&max=…` by its plan. What it got is in its headers: method, path, hash of the body, and the request's own
 * headers; so a client that compares answers compares requests, too.
 */
export async function answerByPlan(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const query = new URL(request.url ?? '', 'http://backend').searchParams;
  const seed = Number(query.get('seed'));
  const plan = planOf(seed, Number(query.get('max')));
  if (plan.ends === 'before') {
    request.socket.destroy();
    return;
  }
  let got: Buffer;
  try {
    got = await bodyOf(request);
  } catch {
    return;
  }
  const own = Object.entries(request.headersDistinct).filter(
    ([name]) => name.startsWith('x-') && !name.startsWith('x-forwarded'),
  );
  response.setHeader(
    'X-Got',
    `${request.method} ${request.url} ${createHash('sha1').update(got).digest('hex')}`,
  );
  response.setHeader(
    'x-got-headers',
    JSON.stringify([own, request.headers.cookie, request.headers['content-encoding']]),
  );
  response.setHeader('Set-Cookie', ['a=1; Path=/', `b=${seed}; HttpOnly`]);
  response.setHeader('Date', 'Thu, 01 Jan 1970 00:00:00 GMT');
  response.setHeader('X-Latin', 'caf\u00e9');
  response.setHeader('ETag', `"${seed}"`);
  if (plan.status === 301) response.setHeader('Location', 'http://elsewhere.example/');
  const raw = bytesOf(seed, plan.bytes);
  const body = plan.encoding === undefined ? raw : ENCODERS[plan.encoding](raw);
  if (plan.encoding !== undefined) response.setHeader('Content-Encoding', plan.encoding);
  if (plan.framing === 'length') response.setHeader('Content-Length', body.length);
  // A response without a body is whole, wherever the connection ends: nobody is to use that again.
  if (plan.framing === 'close' || plan.ends !== 'never') response.shouldKeepAlive = false;
  const hasTrailers =
    plan.trailers && plan.framing !== 'length' && plan.status !== 204 && plan.status !== 304;
  if (hasTrailers && request.method !== 'HEAD') response.setHeader('Trailer', 'x-end');
  response.writeHead(plan.status, `Own Words ${seed}`);
  if (plan.ends === 'head' || plan.ends === 'middle') {
    response.write(plan.ends === 'head' ? '' : body.subarray(0, Math.ceil(body.length / 2)));
    response.flushHeaders();
    // What was written is to arrive.
    request.socket.destroySoon();
    return;
  }
  // In pieces, so that chunks are cut somewhere.
  const half = seed % body.length || 0;
  if (body.length > 0) response.write(body.subarray(0, half));
  if (hasTrailers) response.addTrailers({ 'x-end': `end ${seed}` });
  response.end(body.subarray(half));
}
