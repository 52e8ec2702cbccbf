import { afterEach, describe, expect } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, type ServeProcess, startServe } from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient } from '../support/live-server.js';
import { metricsOf } from '../support/metrics.js';
import type { RawClient } from '../support/raw-client.js';
import { disposeRedis, type RedisServer, startRedis, withRedis } from '../support/redis-server.js';
import { clientsAtBoth, clientsOf, WORKERS, workersOf } from '../support/serve-workers.js';

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
  await disposeRedis();
});

const frame = (cursor: number | string) => `{"type":"cursor","cursor":"${cursor}"}`;
const clusterOf = async ({ apiUrl }: ServeProcess) => (await call('GET', `${apiUrl}/v1/cluster`)).json;
const untilState = async (servers: readonly ServeProcess[], state: string) => {
  for (const serve of servers)
    await eventually(async () => (await clusterOf(serve)).state === state, `${state}`);
};

/** Two servers of two workers each, and their engine. */
async function twoNodes({ flags = [], timeout = '5s' }: { flags?: string[]; timeout?: string } = {}) {
  const redis = await startRedis();
  const env = { DATAFN_WS_CLUSTER: redis.url };
  // A busy machine takes longer to acknowledge than the second that it has by default.
  const start = () => startServe([...WORKERS, '--cluster-timeout', timeout, ...flags], { env });
  const servers = (await Promise.all([start(), start()])) as [ServeProcess, ServeProcess];
  for (const serve of servers)
    await eventually(async () => (await clusterOf(serve)).nodes.length === 2, 'both servers');
  return { redis, servers };
}

/** Connections of servers to their engine. */
async function linksTo(redis: RedisServer): Promise<number> {
  return (await redis.command('CLIENT', 'LIST')).match(/ name=datafn-ws /g)?.length ?? 0;
}

describe('serve --workers with --cluster', () => {
  withRedis('a cursor reaches the clients of every worker of all servers, once and in order', async () => {
    const { redis, servers } = await twoNodes();
    const [a, b] = servers;
    expect(await linksTo(redis)).toBe(2);
    const [here, there] = [await clientsAtBoth(a, 'user:alice'), await clientsAtBoth(b, 'user:alice')];
    const bob = await openClient(b.wsUrl, 'user:bob');
    for (let cursor = 1; cursor <= 20; cursor++) {
      const { status, json } = await postCursors(a.apiUrl, {
        namespace: 'user:alice',
        cursor: String(cursor),
      });
      expect([status, json]).toEqual([
        200,
        {
          results: [{ namespace: 'user:alice', cursor: String(cursor), delivered: here.length }],
          replicated: true,
          nodes: 2,
        },
      ]);
    }
    const all = Array.from({ length: 20 }, (_, i) => frame(i + 1));
    for (const client of [...here, ...there]) expect(await client.received(20)).toEqual(all);
    for (const client of [...here, ...there, bob]) await client.roundTrip();
    for (const client of [...here, ...there]) expect(client.texts).toEqual(all);
    expect(bob.texts).toEqual([]);

    // What each says is what one server of one process would say.
    const connections = [here.length, there.length + 1];
    await eventually(async () => {
      const { nodes } = await clusterOf(a);
      return nodes.map((node: { connections: number }) => node.connections).join() === connections.join();
    }, 'the clients of both');
    for (const [serve, count, broadcasts] of [
      [a, here.length, 20],
      [b, there.length, 0],
    ] as const) {
      const { json: stats } = await call('GET', `${serve.apiUrl}/v1/stats`);
      expect(stats).toMatchObject({ broadcasts, deliveries: 20 * count, highestCursor: '20' });
      await serve.logged(new RegExp(`cursor 20 to user:alice: ${count} clients`));
      expect(serve.stderr.match(/cursor 7 to user:alice: .*/g)).toEqual([
        `cursor 7 to user:alice: ${count} clients`,
      ]);
    }
    const [ofA, ofB] = [await metricsOf(`${a.apiUrl}/metrics`), await metricsOf(`${b.apiUrl}/metrics`)];
    const counted = ({ of }: typeof ofA) =>
      ['published', 'received', 'caught_up'].map((name) => of(`backplane_cursors_${name}_total`));
    expect([ofA.of('backplane_nodes'), counted(ofA), counted(ofB)]).toEqual([2, [20, 0, 0], [0, 20, 0]]);

    // Clients are named and closed wherever they are.
    const [idsOfA, idsOfB] = [await clientsOf(a), await clientsOf(b)].map(({ clients }) =>
      clients.map(({ id }) => id),
    ) as [string[], string[]];
    expect(new Set([...idsOfA, ...idsOfB]).size).toBe(here.length + there.length + 1);
    const [one = ''] = idsOfB;
    const kicked = await call('DELETE', `${a.apiUrl}/v1/clients/${one}`);
    expect(kicked.json).toEqual({ closed: 1, nodes: 2, replicated: true });
    const { json } = await call('DELETE', `${a.apiUrl}/v1/namespaces/user%3Aalice/clients`);
    expect(json).toEqual({ closed: here.length + there.length - 1, nodes: 2, replicated: true });
    for (const client of [...here, ...there]) expect((await client.closed()).code).toBe(4403);
    await bob.roundTrip();
  });

  withRedis(
    'a namespace admits exactly its limit over all servers, in whatever order clients come',
    async () => {
      const { servers } = await twoNodes({ flags: ['--max-connections-per-namespace', '10'] });
      for (let round = 1; round <= 5; round++) {
        const clients = await Promise.all(
          Array.from({ length: 40 }, (_, i) =>
            connectClient((servers[i % 2] as ServeProcess).wsUrl, { token: 'x' }),
          ),
        );
        const stats = async () =>
          Promise.all(servers.map(async ({ apiUrl }) => (await call('GET', `${apiUrl}/v1/stats`)).json));
        await eventually(async () => {
          const all = await stats();
          return all.reduce((sum, { accepted, rejected }) => sum + accepted + rejected, 0) === 40 * round;
        }, 'an answer to each');
        expect((await stats()).reduce((sum, { connections }) => sum + connections, 0)).toBe(10);
        const refused = clients.filter(({ closeFrame }) => closeFrame !== undefined);
        expect(new Set(refused.map(({ closeFrame }) => closeFrame?.reason))).toEqual(
          new Set(['Namespace connection limit reached']),
        );
        await Promise.all(clients.map((client) => client.destroy()));
        await eventually(
          async () => (await stats()).every(({ connections }) => connections === 0),
          'all are gone',
        );
      }
    },
  );

  withRedis(
    'an engine that is killed and comes back empty: all hear the newest, and the log says it once',
    async () => {
      const { redis, servers } = await twoNodes({ timeout: '1s' });
      const [a, b] = servers;
      const [here, there] = [await clientsAtBoth(a, 'x'), await clientsAtBoth(b, 'x')];
      await postCursors(a.apiUrl, { namespace: 'x', cursor: '1' });
      for (const client of [...here, ...there]) await client.received(1);
      await redis.kill();
      await untilState(servers, 'down');
      for (let cursor = 2; cursor <= 5; cursor++) {
        const { status, json } = await postCursors(a.apiUrl, { namespace: 'x', cursor: String(cursor) });
        expect([status, json.replicated, json.results[0].delivered]).toEqual([202, false, here.length]);
      }
      for (const { apiUrl } of servers) expect((await call('GET', `${apiUrl}/readyz`)).status).toBe(200);
      await redis.start();
      await untilState(servers, 'up');
      for (const client of here) expect(await client.received(5)).toEqual([1, 2, 3, 4, 5].map(frame));
      for (const client of there) expect(await client.received(2)).toEqual([1, 5].map(frame));
      expect(await redis.command('HGET', '{datafn-ws}:cursors', 'x')).toMatch(/:5\r\n$/);
      for (const serve of servers) {
        await serve.logged(/The engine of the cluster is back/);
        expect(serve.stderr.match(/The engine of the cluster .*/g)).toEqual([
          expect.stringContaining('is away'),
          // The one that was back first had nothing to catch up with by then.
          expect.stringMatching(/\d cursors? caught up/),
        ]);
      }
      // No client hears anything twice, now that all know each other again.
      await eventually(async () => (await clusterOf(a)).nodes.length === 2, 'both servers');
      await postCursors(b.apiUrl, { namespace: 'x', cursor: '6' });
      for (const client of here) expect((await client.received(6)).at(-1)).toBe(frame(6));
      for (const client of there) expect(await client.received(3)).toEqual([1, 5, 6].map(frame));
    },
  );

  withRedis(
    'a worker that is killed gives its slots back to the cluster; who comes back hears the newest',
    async () => {
      const { servers } = await twoNodes({ flags: ['--resume', '--max-connections-per-namespace', '30'] });
      const [a, b] = servers;
      const clients = await clientsAtBoth(a, 'x');
      const elsewhere: RawClient[] = [];
      while (clients.length + elsewhere.length < 30) elsewhere.push(await openClient(b.wsUrl, 'x'));
      expect((await (await connectClient(b.wsUrl, { token: 'x' })).closed()).code).toBe(4503);
      await postCursors(b.apiUrl, { namespace: 'x', cursor: '1' });
      for (const client of clients) await client.received(1);
      const [victim] = await workersOf(a);
      process.kill(victim?.pid as number, 'SIGKILL');
      await a.logged(/worker \d \(process \d+\) serves/);
      await postCursors(b.apiUrl, { namespace: 'x', cursor: '2' });
      const left = clients.filter((client) => client.isOpen);
      const lost = clients.length - left.length;
      expect(lost).toBeGreaterThan(0);
      for (const client of [...left, ...elsewhere]) expect((await client.received(2)).at(-1)).toBe(frame(2));

      // Exactly as many as were lost find room, at the other server and at the new worker.
      const back = await Promise.all(
        Array.from({ length: lost + 5 }, (_, i) =>
          connectClient((servers[i % 2] as ServeProcess).wsUrl, { token: 'x' }),
        ),
      );
      await eventually(
        () => back.filter(({ closeFrame }) => closeFrame !== undefined).length === 5,
        'five are refused',
      );
      for (const client of back.filter(({ closeFrame }) => closeFrame === undefined)) {
        client.say('{"type":"hello","clientId":"back","cursor":"1"}');
        expect(await client.received(1)).toEqual([frame(2)]);
      }
      const open = [...(await clientsOf(a)).clients, ...(await clientsOf(b)).clients];
      expect(open).toHaveLength(30);
      expect(new Set(open.map(({ id }) => id)).size).toBe(30);
    },
  );

  withRedis(
    'with --cluster-required, no client of any worker hears what the engine did not take',
    async () => {
      const { redis, servers } = await twoNodes({ flags: ['--cluster-required'], timeout: '1s' });
      const [a] = servers;
      const clients = await clientsAtBoth(a, 'x');
      await redis.kill();
      await untilState(servers, 'down');
      expect((await postCursors(a.apiUrl, { namespace: 'x', cursor: '1' })).status).toBe(503);
      await redis.start();
      await untilState(servers, 'up');
      await eventually(
        async () => (await postCursors(a.apiUrl, { namespace: 'x', cursor: '2' })).status === 200,
        'it is taken',
      );
      for (const client of clients) {
        await client.until(() => client.texts.includes(frame(2)), 'the second');
        expect(client.texts).not.toContain(frame(1));
      }
    },
  );

  withRedis('a server that is shut down leaves the cluster at once, and its slots are free', async () => {
    const { redis, servers } = await twoNodes({ flags: ['--max-connections-per-namespace', '4'] });
    const [a, b] = servers;
    const clients = await Promise.all(Array.from({ length: 4 }, () => openClient(a.wsUrl, 'x')));
    a.kill('SIGTERM');
    for (const client of clients) expect((await client.closed()).code).toBe(1001);
    expect((await a.ended()).code).toBe(0);
    // Not when its lease ends.
    expect(await redis.command('SCARD', '{datafn-ws}:nodes')).toBe(':1\r\n');
    await eventually(async () => (await linksTo(redis)) === 1, 'the end of its link');
    await Promise.all(Array.from({ length: 4 }, () => openClient(b.wsUrl, 'x')));
    await eventually(async () => (await clientsOf(b)).total === 4, 'all of them');
    await eventually(async () => (await clusterOf(b)).nodes.length === 1, 'one server');
  });
});
