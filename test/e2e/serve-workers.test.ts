import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient } from '../support/live-server.js';
import { type ProcessEntry, untilChildren } from '../support/process-tree.js';
import type { RawClient } from '../support/raw-client.js';
import { clientsAtBoth, clientsOf, WORKERS, workersOf } from '../support/serve-workers.js';

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('serve --workers', () => {
  test('a cursor that is emitted anywhere reaches the clients of all workers, and is counted once', async () => {
    const serve = await startServe(WORKERS);
    const clients = await clientsAtBoth(serve, 'user:alice');
    const bob = await openClient(serve.wsUrl, 'user:bob');
    // Each emit is a connection of its own, so that either worker gets some.
    for (let cursor = 1; cursor <= 10; cursor++) {
      const { json } = await postCursors(serve.apiUrl, { namespace: 'user:alice', cursor: String(cursor) });
      expect(json.results).toEqual([
        { namespace: 'user:alice', cursor: String(cursor), delivered: clients.length },
      ]);
    }
    const heard = Array.from({ length: 10 }, (_, i) => `{"type":"cursor","cursor":"${i + 1}"}`);
    for (const client of clients) expect(await client.received(10)).toEqual(heard);
    await bob.roundTrip();
    expect(bob.texts).toEqual([]);

    const total = clients.length + 1;
    const { json: stats } = await call('GET', `${serve.apiUrl}/v1/stats`);
    expect(stats).toMatchObject({
      connections: total,
      namespaces: 2,
      accepted: total,
      broadcasts: 10,
      deliveries: 10 * clients.length,
      highestCursor: '10',
      process: { pid: serve.pid },
    });
    const { json: listed } = await call('GET', `${serve.apiUrl}/v1/namespaces`);
    expect(
      listed.namespaces.toSorted((a: { namespace: string }, b: { namespace: string }) =>
        a.namespace.localeCompare(b.namespace),
      ),
    ).toEqual([
      { namespace: 'user:alice', connections: clients.length },
      { namespace: 'user:bob', connections: 1 },
    ]);
    const ids = (await clientsOf(serve)).clients.map(({ id }) => id);
    expect(new Set(ids).size).toBe(total);
    const { json: cluster } = await call('GET', `${serve.apiUrl}/v1/cluster`);
    expect(cluster).toMatchObject({ state: 'up', nodes: [{}, {}] });
    expect(serve.stderr.match(/cursor 1 to user:alice: .*/g)).toEqual([
      `cursor 1 to user:alice: ${clients.length} clients`,
    ]);
    await serve.logged(new RegExp(`user:bob connected, ${total} open`));
  });

  test('a namespace admits exactly its limit, over all workers, in whatever order clients come and go', async () => {
    const serve = await startServe([...WORKERS, '--max-connections-per-namespace', '5']);
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(
        Array.from({ length: 12 }, () => connectClient(serve.wsUrl, { token: 'user:alice' })),
      );
      await eventually(async () => {
        const { json } = await call('GET', `${serve.apiUrl}/v1/stats`);
        return json.accepted + json.rejected === 12 * (round + 1);
      }, 'all clients are admitted or refused');
      expect((await clientsOf(serve)).total).toBe(5);
      await Promise.all(clients.map((client) => client.destroy()));
      await eventually(async () => (await clientsOf(serve)).total === 0, 'all are gone');
    }
    const { json } = await call('GET', `${serve.apiUrl}/v1/stats`);
    expect([json.accepted, json.refused]).toEqual([25, { 4503: 35 }]);
  });

  test('a worker that is killed is replaced; the others serve on; clients that come back hear the newest; no slot is lost', async () => {
    const serve = await startServe([...WORKERS, '--resume', '--max-connections-per-namespace', '40']);
    const clients = await clientsAtBoth(serve, 'user:alice');
    await postCursors(serve.apiUrl, { namespace: 'user:alice', cursor: '41' });
    await Promise.all(clients.map((client) => client.received(1)));
    const before = await workersOf(serve);
    const [victim] = before as [ProcessEntry, ProcessEntry];
    process.kill(victim.pid, 'SIGKILL');
    await serve.logged(/worker \d \(process \d+\) ended with SIGKILL: \d+ clients? disconnected/);
    // Those of the other worker are there, and nothing is lost meanwhile.
    expect((await postCursors(serve.apiUrl, { namespace: 'user:alice', cursor: '42' })).status).toBe(200);
    const left = clients.filter((client) => client.isOpen);
    expect(left.length).toBeGreaterThan(0);
    for (const client of left) expect((await client.received(2))[1]).toContain('"42"');

    await serve.logged(/worker \d \(process \d+\) serves/);
    const after = await workersOf(serve);
    expect(after.map(({ pid }) => pid)).not.toContain(victim.pid);
    const { json: stats } = await call('GET', `${serve.apiUrl}/v1/stats`);
    const ended = Object.values(stats.closed as Record<string, number>).reduce(
      (sum, count) => sum + count,
      0,
    );
    expect(stats.accepted).toBe(stats.connections + ended);

    // The new one has had a snapshot: a client that says hello to it with an older cursor is sent the newest.
    const returned: RawClient[] = [];
    await eventually(async () => {
      const client = await openClient(serve.wsUrl, 'user:alice');
      returned.push(client);
      const workers = (await clientsOf(serve)).clients.map(({ id }) => Number(id) % 2);
      return new Set(workers).size === 2;
    }, 'clients at both workers again');
    for (const client of returned) {
      client.say('{"type":"hello","clientId":"back","cursor":"41"}');
      expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"42"}']);
    }
    // The limit is exact afterwards.
    const open = (await clientsOf(serve)).total;
    const more = await Promise.all(
      Array.from({ length: 45 - open }, () => connectClient(serve.wsUrl, { token: 'user:alice' })),
    );
    await eventually(() => more.filter((client) => !client.isOpen).length === 5, 'five are refused');
    expect((await clientsOf(serve)).total).toBe(40);
  });

  test('without it, there is no other process', async () => {
    const serve = await startServe();
    await openClient(serve.wsUrl, 'user:alice');
    expect(await untilChildren(serve.pid, (children) => children.length === 0)).toEqual([]);
    serve.kill('SIGTERM');
    expect((await serve.ended()).code).toBe(0);
  });
});
