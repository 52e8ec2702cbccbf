import { Agent, type IncomingMessage, request } from 'node:http';
import { expect } from 'vitest';
import { httpBackend } from '../../support/fake-backend.js';
import { startServer } from '../../support/live-server.js';
import { answerByPlan, bytesOf, planOf, randomFrom } from '../../support/unruly-backend.js';

/** When a client goes away. */
const STAGES = [
  'connected',
  'head',
  'half of the body',
  'body',
  'response head',
  'half of the response',
] as const;
type Stage = (typeof STAGES)[number];

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly abortAt: Stage | undefined;
}

interface Got {
  readonly status: number;
  readonly words: string | undefined;
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
  readonly body: Buffer;
  readonly isWhole: boolean;
}

const ROUTES = ['push', 'pull', 'clone', 'reconcile', 'mutation', 'resources/a/b', 'query', 'x'];
const METHODS = ['POST', 'POST', 'POST', 'GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const HOP_BY_HOP = /^(?:connection|keep-alive|transfer-encoding)$/i;

function askOf(seed: number, maxBytes: number): Ask {
  const random = randomFrom(seed + 1_000_000);
  const method = METHODS[random(METHODS.length)] as string;
  const { bytes } = planOf(seed + 31, maxBytes);
  const body = method === 'HEAD' || random(4) === 0 ? undefined : bytesOf(seed + 1, bytes);
  const isChunked = random(2) === 0;
  return {
    method,
    path: `/datafn/${ROUTES[random(ROUTES.length)]}?seed=${seed}&max=${maxBytes}&q=%2F+%C3%A9`,
    headers: {
      'X-Seed': String(seed),
      cookie: `a=${seed}; b="c"`,
      authorization: 'Bearer ns',
      ...(random(4) === 0 ? { 'Accept-Encoding': 'gzip, br' } : {}),
      ...(random(8) === 0 ? { 'content-encoding': 'gzip' } : {}),
      ...(body === undefined
        ? {}
        : isChunked
          ? { 'transfer-encoding': 'chunked' }
          : { 'content-length': String(body.length) }),
    },
    body,
    abortAt: random(12) === 0 ? STAGES[random(STAGES.length)] : undefined,
  };
}

/** Sends a request; `undefined` when it failed, or was aborted, before it had a response. */
function send(
  base: string,
  agent: Agent,
  { method, path, headers, body, abortAt }: Ask,
): Promise<Got | undefined> {
  return new Promise((resolve) => {
    const outgoing = request(`${base}${path}`, { method, headers, agent });
    outgoing.on('error', () => resolve(undefined));
    outgoing.on('socket', (socket) => {
      if (abortAt !== 'connected') return;
      if (socket.connecting) socket.once('connect', () => outgoing.destroy());
      else outgoing.destroy();
    });
    outgoing.on('response', (incoming) => {
      if (abortAt === 'response head') outgoing.destroy();
      void read(incoming, () => abortAt === 'half of the response' && outgoing.destroy()).then(resolve);
    });
    if (abortAt === 'head') {
      outgoing.flushHeaders();
      setImmediate(() => outgoing.destroy());
    } else if (abortAt === 'half of the body' && body !== undefined && body.length > 1) {
      outgoing.write(body.subarray(0, body.length >> 1), () => outgoing.destroy());
    } else {
      outgoing.end(body, () => abortAt === 'body' && outgoing.destroy());
    }
  });
}

function read(incoming: IncomingMessage, onData: () => void): Promise<Got> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      onData();
    });
    incoming.on('error', () => {});
    incoming.on('close', () =>
      resolve({
        status: incoming.statusCode ?? 0,
        words: incoming.statusMessage,
        headers: pairs(incoming.rawHeaders).filter(
          (pair) => !HOP_BY_HOP.test(pair.split(': ', 1)[0] as string),
        ),
        trailers: pairs(incoming.rawTrailers),
        body: Buffer.concat(chunks),
        isWhole: incoming.complete,
      }),
    );
  });
}

function pairs(raw: readonly string[]): string[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${raw[index + 1]}`] : []));
}

/** What {@link compareAll} has compared. */
export interface Compared {
  readonly whole: number;
  readonly cutOff: number;
  readonly failed: number;
  readonly aborted: number;
  readonly bytes: number;
}

/**
 * Sends requests both to a backend and through a proxy in front of it, and expects the same. What no client can expect to
 * be the same (a connection that breaks becomes a 502 or ends, too) is only counted.
 */
export async function compareAll(count: number, maxBytes: number, first = 1): Promise<Compared> {
  const backend = await httpBackend((incoming, response) => void answerByPlan(incoming, response));
  const { apiUrl, server } = await startServer({
    proxy: backend.url,
    inspectLimitBytes: 1024 * 1024,
    requestTimeoutMs: 0,
  });
  const agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })] as const;
  const compared = { whole: 0, cutOff: 0, failed: 0, aborted: 0, bytes: 0 };
  let seed = first;
  const work = async () => {
    while (seed < first + count) {
      const own = seed++;
      const ask = askOf(own, maxBytes);
      if (ask.abortAt !== undefined) {
        compared.aborted += 1;
        await send(apiUrl, agents[1], ask);
        continue;
      }
      const [direct, proxied] = await Promise.all([
        send(backend.url, agents[0], ask),
        send(apiUrl, agents[1], ask),
      ]);
      const what = `seed ${own}: ${ask.method} ${ask.path}`;
      if (direct === undefined) {
        compared.failed += 1;
        expect(proxied?.status, what).toBe(502);
        continue;
      }
      const { body, isWhole, ...head } = direct;
      const { body: proxiedBody, isWhole: isProxiedWhole, ...proxiedHead } = proxied as Got;
      expect(proxiedHead, what).toEqual(head);
      expect(isProxiedWhole, what).toBe(isWhole);
      if (!isWhole) {
        compared.cutOff += 1;
        continue;
      }
      expect(proxiedBody.equals(body), what).toBe(true);
      compared.whole += 1;
      compared.bytes += body.length + (ask.body?.length ?? 0);
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  for (const agent of agents) agent.destroy();
  // Nothing is left of those that were aborted: the server has no request under way to wait for.
  await server.close();
  await backend.close();
  return compared;
}
