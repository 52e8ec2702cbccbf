import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { ended, untilGone } from '../support/process-tree.js';
import { clientsAtBoth, WORKERS, workersOf } from '../support/serve-workers.js';

const GOING_AWAY = { code: 1001, reason: 'Going Away' };

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('the end of serve --workers', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s closes the clients of all workers with 1001, and it exits with 0',
    async (signal) => {
      const serve = await startServe(WORKERS);
      const clients = await clientsAtBoth(serve, 'user:alice');
      const workers = await workersOf(serve);
      serve.kill(signal);
      for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
      expect(await serve.ended()).toEqual({ code: 0, signal: null });
      await untilGone(workers);
      const { length } = clients;
      expect(serve.stderr).toMatch(new RegExp(`${signal}: closing ${length} clients with 1001`));
      expect(serve.stderr).toMatch(
        new RegExp(`stopped: ${length} sockets ended; ${length} clients left with 1001\n$`),
      );
    },
  );

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
});
