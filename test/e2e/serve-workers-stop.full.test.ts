import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { ended, untilGone } from '../support/process-tree.js';
import type { RawClient } from '../support/raw-client.js';
import { clientsAtBoth, clientsOf, WORKERS, workersOf } from '../support/serve-workers.js';

const GOING_AWAY = { code: 1001, reason: 'Going Away' };

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('the end of serve --workers', () => {
  test('SIGINT closes the clients of all workers with 1001, and it exits with 0', async () => {
    const serve = await startServe(WORKERS);
    const clients = await clientsAtBoth(serve, 'user:alice');
    serve.kill('SIGINT');
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    expect(serve.stderr).toMatch(new RegExp(`SIGINT: closing ${clients.length} clients with 1001`));
  });

  test('when its process is killed, no worker is left, and the port is free', async () => {
    const serve = await startServe(WORKERS);
    const client = await openClient(serve.wsUrl, 'user:alice');
    const workers = await workersOf(serve);
    serve.kill('SIGKILL');
    for (const { pid } of workers) await ended(pid);
    await client.gone();
    const port = Number(new URL(serve.apiUrl).port);
    // A killed process may take a moment to give back its descriptors.
    await eventually(async () => {
      const server = createServer().listen(port, '127.0.0.1');
      const isFree = await Promise.race([
        once(server, 'listening').then(() => true),
        once(server, 'error').then(() => false),
      ]).catch(() => false);
      server.close();
      return isFree;
    }, 'the port is free');
  });

  test('a second signal ends all of it at once', async () => {
    const serve = await startServe([...WORKERS, '--close-timeout', '10m', '--shutdown-timeout', '10m']);
    await openClient(serve.wsUrl, 'user:alice', { answersClose: false });
    const workers = await workersOf(serve);
    serve.kill('SIGTERM');
    await serve.logged(/SIGTERM: closing 1 client/);
    serve.kill('SIGTERM');
    expect((await serve.ended()).code).toBe(143);
    await untilGone(workers);
  });

  test('POST /v1/drain drains all workers: not ready from then on, and it ends with 0', async () => {
    const serve = await startServe([...WORKERS, '--close-timeout', '10m', '--shutdown-timeout', '10m']);
    const clients = await clientsAtBoth(serve, 'user:alice');
    const stays = await openClient(serve.wsUrl, 'user:bob', { answersClose: false });
    const answer = await call('POST', `${serve.apiUrl}/v1/drain`, {
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([answer.status, answer.json]).toEqual([202, { connections: clients.length + 1, drainMs: 0 }]);
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
    await stays.closed();
    // The worker of that client still answers every request.
    for (let i = 0; i < 5; i++) expect((await call('GET', `${serve.apiUrl}/readyz`)).status).toBe(503);
    await stays.destroy();
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    expect(serve.stderr.match(/POST \/v1\/drain/g)).toHaveLength(1);
  });

  test('in a drain, cursors are taken by all workers as long as one of them has clients', async () => {
    const serve = await startServe([...WORKERS, '--drain', '10m']);
    const byNamespace = new Map<string, RawClient>();
    const workerOf = async () => {
      const { clients } = await clientsOf(serve);
      return new Map(clients.map(({ id, namespace }) => [namespace, Number(id) % 2]));
    };
    await eventually(async () => {
      const namespace = `user:${byNamespace.size}`;
      byNamespace.set(namespace, await openClient(serve.wsUrl, namespace));
      const workers = [...(await workerOf()).values()];
      return [0, 1].every((worker) => workers.filter((one) => one === worker).length >= 3);
    }, 'three clients at each worker');
    const workers = await workerOf();
    serve.kill('SIGTERM');
    await serve.logged(new RegExp(`SIGTERM: draining ${byNamespace.size} clients`));
    // All of one worker leave, and some of the other stay.
    for (const [namespace, client] of byNamespace) if (workers.get(namespace) === 0) await client.destroy();
    await eventually(
      async () => [...(await workerOf()).values()].every((worker) => worker === 1),
      'one worker is empty',
    );
    const [namespace] = await workerOf();
    if (namespace === undefined) throw new Error('A client should be there');
    for (let cursor = 1; cursor <= 8; cursor++) {
      const { status, json } = await postCursors(serve.apiUrl, {
        namespace: namespace[0],
        cursor: String(cursor),
      });
      expect([status, json.results?.[0].delivered]).toEqual([200, 1]);
    }
    for (const client of byNamespace.values()) await client.destroy();
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
  });
});
