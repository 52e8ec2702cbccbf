import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../backplane/recorded-node.js';
import { call } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';
import { openMany } from '../../support/raw-client.js';

afterEach(disposeLive);

test('GET /v1/clients lists the clients of a namespace or of all, and forgets those that have left', async () => {
  const { wsUrl, apiUrl, events } = await startServer();
  const list = async (query = '') => (await call('GET', `${apiUrl}/v1/clients${query}`)).json;
  expect(await list()).toEqual({ total: 0, clients: [] });
  const alice = await openClient(wsUrl, 'user:alice');
  alice.say('{"type":"hello","clientId":"tab-1","cursor":"0"}');
  await alice.roundTrip();
  await openClient(wsUrl, 'a b&c');
  await (await openClient(wsUrl)).closed();
  const since = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const known = { remoteAddress: '127.0.0.1', since, connectedMs: expect.any(Number), bytesWaiting: 0 };
  const first = { id: '1', namespace: 'user:alice', clientId: 'tab-1', heard: '0', ...known };
  const second = { id: '2', namespace: 'a b&c', ...known };
  expect(await list()).toEqual({ total: 2, clients: [first, second] });
  expect(await list('?namespace=user%3Aalice')).toEqual({ total: 1, clients: [first] });
  expect(await list('?namespace=a+b%26c')).toEqual({ total: 1, clients: [second] });
  expect(await list('?namespace=nobody')).toEqual({ total: 0, clients: [] });
  alice.close();
  await events.until('closed');
  expect(await list('?namespace=user:alice')).toEqual({ total: 0, clients: [] });
});

test('GET /v1/clients lists 1,000 clients at most, says how many there are, and where the next page begins', async () => {
  const { wsUrl, apiUrl } = await startServer({ maxConnectionsPerNamespace: 2000 });
  const opened = await openMany(wsUrl, Array(1001).fill('a'));
  const { total, clients, next } = (await call('GET', `${apiUrl}/v1/clients`)).json;
  expect([total, clients.length, next]).toEqual([1001, 1000, '1000']);
  const last = (await call('GET', `${apiUrl}/v1/clients?after=${next}&limit=5`)).json;
  expect(last).toMatchObject({ total: 1001, clients: [{ id: '1001' }] });
  expect(last).not.toHaveProperty('next');
  for (const { socket } of opened) socket.destroy();
});

test.each([
  ['limit=0', 'limit', '`limit` to be a whole number from 1 to 1000, got "0"'],
  ['limit=1001', 'limit', 'got "1001"'],
  ['limit=1e2', 'limit', 'got "1e2"'],
  ['after=x', 'after', '`after` to be the id of a client, got "x"'],
])('GET /v1/clients?%s is a 400 that names the parameter', async (query, field, detail) => {
  const { apiUrl } = await startServer();
  const { status, json } = await call('GET', `${apiUrl}/v1/clients?${query}`);
  expect([status, json.field]).toEqual([400, field]);
  expect(json.detail).toContain(detail);
});

test('GET /v1/clients says which cursor each client has heard, the newest of its namespace, and how long its pong took', async () => {
  const { wsUrl, server, apiUrl } = await startServer({
    heartbeatIntervalMs: 20,
    heartbeatTimeoutMs: 5000,
    resume: true,
  });
  const client = await openClient(wsUrl, 'a');
  const listed = async () => (await call('GET', `${apiUrl}/v1/clients`)).json.clients[0];
  client.say('{"type":"hello","clientId":"tab-1","cursors":{"todos":"9","lists":"10","tags":"x"}}');
  await client.roundTrip();
  expect((await listed()).heard).toBe('10');
  expect(await listed()).not.toHaveProperty('newest');
  server.websocketHandler.broadcastCursor('42', 'a');
  await client.received(1);
  expect(await listed()).toMatchObject({ heard: '42', newest: '42', bytesWaiting: 0 });
  await eventually(async () => (await listed()).pongMs !== undefined, 'a pong');
  expect((await listed()).pongMs).toBeGreaterThanOrEqual(0);
  expect((await listed()).pongMs).toBeLessThan(5000);
});
