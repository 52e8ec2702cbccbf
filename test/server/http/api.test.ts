import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { DatafnWsError } from '../../../src/protocol/errors.js';
import { createDatafnWsServer } from '../../../src/server/create-server.js';
import { within } from '../../support/deadline.js';
import { call, postCursors } from '../../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

/** What comes back for bytes as they are. */
async function raw(port: number, text: string): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.end(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body };
}

test('a dashboard that was not asked for is 404, with how to have it', async () => {
  const { apiUrl } = await startServer({ namespaceProvider: () => 'a' });
  const { status, json } = await call('GET', `${apiUrl}/dashboard`);
  expect([status, json.detail]).toEqual([404, 'This server has no dashboard']);
  expect(json.fix).toMatch(/^Start it with --dashboard, or createDatafnWsServer\(\{ dashboard: true \}\)/);
});

describe('GET /v1/stats', () => {
  test('has every field of the contract, and counts of an idle server are zero', async () => {
    const { apiUrl } = await startServer();
    const { status, json } = await call('GET', `${apiUrl}/v1/stats`);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      connections: 0,
      namespaces: 0,
      accepted: 0,
      rejected: 0,
      refused: {},
      closed: {},
      broadcasts: 0,
      deliveries: 0,
      conflated: 0,
      blocked: 0,
      slowClosed: 0,
      sockets: 0,
      cut: 0,
      process: { pid: process.pid },
    });
    expect(json.uptimeMs).toBeGreaterThanOrEqual(0);
    for (const name of ['rssBytes', 'heapUsedBytes', 'externalBytes', 'cpuMs']) {
      expect(json.process[name], name).toBeGreaterThan(0);
    }
  });

  test('after a mix of closes, resets and refusals, accepted is connections plus all that closed', async () => {
    const { wsUrl, apiUrl, events } = await startServer({
      maxConnections: 8,
      maxConnectionsPerNamespace: 5,
    });
    const open = async (count: number, namespace: string) => {
      const clients = [];
      for (let index = 0; index < count; index++) clients.push(await openClient(wsUrl, namespace));
      return clients;
    };
    const [clean, app, without, reset, gone] = await open(5, 'a');
    const [stays, overLimit] = [await open(3, 'b'), await open(2, 'c')];
    for (const client of overLimit) expect((await client.closed()).code).toBe(4503);
    await connectClient(wsUrl.replace('/datafn/ws', '/nowhere'));
    expect((await (await openClient(wsUrl)).closed()).code).toBe(4401);

    clean?.close(1000);
    app?.close(4000, 'done');
    without?.sendFrame(0x8);
    reset?.reset();
    await gone?.destroy();
    await events.until('closed', 5);
    await open(1, 'a');

    const { json } = await call('GET', `${apiUrl}/v1/stats`);
    expect(json).toMatchObject({
      connections: 4,
      namespaces: 2,
      accepted: 9,
      rejected: 4,
      refused: { 4503: 2, 4401: 1, 404: 1 },
      closed: { 1000: 1, 4000: 1, 1005: 1, 1006: 2 },
    });
    const left = Object.values<number>(json.closed).reduce((sum, count) => sum + count, 0);
    expect(json.accepted).toBe(json.connections + left);
    expect(events.of('closed').map(({ by }) => by)).toEqual(['peer', 'peer', 'peer', 'peer', 'peer']);
    for (const client of stays) expect(client.isOpen).toBe(true);
  });

  test('a client is counted as closed once, by the code that the server began with', async () => {
    const { wsUrl, server, events } = await startServer({ heartbeatIntervalMs: 50, heartbeatTimeoutMs: 30 });
    const client = await openClient(wsUrl, 'a', { answersPing: false, answersClose: false });
    await client.closed();
    client.reset();
    await client.gone();
    await events.until('closed');
    await (await openClient(wsUrl, 'b')).roundTrip();
    expect(events.of('closed')).toMatchObject([{ code: 1001, reason: 'Heartbeat timeout', by: 'server' }]);
    expect(server.stats().closed).toEqual({ 1001: 1 });
  });
});

test('GET /v1/namespaces lists the namespaces that have clients, and forgets those that have none', async () => {
  const { wsUrl, apiUrl, events } = await startServer();
  const list = async () => (await call('GET', `${apiUrl}/v1/namespaces`)).json;
  expect(await list()).toEqual({ namespaces: [] });
  const [a] = [
    await openClient(wsUrl, 'a'),
    await openClient(wsUrl, '__proto__'),
    await openClient(wsUrl, 'b'),
  ];
  await openClient(wsUrl, 'b');
  expect(await list()).toEqual({
    namespaces: [
      { namespace: 'a', connections: 1 },
      { namespace: '__proto__', connections: 1 },
      { namespace: 'b', connections: 2 },
    ],
  });
  a?.close();
  await events.until('closed');
  expect((await list()).namespaces.map((one: { namespace: string }) => one.namespace)).toEqual([
    '__proto__',
    'b',
  ]);
});

test('GET /healthz and /readyz say that the server is alive and ready', async () => {
  const { apiUrl } = await startServer();
  const [health, ready] = [await call('GET', `${apiUrl}/healthz`), await call('GET', `${apiUrl}/readyz`)];
  expect([health.status, health.json]).toEqual([200, { status: 'ok' }]);
  expect([ready.status, ready.json]).toEqual([200, { status: 'ready' }]);
});

test('what is not there is a 404 problem, without the query in it', async () => {
  const { apiUrl } = await startServer();
  const answer = await call('GET', `${apiUrl}/v1/nothing?token=secret`);
  expect(answer.status).toBe(404);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.json).toEqual({
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'Nothing at GET /v1/nothing',
  });
});

describe('an error of HTTP itself is a problem document, too', () => {
  test.each([
    ['a path that is not percent-encoded', 'GET /% HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['no Host', 'GET /v1/stats HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', 'GET /v1/stats HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n', 400],
    ['no HTTP', 'banana\r\n\r\n', 400],
    ['endless headers', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('%s', async (_, text, status) => {
    const { port } = await startServer();
    const answer = await raw(port, text);
    expect(answer.status).toBe(status);
    expect(answer.head).toMatch(/content-type: application\/problem\+json/i);
    expect(JSON.parse(answer.body)).toMatchObject({ status, type: 'about:blank' });
  });

  test('a known path with another method is 405, and says which it takes', async () => {
    const { apiUrl } = await startServer();
    const answer = await call('DELETE', `${apiUrl}/v1/cursors`);
    expect([answer.status, answer.json.status, answer.headers.allow]).toEqual([405, 405, 'POST']);
    expect((await call('POST', `${apiUrl}/v1/stats`)).headers.allow).toBe('GET, HEAD');
  });
});

describe('without an admin token', () => {
  const ROUTES = ['/v1/stats', '/v1/namespaces', '/v1/clients', '/nowhere'];

  test('a foreign Host is 403 everywhere but at the probes, and is told what to do', async () => {
    const { apiUrl, server } = await startServer();
    const headers = { host: 'evil.example', 'content-type': 'application/json' };
    for (const path of ROUTES) {
      expect((await call('GET', `${apiUrl}${path}`, { headers })).status, path).toBe(403);
    }
    const posted = await postCursors(apiUrl, { namespace: 'a', cursor: '1' }, headers);
    expect([posted.status, posted.json.field]).toEqual([403, 'Host']);
    expect(posted.json.detail).toBe('Expected the Host to be a loopback name, got "evil.example"');
    expect(posted.json.fix).toContain('--admin-token');
    expect(server.stats().broadcasts).toBe(0);
  });

  test.each([
    ['http://evil.example/v1/stats', 'localhost', 403],
    ['http://localhost@evil.example/v1/stats', 'localhost', 403],
    ['//evil.example/v1/stats', 'evil.example', 403],
    ['http://localhost/v1/stats', 'evil.example', 200],
    ['http://[::1]:3001/v1/stats', 'evil.example', 200],
  ])('a target of %s with the Host %s is answered %d: the target decides', async (target, host, status) => {
    const { port } = await startServer();
    const answer = await raw(port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(answer.status).toBe(status);
  });

  test('a loopback Host in any form is let in', async () => {
    const { apiUrl } = await startServer();
    for (const host of ['localhost', 'localhost:80', '127.0.0.1:9', '[::1]', 'api.localhost']) {
      expect((await call('GET', `${apiUrl}/v1/stats`, { headers: { host } })).status, host).toBe(200);
    }
  });
});

describe('with an admin token', () => {
  const adminToken = 'correct-horse';

  test.each<[string, Record<string, string>]>([
    ['no header', {}],
    ['another token', { authorization: 'Bearer wrong' }],
    ['a token that only begins alike', { authorization: `Bearer ${adminToken}x` }],
    ['another scheme', { authorization: `Basic ${adminToken}` }],
    ['the bare token', { authorization: adminToken }],
  ])('%s is 401 everywhere but at the probes', async (_, headers) => {
    const { apiUrl, server } = await startServer({ adminToken });
    for (const path of ['/v1/stats', '/v1/namespaces', '/nowhere', '/healthz/../v1/stats']) {
      const answer = await call('GET', `${apiUrl}${path}`, { headers });
      expect(answer.status, path).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.text).not.toContain(adminToken);
    }
    expect((await postCursors(apiUrl, { namespace: 'a', cursor: '1' }, headers)).status).toBe(401);
    expect(server.stats().broadcasts).toBe(0);
    for (const path of ['/healthz', '/readyz', '/readyz?verbose']) {
      expect((await call('GET', `${apiUrl}${path}`, { headers })).status, path).toBe(200);
    }
  });

  test('the token as bearer opens every route, and any Host may be named', async () => {
    const { apiUrl } = await startServer({ adminToken });
    const headers = { authorization: `Bearer ${adminToken}`, host: 'sync.example' };
    expect((await call('GET', `${apiUrl}/v1/stats`, { headers })).status).toBe(200);
    expect((await postCursors(apiUrl, { namespace: 'a', cursor: '1' }, headers)).status).toBe(200);
  });

  test('a probe is one in an absolute target too, and a path that is only like it is not', async () => {
    const { port } = await startServer({ adminToken });
    const answerOf = async (target: string) =>
      (await raw(port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)).status;
    for (const target of ['/healthz?x', 'http://localhost/readyz?x'])
      expect(await answerOf(target), target).toBe(200);
    for (const target of [
      '/healthz/',
      '/HEALTHZ',
      '//healthz',
      '/v1%2fstats',
      '/healthz%3f',
      '/x/../healthz',
    ])
      expect(await answerOf(target), target).toBe(401);
  });

  test('the token in the query does not count', async () => {
    const { apiUrl } = await startServer({ adminToken });
    expect((await call('GET', `${apiUrl}/v1/stats?token=${adminToken}`)).status).toBe(401);
  });
});

describe('what is open to the network', () => {
  const invalid = (message: RegExp) =>
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(message) });

  test.each(['0.0.0.0', '::', '192.168.1.2', 'example.com', '127.evil.example'])(
    '%s without an admin token is refused, with the flag to add',
    (host) => {
      expect(() => createDatafnWsServer({ host, namespaceProvider: () => 'a' })).toThrow(
        invalid(/--admin-token/),
      );
    },
  );

  test.each(['0.0.0.0', '::', 'example.com'])(
    'an admin token of less than 16 bytes is refused on %s, and is enough on loopback',
    (host) => {
      const options = { adminToken: 'fifteen-bytes-x', namespaceProvider: () => 'a' };
      expect(() => createDatafnWsServer({ ...options, host })).toThrow(
        invalid(
          /^(?!.*fifteen).*--admin-token \(`adminToken` in a config file\) must have at least 16 bytes, got 15\./,
        ),
      );
      expect(() => createDatafnWsServer({ ...options, host, adminToken: 'sixteen-bytes-xy' })).not.toThrow();
      for (const near of ['127.0.0.1', '::1', 'localhost'])
        expect(() => createDatafnWsServer({ ...options, host: near })).not.toThrow();
    },
  );

  test('with an admin token and the dev provider it is refused, with the flag to change', () => {
    expect(() => createDatafnWsServer({ host: '0.0.0.0', adminToken: 'secret-0123456789' })).toThrow(
      invalid(/--auth/),
    );
  });

  test.each(['', ' '])('an admin token of "%s" is refused, on loopback too', (adminToken) => {
    expect(() => createDatafnWsServer({ adminToken })).toThrow(invalid(/adminToken/));
  });

  test('with an admin token and a provider of its own it listens', async () => {
    const { server, port } = await startServer({
      host: '0.0.0.0',
      adminToken: 'secret-0123456789',
      namespaceProvider: () => 'a',
    });
    expect(server.address?.host).toBe('0.0.0.0');
    await openClient(`ws://127.0.0.1:${port}/datafn/ws`);
  });
});

describe('options that are not valid', () => {
  test.each<[string, Parameters<typeof createDatafnWsServer>[0]]>([
    ['port', { port: 65_536 }],
    ['port', { port: -1 }],
    ['port', { port: 1.5 }],
    ['path', { path: 'datafn/ws' }],
    ['path', { path: '/datafn/ws?x' }],
    ['maxConnections', { maxConnections: -1 }],
    ['heartbeatIntervalMs', { heartbeatIntervalMs: Number.NaN }],
    ['host', { host: 1 as never }],
    ['host', { host: '' }],
    ['namespaceProvider', { namespaceProvider: 'user:alice' as never }],
    ['observer', { observer: (() => {}) as never }],
    ['logger', { logger: { info() {} } as never }],
    ['maxBodySizeBytes', { maxBodySizeBytes: 0 }],
    ['shutdownTimeoutMs', { shutdownTimeoutMs: -1 }],
    ['clientBufferBytes', { clientBufferBytes: -1 }],
    ['slowClientTimeoutMs', { slowClientTimeoutMs: -1 }],
    ['closeTimeoutMs', { closeTimeoutMs: Number.POSITIVE_INFINITY }],
  ])('a wrong `%s` throws at construction and is named: %j', (name, options) => {
    expect(() => createDatafnWsServer(options)).toThrow(DatafnWsError);
    expect(() => createDatafnWsServer(options)).toThrow(`\`${name}\``);
  });

  test('null is no options, and an admin token that does not fit is not shown', () => {
    expect(() => createDatafnWsServer(null as never)).toThrow(
      'Expected the options to be an object, got null',
    );
    expect(() => createDatafnWsServer({ adminToken: 'hush hush' })).toThrow(/`adminToken`(?!.*hush)/);
  });
});

/** Whether the system keeps low ports for the superuser at all; a container may not. */
const hasPrivilegedPorts =
  process.platform === 'linux' &&
  Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) > 1;

describe('an address that cannot be listened on', () => {
  const listenError = (message: RegExp) =>
    expect.objectContaining({ code: 'ERR_LISTEN', message: expect.stringMatching(message) });

  test('a port that is taken rejects listen() with the flag to change', async () => {
    const { port } = await startServer();
    await expect(startServer({ port })).rejects.toEqual(
      listenError(/^Port \d+ on 127\.0\.0\.1 is already in use: .*--port/),
    );
  });

  test.skipIf(!hasPrivilegedPorts)('a privileged port rejects listen() with the flag to change', async () => {
    const isSuperuser = process.geteuid?.() === 0;
    if (isSuperuser) process.seteuid?.(65_534);
    try {
      await expect(startServer({ port: 1 })).rejects.toEqual(
        listenError(/^No permission to listen on 127\.0\.0\.1:1: .*--port/),
      );
    } finally {
      if (isSuperuser) process.seteuid?.(0);
    }
  });

  // 203.0.113.0/24 is for documentation (RFC 5737) and nobody's.
  test('an address of another machine rejects listen() with the flag to change', async () => {
    const options = { host: '203.0.113.1', adminToken: 'secret-0123456789', namespaceProvider: () => 'a' };
    await expect(startServer(options)).rejects.toEqual(
      listenError(/^203\.0\.113\.1 is not an address of this machine: .*--host/),
    );
  });

  test('a name that nobody has rejects listen() with the flag to change', async () => {
    const options = {
      host: 'nowhere.invalid',
      adminToken: 'secret-0123456789',
      namespaceProvider: () => 'a',
    };
    await expect(startServer(options)).rejects.toEqual(listenError(/nowhere\.invalid.*--host/));
  });
});

describe('a request that offers another protocol than WebSocket', () => {
  const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };

  test('is answered as if it did not, its body included', async () => {
    const { apiUrl, wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    expect((await call('GET', `${apiUrl}/v1/stats`, { headers: offer })).json.connections).toBe(1);
    for (const [cursor, framing] of [
      ['1', {}],
      ['2', { 'transfer-encoding': 'chunked' }],
    ] as const) {
      const { status } = await postCursors(apiUrl, { namespace: 'a', cursor }, { ...offer, ...framing });
      expect(status).toBe(200);
    }
    expect(await client.received(2)).toHaveLength(2);
    expect(server.stats().rejected).toBe(0);
  });

  test('leaves its connection to the next one', async () => {
    const { port } = await startServer();
    const socket = connect(port, '127.0.0.1');
    for (const head of ['Connection: Upgrade\r\nUpgrade: h2c', 'Connection: close']) {
      socket.write(`GET /v1/namespaces HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\n`);
      const [answer] = await within(once(socket, 'data'), 'an answer');
      expect(`${answer}`).toMatch(/^HTTP\/1\.1 200 OK/);
    }
  });

  test('is under the same rules as any other, and gets no WebSocket', async () => {
    const { apiUrl, server } = await startServer();
    const foreign = await call('GET', `${apiUrl}/v1/stats`, { headers: { ...offer, host: 'evil.example' } });
    expect(foreign.status).toBe(403);
    expect((await call('GET', `${apiUrl}/datafn/ws?token=a`, { headers: offer })).status).toBe(426);
    expect(server.stats()).toMatchObject({ connections: 0, accepted: 0 });
  });
});
