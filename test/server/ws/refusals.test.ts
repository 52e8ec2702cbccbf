import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { jwtNamespaceProvider } from '../../../src/server/auth/jwt.js';
import type { NamespaceProvider } from '../../../src/server/auth/provider.js';
import { tokensNamespaceProvider } from '../../../src/server/auth/tokens.js';
import type { Problem } from '../../../src/server/http/problem.js';
import { signJwt } from '../../../src/text/jwt.js';
import { call, postCursors } from '../../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

/** What comes back for bytes as they are. */
async function raw(
  port: number,
  bytes: string | Buffer,
): Promise<{ status: number; head: string; json: Problem }> {
  const socket = connect(port, '127.0.0.1');
  socket.end(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, json: JSON.parse(body) };
}

describe('the probes', () => {
  test.each([
    ['HTTP/1.0 without a Host', 'GET /readyz HTTP/1.0\r\n\r\n'],
    ['HTTP/1.0 with the name of a backend', 'GET /healthz HTTP/1.0\r\nHost: backend-1\r\n\r\n'],
    ['HTTP/1.1 without a Host', 'GET /readyz HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['another Host', 'GET /healthz HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n'],
    ['an absolute target', 'GET http://10.0.0.1/readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['HEAD', 'GET /readyz?x HTTP/1.0\r\n\r\n'],
  ])('answer %s, with and without an admin token', async (_, request) => {
    for (const options of [{}, { adminToken: 'a-long-admin-token' }]) {
      const { port } = await startServer(options);
      expect((await raw(port, request)).status).toBe(200);
    }
  });

  test('open nothing else: no target that is read as a probe is answered as another route', async () => {
    const { port } = await startServer({ adminToken: 'a-long-admin-token' });
    for (const target of [
      'http://x/readyz/../v1/stats',
      'http://x/v1/stats?/readyz',
      'http://x/v1/stats#/readyz',
      '/v1/stats;/readyz',
      'http:/v1/stats',
    ]) {
      const { status } = await raw(port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect([400, 401, 404], target).toContain(status);
    }
    // A URL is read as URLs are, by the rule and by the route alike.
    const normalized = await raw(port, 'GET http://x/v1/stats/../../readyz HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(normalized).toMatchObject({ status: 200, json: { status: 'ready' } });
  });
});

describe('an upgrade with the Host of a proxy', () => {
  const headers = { Host: 'app.example.com' };

  test.each<[string, NamespaceProvider]>([
    ['tokens', tokensNamespaceProvider({ 'a-long-random-token': 'a' })],
    ['a provider of its own', () => 'a'],
  ])('gets in with %s, which proves who connects, without an admin token', async (_, namespaceProvider) => {
    const { wsUrl } = await startServer({ namespaceProvider });
    await openClient(wsUrl, 'a-long-random-token', { headers });
  });

  test('is refused under the dev provider, and told what came and what to do', async () => {
    const { wsUrl, port } = await startServer();
    const client = await connectClient(wsUrl, { token: 'a', headers });
    await client.gone();
    expect([client.status, JSON.parse(client.body)]).toMatchObject([
      403,
      {
        field: 'Host',
        detail: 'Expected the Host to be a loopback name, got "app.example.com"',
        fix: expect.stringContaining('--auth'),
      },
    ]);
    const absolute = `GET http://evil.example/datafn/ws?token=a HTTP/1.1\r\nHost: localhost\r\n${HANDSHAKE}\r\n`;
    expect((await raw(port, absolute)).status, 'the target decides').toBe(403);
  });
});

const HANDSHAKE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

describe('a plain GET of the WebSocket path', () => {
  test.each([
    ['no header of the handshake', '', 'without Upgrade: websocket and Connection: Upgrade'],
    ['another protocol', 'Upgrade: h2c\r\nConnection: Upgrade\r\n', 'without Upgrade: websocket'],
    ['Connection: close, as nginx by default', 'Upgrade: websocket\r\n', 'without Connection: Upgrade'],
  ])('with %s is 426 with the header that is missing, whoever asks', async (_, headers, missing) => {
    for (const options of [{}, { adminToken: 'a-long-admin-token' }]) {
      const { port, events } = await startServer(options);
      const request = `GET /datafn/ws?token=secret HTTP/1.1\r\nHost: app.example.com\r\n${headers}\r\n`;
      const { status, head, json } = await raw(port, request);
      expect(status).toBe(426);
      expect(head).toMatch(/^Upgrade: websocket$/m);
      expect(json).toMatchObject({ status: 426, field: 'Upgrade' });
      expect(json.detail).toBe(`Expected a WebSocket handshake at "/datafn/ws", got a request ${missing}`);
      expect(json.fix).toContain('proxy_set_header Upgrade $http_upgrade');
      expect(JSON.stringify(events.events)).not.toContain('secret');
      expect(events.of('rejectedRequest')).toMatchObject([
        { status: 426, request: { method: 'GET', path: '"/datafn/ws"' } },
      ]);
    }
  });

  test('over HTTP/1.0 says so', async () => {
    const { port } = await startServer();
    const { status, json } = await raw(port, 'GET /datafn/ws HTTP/1.0\r\n\r\n');
    expect([status, json.detail]).toEqual([426, expect.stringMatching(/over HTTP\/1\.0$/)]);
  });

  test('is what a whole handshake over HTTP/1.0 gets, too (RFC 6455 section 4.2.1)', async () => {
    const { port, server } = await startServer();
    const handshake =
      'GET /datafn/ws?token=a HTTP/1.0\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
    const { status, json } = await raw(port, handshake);
    expect([status, json.detail]).toEqual([426, expect.stringMatching(/over HTTP\/1\.1, got HTTP\/1\.0$/)]);
    expect(server.stats().accepted).toBe(0);
  });

  test('takes no route of the API away', async () => {
    const { apiUrl } = await startServer({ path: '/readyz' });
    expect((await call('GET', `${apiUrl}/readyz`)).status).toBe(200);
  });
});

describe('a refused upgrade says what came', () => {
  test.each([
    ['/other?token=hush', 'No WebSocket at "/other"; it is at /datafn/ws', /--path/],
    ['/app/datafn/ws', 'No WebSocket at "/app/datafn/ws"; it is at /datafn/ws', /strip its prefix/],
    ['/datafn/ws&token=hush', 'No WebSocket at "/datafn/ws&token=***"; it is at /datafn/ws', /./],
    ['/datafn/ws/pF5lZr2kQXm8sVtY0wJc', 'No WebSocket at "/datafn/ws/***"; it is at /datafn/ws', /./],
    [`/${'x'.repeat(500)}`, `No WebSocket at "/${'x'.repeat(56)}…"; it is at /datafn/ws`, /./],
  ])('on the path %s', async (path, detail, fix) => {
    const { wsUrl, events } = await startServer();
    const client = await connectClient(wsUrl.replace('/datafn/ws', path));
    await client.gone();
    const problem = JSON.parse(client.body);
    expect([client.status, problem.detail]).toEqual([404, detail]);
    expect(problem.fix).toMatch(fix);
    expect(events.of('rejectedUpgrade')).toMatchObject([{ status: 404, detail }]);
  });

  test.each<[Record<string, string | undefined>, string]>([
    [{ 'Sec-WebSocket-Version': '7' }, 'Expected Sec-WebSocket-Version to be 13 or 8, got "7"'],
    [{ 'Sec-WebSocket-Key': undefined }, 'Expected Sec-WebSocket-Key to be 16 bytes in base64, got none'],
    [
      { 'Sec-WebSocket-Key': 'short' },
      'Expected Sec-WebSocket-Key to be 16 bytes in base64, got 5 characters',
    ],
    [{ Upgrade: 'h2c, websocket' }, 'Expected Upgrade to be websocket, got "h2c, websocket"'],
    [{ 'Content-Length': '6' }, 'Expected a handshake without a body, got Content-Length "6"'],
    [
      { Origin: '127.0.0.1' },
      'Expected the Origin to be a scheme and a host, such as http://127.0.0.1, got "127.0.0.1"',
    ],
    [
      { Origin: 'app.example.com/path' },
      'Expected the Origin to be a scheme and a host, such as https://app.example.com, got "app.example.com/path"',
    ],
    [
      { Origin: 'https://evil.example' },
      'Expected the Origin to be one of those allowed, got "https://evil.example"',
    ],
    [
      { Origin: 'https://user:hush@evil.example' },
      'Expected the Origin to be a scheme and a host, such as https://app.example.com, got "https://***@evil.example"',
    ],
  ])('with the headers %j', async (headers, detail) => {
    const { wsUrl } = await startServer();
    const client = await connectClient(wsUrl, { token: 'a', headers });
    await client.gone();
    expect(JSON.parse(client.body).detail).toBe(detail);
  });
});

describe('a refused request of the API', () => {
  test('is told to the observer, with what came and without the query', async () => {
    const { apiUrl, port, events } = await startServer();
    await call('GET', `${apiUrl}/v1/nothing?token=hush`);
    await call('DELETE', `${apiUrl}/v1/cursors`);
    await call('GET', `${apiUrl}/v1/stats`, { headers: { host: 'evil.example' } });
    await call('GET', `${apiUrl}/v1/stats`, { headers: { origin: 'localhost:3001' } });
    await postCursors(apiUrl, '[]', { 'content-type': 'text/plain' });
    await postCursors(apiUrl, '{');
    await raw(port, 'GET /% HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await raw(port, 'banana\r\n\r\n');
    const rejected = await events.until('rejectedRequest', 8);
    expect(rejected.map(({ status, request }) => [status, request?.method, request?.path])).toEqual([
      [404, 'GET', '"/v1/nothing"'],
      [405, 'DELETE', '"/v1/cursors"'],
      [403, 'GET', '"/v1/stats"'],
      [403, 'GET', '"/v1/stats"'],
      [415, 'POST', '"/v1/cursors"'],
      [400, 'POST', '"/v1/cursors"'],
      [400, 'GET', '"/%"'],
      [400, undefined, undefined],
    ]);
    expect(rejected[3]?.detail).toContain('such as http://localhost:3001, got "localhost:3001"');
    expect(rejected[4]?.detail).toContain('got "text/plain"');
    expect((await postCursors(apiUrl, '[]', { 'content-type': 'hush' })).json.detail).toMatch(
      /, got something else$/,
    );
    expect(JSON.stringify(rejected)).not.toContain('hush');
  });
});

describe('the PROXY protocol in front of a request', () => {
  const REQUEST = 'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const V2 = Buffer.from('0d0a0d0a000d0a515549540a2111000c7f0000017f000001c35000500', 'hex');

  test.each([
    [1, Buffer.from(`PROXY TCP4 127.0.0.1 127.0.0.1 50000 80\r\n${REQUEST}`)],
    [1, Buffer.from(`PROXY UNKNOWN\r\n${REQUEST}`)],
    [2, Buffer.concat([V2, Buffer.from(REQUEST)])],
  ])('in version %d is named with the fix, in the answer and once in the log', async (version, bytes) => {
    const { port, logger } = await startServer();
    for (let times = 0; times < 3; times++) {
      const { status, json } = await raw(port, bytes);
      expect([status, json.detail]).toEqual([
        400,
        `Expected an HTTP/1.1 request, got the PROXY protocol (version ${version}), which is not supported`,
      ]);
      expect(json.fix).toContain('send-proxy');
    }
    expect(logger.warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/PROXY protocol.*send-proxy.*--trust-proxy/),
    ]);
  });
});

test('localhost whose other address another program has is a warning with the fix', async () => {
  // A port that is free at 127.0.0.1, and taken at ::1. Another test may have got it at 127.0.0.1 meanwhile.
  const taker = async () => {
    const other = createServer().listen(0, '::1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const started = await startServer({ host: 'localhost', port }).catch((error: Error) => error);
    return { other, port, started };
  };
  let { other, port, started } = await taker();
  while (started instanceof Error && started.message.includes('already in use')) {
    other.close();
    ({ other, port, started } = await taker());
  }
  try {
    if (started instanceof Error) throw started;
    const { logger } = started;
    const taken = logger.warnings.map(({ message }) => message);
    expect(taken).toEqual([
      expect.stringMatching(
        new RegExp(`^Another program listens on port ${port} of ::1, .*--port, or .*--host 127\\.0\\.0\\.1$`),
      ),
    ]);
  } finally {
    other.close();
  }
});

describe('4401 says why in the log, and not to the client', () => {
  const TOKEN = 'a+long/random+token==';
  const SECRET = 'x'.repeat(32);
  const encoded = `datafn.bearer.${Buffer.from('other-token').toString('base64url')}`;
  const tokens = () => tokensNamespaceProvider({ [TOKEN]: 'a' });
  const jwt = (claims: object) => signJwt({ sub: 'a', ...claims }, SECRET);

  test.each<[string, NamespaceProvider | undefined, string, Record<string, string>, string]>([
    ['no token', tokens(), '', {}, 'no token'],
    ['an unknown token', tokens(), '?token=no-such-token', {}, 'the token is not known'],
    [
      'a + that was a blank',
      tokens(),
      `?token=${TOKEN}`,
      {},
      'the token is not known (a + in the query means a space: send it as %2B)',
    ],
    [
      'two that differ',
      tokens(),
      '?token=one',
      { 'Sec-WebSocket-Protocol': encoded },
      'several tokens that differ',
    ],
    ['a broken escape', tokens(), '?token=%', {}, 'a token that is not well encoded'],
    [
      'an expired one',
      jwtNamespaceProvider({ secret: SECRET }),
      `?token=${jwt({ exp: 1 })}`,
      {},
      'the token was refused: it has expired',
    ],
    [
      'a grant that is past',
      () => ({ namespace: 'a', expiresAtMs: 1 }),
      '',
      {},
      'what the provider granted has expired',
    ],
    [
      'a namespace that is none',
      undefined,
      `?token=${'a'.repeat(256)}`,
      {},
      'the token is not a namespace: expected it to be at most 255 characters, got 256',
    ],
    [
      'a provider that fails',
      () => {
        throw new Error('the database is away');
      },
      '?token=a',
      {},
      'the namespace provider failed: the database is away',
    ],
    [
      'a provider that knows nobody',
      () => undefined,
      '?token=a',
      {},
      'the provider returned no namespace for the token',
    ],
  ])('for %s', async (_, namespaceProvider, query, headers, why) => {
    const { wsUrl, events } = await startServer({ ...(namespaceProvider && { namespaceProvider }) });
    const client = await openClient(`${wsUrl}${query}`, undefined, { headers });
    expect(await client.closed()).toEqual({ code: 4401, reason: 'Unauthorized' });
    expect(events.of('refused')).toMatchObject([{ code: 4401, why }]);
  });

  test('a client that is refused for a limit has the reason of the close, and no other', async () => {
    const { wsUrl, events } = await startServer({ maxConnections: 0 });
    await (await openClient(wsUrl)).closed();
    await (await openClient(wsUrl, 'a')).closed();
    expect(events.of('refused').map(({ code, why }) => [code, why])).toEqual([
      [4401, 'no token'],
      [4503, undefined],
    ]);
  });
});

describe('messages that are ignored', () => {
  test('are logged at debug, with what they are and nothing of what is in them, and a flood is counted', async () => {
    const { wsUrl, logger } = await startServer({ maxMessageBurst: 1000, maxMessageRate: 0 });
    const client = await openClient(wsUrl, 'a');
    client.say('hush');
    client.say('[1]');
    client.say('{"type":"subscribe","secret":"hush"}');
    client.say('{}');
    client.sendFrame(0x2, Buffer.from('hush'));
    client.say('{"type":"hello","clientId":"tab-1"}');
    await client.roundTrip();
    const ignored = () =>
      logger.entries.filter(({ level, message }) => level === 'debug' && /ignored/.test(message));
    expect(ignored().map(({ message }) => message)).toEqual([
      'A message was ignored: not JSON, 4 B',
      'A message was ignored: expected an object, got an array',
      'A message was ignored: expected the type "hello", got "subscribe"',
      'A message was ignored: expected the type "hello", got none',
      'A message was ignored: binary, 4 B',
    ]);
    expect(ignored()[0]?.context).toMatchObject({ connection: 1, namespace: 'a' });
    for (let count = 0; count < 500; count++) client.say('junk');
    await client.roundTrip();
    // Ten in a second, and the flood may run into the next.
    expect(ignored().length).toBeLessThan(100);
  });
});

test('a client that sends much before its handshake is answered is told so, after the answers before it', async () => {
  const { port } = await startServer();
  const upgrade =
    'GET /datafn/ws?token=a HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
  const early = Buffer.alloc(20_000, 'A');
  const { status, json } = await raw(port, Buffer.concat([Buffer.from(upgrade), early]));
  expect([status, json.detail]).toEqual([400, 'The client sent data before its handshake was answered']);
  const probe = 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  const second = await raw(port, Buffer.concat([Buffer.from(probe + upgrade), early]));
  expect(second.status).toBe(200);
});
