import { afterEach, describe, expect, test } from 'vitest';
import { MemoryEngine, memoryBackplane } from '../../../src/backplane/memory.js';
import { tokensNamespaceProvider } from '../../../src/server/auth/tokens.js';
import { BackendCaller } from '../../support/backend-call.js';
import { call } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

async function start(options: Parameters<typeof startServer>[0] = {}) {
  const live = await startServer(options);
  return { ...live, backend: new BackendCaller(live.apiUrl) };
}

const TOKEN = 'alice-0123456789';
const namespaceProvider = tokensNamespaceProvider({ [TOKEN]: 'user:alice' });

describe('the DataFn routes', () => {
  test('are there with the dev provider, and with others when they are asked for', async () => {
    const statusOf = async (options: Parameters<typeof startServer>[0]) => {
      const { apiUrl } = await start(options);
      return (await new BackendCaller(apiUrl, TOKEN).post('clone', { clientId: 'c', tables: [] })).status;
    };
    expect(await statusOf({})).toBe(200);
    expect(await statusOf({ backend: 'none' })).toBe(404);
    expect(await statusOf({ namespaceProvider })).toBe(404);
    expect(await statusOf({ namespaceProvider, backend: 'memory' })).toBe(200);
    expect(await statusOf({ path: '/elsewhere' })).toBe(404);
  });

  test('are refused where their data would be in one process of several, or at no remote', async () => {
    await expect(
      start({ backend: 'memory', backplane: memoryBackplane(new MemoryEngine()) }),
    ).rejects.toThrow(/--backend memory .* does not go with --workers, nor with --cluster/);
    await expect(start({ backend: 'memory', path: '/live' })).rejects.toThrow(
      /needs --path .* to end in \/ws/,
    );
  });

  test('are beside the WebSocket endpoint, wherever that is', async () => {
    for (const [path, remote] of [
      ['/app/sync/ws', '/app/sync'],
      ['/ws', ''],
    ] as const) {
      const { apiUrl } = await start({ path });
      const options = {
        headers: { 'content-type': 'application/json', authorization: 'Bearer a' },
        body: '{}',
      };
      expect((await call('POST', `${apiUrl}${remote}/clone`, options)).json.ok).toBe(true);
      expect((await call('GET', `${apiUrl}/v1/stats`)).status).toBe(200);
      expect((await call('GET', `${apiUrl}${path}`)).status).toBe(426);
    }
  });

  test('take the token where the WebSocket does, and answer 401 without a valid one', async () => {
    const { apiUrl } = await start({ namespaceProvider, backend: 'memory' });
    const nobody = new BackendCaller(apiUrl, null);
    const body = { clientId: 'c', tables: [] };
    const { status, json, headers } = await nobody.post('clone', body);
    expect([status, json.error.code, headers['www-authenticate']]).toEqual([401, 'UNAUTHORIZED', 'Bearer']);
    expect((await nobody.post('clone', body, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await nobody.post(`clone?token=${TOKEN}`, body)).status).toBe(200);
    expect((await nobody.post('clone', body, { cookie: `datafn_token=${TOKEN}` })).status).toBe(200);
  });

  test('do not need the admin token, and do not take it for one of a client', async () => {
    const adminToken = 'admin-0123456789';
    const { apiUrl } = await start({ namespaceProvider, backend: 'memory', adminToken });
    const body = { clientId: 'c', tables: [] };
    expect((await new BackendCaller(apiUrl, TOKEN).post('clone', body)).status).toBe(200);
    expect((await new BackendCaller(apiUrl, adminToken).post('clone', body)).status).toBe(401);
  });

  test('give a page of an allowed origin its preflight and its answers, and others 403', async () => {
    const { backend, apiUrl } = await start();
    const origin = 'http://localhost:5173';
    const preflight = await call('OPTIONS', `${apiUrl}/datafn/push`, {
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, x-tenant',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-headers': 'content-type, x-tenant',
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      vary: 'Origin',
    });
    const body = { clientId: 'c', tables: [] };
    const answer = await backend.post('clone', body, { origin });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, origin]);
    const stranger = await backend.post('clone', body, { origin: 'https://evil.example' });
    expect([stranger.status, stranger.json.error.code]).toEqual([403, 'FORBIDDEN']);
    expect(stranger.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('are closed to names that only look like this machine, while tokens prove nothing', async () => {
    const { backend } = await start();
    const { status, json } = await backend.post('clone', { clientId: 'c' }, { host: 'rebound.example' });
    expect([status, json.error.code, json.error.details.path]).toEqual([403, 'FORBIDDEN', 'Host']);
  });

  test('answer 503 once the last clients leave, so that a client tries again at the next server', async () => {
    const { backend, server, wsUrl } = await start({ shutdownTimeoutMs: 60_000, closeTimeoutMs: 60_000 });
    const client = await openClient(wsUrl, 'user:alice', { answersClose: false });
    const closed = server.close();
    await client.closed();
    const { status, json, headers } = await backend.push(
      backend.mutation('insert', 'task:1', { record: {} }),
    );
    expect([status, json.error.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    await client.destroy();
    await closed;
  });

  test('take JSON only: a page can post anything else without being asked first', async () => {
    const { backend } = await start();
    const plain = await backend.post('push', '{}', { 'content-type': 'text/plain' });
    expect([plain.status, plain.json.error.details.path]).toEqual([415, 'Content-Type']);
  });
});

describe('what is not done', () => {
  test.each(['query', 'search', 'transact', 'resources/task'])('%s is 501 with a code', async (route) => {
    const { backend } = await start();
    const { status, json } = await backend.post(route, { resource: 'task', version: 1 });
    expect([status, json.ok, json.error.code]).toEqual([501, false, 'NOT_SUPPORTED']);
  });

  test('an unknown route is 404 and a wrong method 405, in the words of the router of DataFn', async () => {
    const { backend, apiUrl } = await start();
    const unknown = await backend.post('nothing', {});
    expect([unknown.status, unknown.json]).toEqual([404, { error: 'Route not found: "/datafn/nothing"' }]);
    const headers = { authorization: 'Bearer a' };
    const { status, headers: sent } = await call('GET', `${apiUrl}/datafn/push`, { headers });
    expect([status, sent.allow]).toEqual([405, 'POST, OPTIONS']);
  });
});

describe('what no DataFn client sends', () => {
  const insert = {
    clientId: 'tab-a',
    mutationId: 'm',
    resource: 'task',
    operation: 'insert',
    id: 'a',
    record: {},
  };
  const pushOf = (mutation: object) => ({ clientId: 'tab-a', mutations: [mutation] });
  test.each<[string, string, unknown, number, string, string]>([
    ['no JSON', 'push', '{"clientId":', 400, 'DFQL_INVALID', '$'],
    ['no object', 'clone', '7', 400, 'DFQL_INVALID', '$'],
    [
      'another protocol',
      'clone',
      { protocolVersion: '2' },
      400,
      'DATAFN_UNSUPPORTED_PROTOCOL_VERSION',
      'protocolVersion',
    ],
    [
      'a key of the prototype',
      'push',
      '{"clientId":"tab-a","mutations":[{"record":{"__proto__":{}}}]}',
      400,
      'DFQL_INVALID',
      'mutations.0.record.__proto__',
    ],
    [
      'levels without end',
      'push',
      `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`,
      400,
      'DFQL_INVALID',
      Array(65).fill('a').join('.'),
    ],
    ['a cursor and cursors', 'pull', { cursor: '1', cursors: {} }, 400, 'DFQL_INVALID', 'cursors'],
    ['no mutations', 'push', { clientId: 'tab-a' }, 400, 'DFQL_INVALID', 'mutations'],
    [
      'another client',
      'push',
      pushOf({ ...insert, clientId: 'b' }),
      400,
      'DFQL_INVALID',
      'mutations[0].clientId',
    ],
    [
      'no mutation id',
      'push',
      pushOf({ ...insert, mutationId: undefined }),
      400,
      'DFQL_INVALID',
      'mutations[0].mutationId',
    ],
    [
      'an unknown operation',
      'push',
      pushOf({ ...insert, operation: 'upsert' }),
      400,
      'DFQL_INVALID',
      'mutations[0].operation',
    ],
    [
      'a record that is a list',
      'push',
      pushOf({ ...insert, record: [] }),
      400,
      'DFQL_INVALID',
      'mutations[0].record',
    ],
    [
      'two ids',
      'push',
      pushOf({ ...insert, record: { id: 'b' } }),
      400,
      'DFQL_INVALID',
      'mutations[0].record.id',
    ],
    [
      'a table of DataFn itself',
      'push',
      pushOf({ ...insert, resource: '__x' }),
      400,
      'DFQL_UNKNOWN_RESOURCE',
      'mutations[0].resource',
    ],
    [
      'too many mutations',
      'push',
      { clientId: 'tab-a', mutations: Array(501).fill(insert) },
      413,
      'LIMIT_EXCEEDED',
      'mutations',
    ],
  ])(
    '%s is refused as a whole, and the answer names the part',
    async (_, route, body, status, code, path) => {
      const { backend } = await start();
      const answer = await backend.post(route, body);
      expect([answer.status, answer.json.ok, answer.json.error.code, answer.json.error.details.path]).toEqual(
        [status, false, code, path],
      );
      expect((await backend.pulls({ task: '0' })).records.task).toEqual([]);
    },
  );

  test('a body that is too large is 413, and the server says that the connection ends', async () => {
    const { backend } = await start({ maxBodySizeBytes: 1000 });
    const { status, json, headers } = await backend.post('push', 'x'.repeat(2000));
    expect([status, json.error.code, headers.connection]).toEqual([413, 'LIMIT_EXCEEDED', 'close']);
  });
});
