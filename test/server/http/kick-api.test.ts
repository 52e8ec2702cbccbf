import { afterEach, expect, test } from 'vitest';
import { call, postCursors } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

/** The token is `namespace principal…`. */
const namespaceProvider = ({ token = '' }) => {
  const [namespace = '', ...principalIds] = token.split(' ');
  return { namespace, principalIds };
};

const idOf = async (apiUrl: string, namespace: string) =>
  (await call('GET', `${apiUrl}/v1/clients?namespace=${encodeURIComponent(namespace)}`)).json.clients[0].id;

test('DELETE /v1/clients/{id} closes that client with 4403, and says 404 for one that is gone', async () => {
  const { wsUrl, apiUrl, server, events } = await startServer({ namespaceProvider });
  const [one, other] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a')];
  const id = await idOf(apiUrl, 'a');
  expect(await call('DELETE', `${apiUrl}/v1/clients/${id}`)).toMatchObject({
    status: 200,
    json: { closed: 1 },
  });
  expect(await one.closed()).toEqual({ code: 4403, reason: 'Access revoked' });
  await other.roundTrip();
  expect(server.stats()).toMatchObject({ connections: 1, closed: { 4403: 1 } });
  expect(events.of('closed')).toMatchObject([{ code: 4403, by: 'server' }]);
  for (const gone of [id, '99', 'x-1', 'nonsense']) {
    const { status, json } = await call('DELETE', `${apiUrl}/v1/clients/${gone}`);
    expect([status, json.field]).toEqual([404, 'id']);
  }
});

test('DELETE /v1/namespaces/{namespace}/clients closes all of it and no others, with the code and reason asked for', async () => {
  const { wsUrl, apiUrl, server } = await startServer({ namespaceProvider });
  const meant = [await openClient(wsUrl, 'org/a%b:ü'), await openClient(wsUrl, 'org/a%b:ü')];
  const other = await openClient(wsUrl, 'org');
  const path = `/v1/namespaces/${encodeURIComponent('org/a%b:ü')}/clients`;
  const { status, json } = await call('DELETE', `${apiUrl}${path}?code=4001&reason=Signed+out`);
  expect([status, json]).toEqual([200, { closed: 2 }]);
  for (const client of meant) expect(await client.closed()).toEqual({ code: 4001, reason: 'Signed out' });
  await other.roundTrip();
  expect(server.stats().connections).toBe(1);
  expect((await call('DELETE', `${apiUrl}${path}`)).json).toEqual({ closed: 0 });
});

test('DELETE by principal closes its clients in all namespaces, or in one', async () => {
  const { wsUrl, apiUrl } = await startServer({ namespaceProvider });
  const bobInA = await openClient(wsUrl, 'a user:bob team:t');
  const bobInB = await openClient(wsUrl, 'b user:bob');
  const bobInC = await openClient(wsUrl, 'c user:bob');
  const alice = await openClient(wsUrl, 'a user:alice team:t');
  const by = async (path: string) => (await call('DELETE', `${apiUrl}${path}`)).json;
  expect(await by('/v1/namespaces/a/clients?principal=user:bob')).toEqual({ closed: 1 });
  expect((await bobInA.closed()).code).toBe(4403);
  expect(await by('/v1/clients?principal=user:bob&namespace=b')).toEqual({ closed: 1 });
  expect((await bobInB.closed()).code).toBe(4403);
  expect(await by('/v1/clients?principal=user:bob')).toEqual({ closed: 1 });
  expect((await bobInC.closed()).code).toBe(4403);
  await alice.roundTrip();
  const { clients } = (await call('GET', `${apiUrl}/v1/clients`)).json;
  expect(clients).toMatchObject([{ namespace: 'a', principals: ['user:alice', 'team:t'] }]);
});

test.each([
  ['/v1/clients', 'principal'],
  ['/v1/clients?namespace=a', 'principal'],
  ['/v1/clients?principal=', 'principal'],
  ['/v1/namespaces/a/clients?principle=user:bob', 'principle'],
  ['/v1/namespaces/a/clients?principal=x&principal=y', 'principal'],
  ['/v1/namespaces/a/clients?code=1005', 'code'],
  ['/v1/namespaces/a/clients?code=4e3', 'code'],
  ['/v1/namespaces/a/clients?code=', 'code'],
  [`/v1/namespaces/a/clients?reason=${'x'.repeat(124)}`, 'reason'],
  ['/v1/clients/1?namespace=a', 'namespace'],
  ['/v1/namespaces/%00/clients', 'namespace'],
])('DELETE %s is a 400 that names %s, and closes nobody', async (path, field) => {
  const { wsUrl, apiUrl } = await startServer({ namespaceProvider });
  const client = await openClient(wsUrl, 'a user:bob');
  const { status, json } = await call('DELETE', `${apiUrl}${path}`);
  expect([status, json.field]).toEqual([400, field]);
  await client.roundTrip();
  expect(client.closeFrame).toBeUndefined();
});

test('DELETE needs what the rest of the API needs: the admin token, and no page of another origin', async () => {
  const { wsUrl, apiUrl } = await startServer({ namespaceProvider, adminToken: 'a-token-for-tests' });
  const client = await openClient(wsUrl, 'a');
  const path = `${apiUrl}/v1/namespaces/a/clients`;
  expect((await call('DELETE', path)).status).toBe(401);
  const authorization = 'Bearer a-token-for-tests';
  expect(
    (await call('DELETE', path, { headers: { authorization, origin: 'https://evil.example' } })).status,
  ).toBe(403);
  await client.roundTrip();
  expect((await call('DELETE', path, { headers: { authorization } })).json).toEqual({ closed: 1 });
  expect((await call('PUT', path, { headers: { authorization } })).status).toBe(405);
});

test('affectedPrincipals in POST /v1/cursors: only their clients get the cursor, or all where one has none', async () => {
  const { wsUrl, apiUrl } = await startServer({ namespaceProvider });
  const bob = await openClient(wsUrl, 'a user:bob');
  const alice = await openClient(wsUrl, 'a user:alice');
  const item = { namespace: 'a', cursor: '1', affectedPrincipals: ['user:bob'] };
  expect((await postCursors(apiUrl, item)).json).toEqual({ results: [{ ...item, delivered: 1 }] });
  await bob.received(1);
  const nobody = await openClient(wsUrl, 'a');
  expect((await postCursors(apiUrl, { ...item, cursor: '2' })).json.results).toMatchObject([
    { delivered: 3 },
  ]);
  await nobody.received(1);
  expect(await alice.received(1)).toEqual(['{"type":"cursor","cursor":"2"}']);
});

test.each([
  [{ affectedPrincipals: 'user:bob' }, 'an array of principals, got "user:bob"'],
  [{ affectedPrincipals: ['ok', ''] }, 'principals, each a non-empty string, got an empty one at index 1'],
  [{ affectedPrincipals: Array(1001).fill('x') }, 'at most 1000 principals, got 1001'],
  [{ affectedPrincipals: ['x'], reset: true }, 'left out with `reset`'],
])('a cursor with %j is a 400', async (fields, words) => {
  const { apiUrl } = await startServer();
  const { status, json } = await postCursors(apiUrl, { namespace: 'a', cursor: '1', ...fields });
  expect([status, json.field]).toEqual([400, '[0].affectedPrincipals']);
  expect(json.detail).toContain(words);
});

test.each([
  [{ namespace: 'a', principalIds: 'user:bob' }, 'principalIds'],
  [{ namespace: 'a', principalIds: [7] }, 'principalIds'],
  [{ namespace: 'a', actorId: 7 }, 'actorId'],
  [{ namespace: 'a', actorId: '' }, 'actorId'],
])('a provider that answers %j admits nobody, and the log says why', async (answer, field) => {
  const { wsUrl, logger } = await startServer({ namespaceProvider: () => answer as never });
  expect((await (await openClient(wsUrl, 'x')).closed()).code).toBe(4401);
  expect(JSON.stringify(logger.entries)).toContain(`expected the ${field} of the answer to be`);
});
