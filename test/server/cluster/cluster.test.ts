import { afterEach, expect, test } from 'vitest';
import { MemoryEngine, memoryBackplane } from '../../../src/backplane/memory.js';
import type { DatafnWsServerOptions } from '../../../src/server/server-types.js';
import { eventually } from '../../backplane/recorded-node.js';
import { call, postCursors } from '../../support/http-call.js';
import {
  connectClient,
  disposeLive,
  type LiveServer,
  openClient,
  startServer,
} from '../../support/live-server.js';

afterEach(disposeLive);

const frame = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;

/** Servers that share an engine and see each other. */
async function cluster(
  count: number,
  options: DatafnWsServerOptions = {},
  engine = new MemoryEngine(),
): Promise<LiveServer[]> {
  const servers: LiveServer[] = [];
  for (let i = 0; i < count; i++)
    servers.push(await startServer({ backplane: memoryBackplane(engine), ...options }));
  for (const { apiUrl } of servers)
    await eventually(
      async () => (await call('GET', `${apiUrl}/v1/cluster`)).json.nodes.length === count,
      `${count} nodes`,
    );
  return servers;
}

test('a cursor that is posted to one server reaches the clients of all, once', async () => {
  const [a, b] = (await cluster(2)) as [LiveServer, LiveServer];
  const here = await openClient(a.wsUrl, 'x');
  const there = await openClient(b.wsUrl, 'x');
  const other = await openClient(b.wsUrl, 'y');
  const answer = await postCursors(a.apiUrl, { namespace: 'x', cursor: '42' });
  expect(answer.status).toBe(200);
  expect(answer.json).toEqual({
    results: [{ namespace: 'x', cursor: '42', delivered: 1 }],
    replicated: true,
    nodes: 2,
  });
  await there.until(() => there.texts.length === 1, 'the cursor');
  b.server.websocketHandler.broadcastCursor('43', 'x');
  await here.until(() => here.texts.length === 2, 'the second cursor');
  await there.until(() => there.texts.length === 2, 'the second cursor');
  for (const client of [here, there]) expect(client.texts).toEqual([frame('42'), frame('43')]);
  expect(other.texts).toEqual([]);
  // Only one of them has been asked to broadcast it.
  expect(a.server.stats()).toMatchObject({ broadcasts: 1, deliveries: 2 });
  expect(b.server.stats()).toMatchObject({ broadcasts: 1, deliveries: 2 });
});

test('a cursor that is not fit for the cluster stays on its server, which says so', async () => {
  const [a, b] = (await cluster(2)) as [LiveServer, LiveServer];
  const [here, there] = [await openClient(a.wsUrl, 'x'), await openClient(b.wsUrl, 'x')];
  const long = '1'.repeat(300);
  a.server.websocketHandler.broadcastCursor(long, 'x');
  a.server.websocketHandler.broadcastCursor('2', 'x');
  expect(await here.received(2)).toEqual([frame(long), frame('2')]);
  expect(await there.received(1)).toEqual([frame('2')]);
  const [warning] = a.logger.warnings;
  expect(warning?.message).toContain('on this server only');
  expect(warning?.context?.problem).toContain('256');
});

test('what an embedder broadcasts in one tick is one batch, and all of it arrives in order', async () => {
  const [a, b] = (await cluster(2)) as [LiveServer, LiveServer];
  const there = await openClient(b.wsUrl, 'x');
  for (let cursor = 1; cursor <= 100; cursor++)
    a.server.websocketHandler.broadcastCursor(String(cursor), 'x');
  await there.until(() => there.texts.length === 100, 'all of them');
  expect(there.texts).toEqual(Array.from({ length: 100 }, (_, i) => frame(String(i + 1))));
});

test('the limit of a namespace is exact over all servers, and a slot is free as soon as its client leaves', async () => {
  const servers = await cluster(3, { maxConnectionsPerNamespace: 10 });
  const clients = await Promise.all(
    Array.from({ length: 30 }, (_, i) => connectClient((servers[i % 3] as LiveServer).wsUrl, { token: 'x' })),
  );
  const admitted = () => servers.reduce((sum, { server }) => sum + server.stats().connections, 0);
  const refused = () => servers.reduce((sum, { server }) => sum + (server.stats().refused[4503] ?? 0), 0);
  await eventually(() => admitted() + refused() === 30, 'an answer to each');
  expect(admitted()).toBe(10);
  await eventually(
    () => clients.filter(({ closeFrame }) => closeFrame !== undefined).length === 20,
    '20 closed',
  );
  const frames = clients.flatMap(({ closeFrame }) => closeFrame ?? []);
  expect(new Set(frames.map(({ code, reason }) => `${code} ${reason}`))).toEqual(
    new Set(['4503 Namespace connection limit reached']),
  );
  const leaving = clients.find(({ closeFrame }) => closeFrame === undefined);
  await leaving?.destroy();
  await eventually(() => admitted() === 9, 'one less');
  await eventually(async () => {
    const again = await connectClient((servers[2] as LiveServer).wsUrl, { token: 'x' });
    await again.until(() => again.closeFrame !== undefined || admitted() === 10, 'an answer');
    return again.closeFrame === undefined;
  }, 'a client in its place');
});

test('clients that are refused because their own server is full free no slot in the cluster', async () => {
  const [a, b] = (await cluster(2, { maxConnectionsPerNamespace: 2 })) as [LiveServer, LiveServer];
  for (let i = 0; i < 2; i++) await openClient(a.wsUrl, 'x');
  for (const { wsUrl } of [a, a, a, b, b]) {
    const refused = await connectClient(wsUrl, { token: 'x' });
    expect((await refused.closed()).code).toBe(4503);
  }
  expect([a.server.stats().connections, b.server.stats().connections]).toEqual([2, 0]);
});

test('with refuseWith http, a client without a slot in the cluster gets 503', async () => {
  const [a, b] = (await cluster(2, { maxConnectionsPerNamespace: 1, refuseWith: 'http' })) as [
    LiveServer,
    LiveServer,
  ];
  await openClient(a.wsUrl, 'x');
  const refused = await connectClient(b.wsUrl, { token: 'x' });
  expect(refused.status).toBe(503);
});

test('while the engine is away: 202, clients here get it at once, those elsewhere once it is back', async () => {
  const engine = new MemoryEngine();
  let isAway = false;
  const connect: typeof engine.connect = (...args) =>
    isAway ? Promise.reject(new Error('refused')) : engine.connect(...args);
  const options = () => ({ backplane: memoryBackplane(engine, { connect }) });
  const a = await startServer(options());
  const b = await startServer(options());
  const here = await openClient(a.wsUrl, 'x');
  const there = await openClient(b.wsUrl, 'x');
  isAway = true;
  engine.disconnect('pulled');
  const answer = await postCursors(a.apiUrl, [
    { namespace: 'x', cursor: '1' },
    { namespace: 'x', cursor: '2' },
  ]);
  expect(answer.status).toBe(202);
  expect(answer.json).toMatchObject({ replicated: false, results: [{ delivered: 1 }, { delivered: 1 }] });
  await here.until(() => here.texts.length === 2, 'both here');
  expect((await call('GET', `${a.apiUrl}/readyz`)).status).toBe(200);
  expect((await call('GET', `${a.apiUrl}/v1/cluster`)).json).toMatchObject({ state: 'down', kept: 1 });
  // It is admitted by the limit of its server.
  await openClient(a.wsUrl, 'y');
  expect((await call('GET', `${a.apiUrl}/v1/cluster`)).json).toMatchObject({ admittedUnchecked: 1 });
  isAway = false;
  await there.until(() => there.texts.length > 0, 'the newest');
  expect(there.texts).toEqual([frame('2')]);
  await eventually(
    async () => (await call('GET', `${b.apiUrl}/v1/cluster`)).json.state === 'up',
    'the engine is back',
  );
  // One that stayed has not heard anything twice.
  await postCursors(b.apiUrl, { namespace: 'x', cursor: '3' });
  await here.until(() => here.texts.length === 3, 'the next one');
  expect(here.texts).toEqual([frame('1'), frame('2'), frame('3')]);
  const lines = b.logger.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);
  expect(lines).toEqual([
    expect.stringMatching(/^The engine of the cluster is away: .* \(pulled\)$/),
    expect.stringMatching(/^The engine of the cluster is back after .*: \d cursors? caught up$/),
  ]);
});

test.each(['monotonic', 'clusterRequired'] as const)(
  'with %s, a cursor that is not acknowledged gets 503 and is delivered nowhere',
  async (option) => {
    const engine = new MemoryEngine();
    const { backplane, cut } = cuttable(engine);
    const a = await startServer({ backplane, [option]: true });
    const b = await startServer({ backplane: memoryBackplane(engine) });
    const here = await openClient(a.wsUrl, 'x');
    const there = await openClient(b.wsUrl, 'x');
    expect((await postCursors(a.apiUrl, { namespace: 'x', cursor: '1' })).status).toBe(200);
    cut(true);
    const answer = await postCursors(a.apiUrl, { namespace: 'x', cursor: '2' });
    expect(answer.status).toBe(503);
    expect(answer.json.detail).toContain('may not have been delivered');
    cut(false);
    await eventually(
      async () => (await postCursors(a.apiUrl, { namespace: 'x', cursor: '3' })).status === 200,
      'the engine is back',
    );
    for (const client of [here, there])
      await client.until(() => client.texts.includes(frame('3')), 'the last');
    for (const client of [here, there]) expect(client.texts).toEqual([frame('1'), frame('3')]);
  },
);

/** A backplane whose engine can be taken away. */
function cuttable(engine: MemoryEngine) {
  let isAway = false;
  let close = (_why: string) => {};
  const connect: typeof engine.connect = async (caller, events, signal) => {
    if (isAway) throw new Error('refused');
    close = events.closed;
    return engine.connect(caller, events, signal);
  };
  const cut = (away: boolean) => {
    isAway = away;
    if (away) close('pulled');
  };
  return { backplane: memoryBackplane(engine, { connect }), cut };
}

test('monotonic holds for the cluster: a cursor lower than one of another server gets 409', async () => {
  const [a, b] = (await cluster(2, { monotonic: true })) as [LiveServer, LiveServer];
  const there = await openClient(b.wsUrl, 'x');
  await postCursors(a.apiUrl, { namespace: 'x', cursor: '10' });
  await there.until(() => there.texts.length === 1, 'the first');
  const stale = await postCursors(b.apiUrl, { namespace: 'x', cursor: '9' });
  expect(stale.status).toBe(409);
  expect(stale.json.detail).toContain('at least 10');
  const reset = await postCursors(b.apiUrl, { namespace: 'x', cursor: '9', reset: true });
  expect(reset.status).toBe(200);
  expect(reset.json.results).toEqual([{ namespace: 'x', cursor: '9', reset: true, delivered: 1 }]);
  expect((await postCursors(b.apiUrl, { namespace: 'x', cursor: '9' })).status).toBe(200);
});

test('a server that starts later hands what is newest to clients that are behind', async () => {
  const engine = new MemoryEngine();
  const [a] = (await cluster(1, {}, engine)) as [LiveServer];
  await postCursors(a.apiUrl, [
    { namespace: 'x', cursor: '1000' },
    { namespace: 'x', cursor: '7', reset: true },
  ]);
  const late = await startServer({ backplane: memoryBackplane(engine), resume: true });
  await eventually(
    async () => (await call('GET', `${late.apiUrl}/v1/stats`)).json.remembered === 1,
    'the cursors of the cluster',
  );
  const client = await openClient(late.wsUrl, 'x');
  client.say('{"type":"hello","clientId":"c","cursor":"5"}');
  await client.until(() => client.texts.length === 1, 'what it missed');
  expect(client.texts).toEqual([frame('7')]);
});

test('without a backplane there is no cluster: 404, no word of it in an answer, and reset works all the same', async () => {
  const alone = await startServer({ monotonic: true });
  const answer = await call('GET', `${alone.apiUrl}/v1/cluster`);
  expect(answer.status).toBe(404);
  expect(answer.json.fix).toContain('--cluster');
  await postCursors(alone.apiUrl, { namespace: 'x', cursor: '10' });
  expect((await postCursors(alone.apiUrl, { namespace: 'x', cursor: '9' })).status).toBe(409);
  const reset = await postCursors(alone.apiUrl, { namespace: 'x', cursor: '9', reset: true });
  expect(reset.json).toEqual({ results: [{ namespace: 'x', cursor: '9', reset: true, delivered: 0 }] });
  const wrong = await postCursors(alone.apiUrl, { namespace: 'x', cursor: '9', reset: 1 });
  expect([wrong.status, wrong.json.field]).toEqual([400, '[0].reset']);
});

test('a server that shuts down is no node any more, and its slots are free', async () => {
  const [a, b] = (await cluster(2, { maxConnectionsPerNamespace: 1 })) as [LiveServer, LiveServer];
  await openClient(a.wsUrl, 'x');
  await a.server.close();
  await eventually(
    async () => (await call('GET', `${b.apiUrl}/v1/cluster`)).json.nodes.length === 1,
    'the other one alone',
  );
  const client = await openClient(b.wsUrl, 'x');
  await eventually(() => b.server.stats().connections === 1, 'its client is admitted elsewhere');
  expect(client.closeFrame).toBeUndefined();
});

/** The token is `namespace principal…`. */
const withPrincipals = {
  namespaceProvider: ({ token = '' }: { token?: string | undefined }) => {
    const [namespace = '', ...principalIds] = token.split(' ');
    return { namespace, principalIds };
  },
};

test('a cursor for some principals reaches their clients on all servers, and each server goes by its own clients', async () => {
  const [a, b, c] = (await cluster(3, withPrincipals)) as [LiveServer, LiveServer, LiveServer];
  const bobAtA = await openClient(a.wsUrl, 'x user:bob');
  const aliceAtA = await openClient(a.wsUrl, 'x user:alice');
  const bobAtB = await openClient(b.wsUrl, 'x user:bob');
  const aliceAtB = await openClient(b.wsUrl, 'x user:alice');
  const anybodyAtC = await openClient(c.wsUrl, 'x');
  const aliceAtC = await openClient(c.wsUrl, 'x user:alice');
  const affectedPrincipals = ['user:bob'];
  const posted = await postCursors(a.apiUrl, { namespace: 'x', cursor: '1', affectedPrincipals });
  expect(posted.json.results).toMatchObject([{ delivered: 1 }]);
  a.server.websocketHandler.broadcastCursor('2', 'x', { affectedPrincipals });
  // One whose principals no message can carry goes to everybody elsewhere, rather than to nobody.
  a.server.websocketHandler.broadcastCursor('3', 'x', { affectedPrincipals: ['user:bob', 'a\u001eb'] });
  await bobAtA.received(3);
  await bobAtB.received(3);
  await aliceAtB.received(1);
  await anybodyAtC.received(3);
  await aliceAtC.received(3);
  expect(bobAtA.texts).toEqual(['1', '2', '3'].map(frame));
  expect(aliceAtA.texts).toEqual([]);
  expect(bobAtB.texts).toEqual(['1', '2', '3'].map(frame));
  expect(aliceAtB.texts).toEqual([frame('3')]);
  for (const client of [anybodyAtC, aliceAtC]) expect(client.texts).toEqual(['1', '2', '3'].map(frame));
});

test('clients are closed wherever they are, by each way, and their ids are unique in the cluster', async () => {
  const [a, b] = (await cluster(2, withPrincipals)) as [LiveServer, LiveServer];
  const open = async () => [
    await openClient(a.wsUrl, 'x user:bob'),
    await openClient(b.wsUrl, 'x user:bob'),
    await openClient(b.wsUrl, 'y user:eve'),
  ];
  const listed = async ({ apiUrl }: LiveServer) => (await call('GET', `${apiUrl}/v1/clients`)).json.clients;
  const closed = async (path: string) => (await call('DELETE', `${a.apiUrl}${path}`)).json;
  const both = { nodes: 2, replicated: true };

  const first = await open();
  const ids = [...(await listed(a)), ...(await listed(b))].map(({ id }) => id);
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-\d+$/);
  for (const id of ids) expect(await closed(`/v1/clients/${id}`)).toEqual({ closed: 1, ...both });
  for (const client of first) expect((await client.closed()).code).toBe(4403);
  expect((await call('DELETE', `${a.apiUrl}/v1/clients/${ids[1]}`)).status).toBe(404);

  const second = await open();
  expect(await closed('/v1/namespaces/x/clients?code=4001')).toEqual({ closed: 2, ...both });
  for (const client of second.slice(0, 2)) expect((await client.closed()).code).toBe(4001);
  expect(await closed('/v1/clients?principal=user:eve')).toEqual({ closed: 1, ...both });
  expect((await second[2]?.closed())?.code).toBe(4403);

  const third = await open();
  expect(a.server.websocketHandler.closeNamespace('y')).toBe(0);
  expect(a.server.websocketHandler.closePrincipal('user:bob', { reason: 'Left' })).toBe(1);
  for (const client of third) expect((await client.closed()).code).toBe(4403);
});

test('with the engine away, clients here are closed, and the answer says that others may have some', async () => {
  const engine = new MemoryEngine();
  const { connect } = engine;
  let isAway = false;
  Object.assign(engine, {
    connect: (...args: Parameters<typeof connect>) =>
      isAway ? Promise.reject(new Error('away')) : connect(...args),
  });
  const [a, b] = (await cluster(2, withPrincipals, engine)) as [LiveServer, LiveServer];
  const here = await openClient(a.wsUrl, 'x');
  const there = await openClient(b.wsUrl, 'x');
  isAway = true;
  engine.disconnect('for a test');
  const { status, json } = await call('DELETE', `${a.apiUrl}/v1/namespaces/x/clients`);
  expect([status, json]).toEqual([202, { closed: 1, nodes: 1, replicated: false }]);
  expect((await here.closed()).code).toBe(4403);
  await there.roundTrip();
});
