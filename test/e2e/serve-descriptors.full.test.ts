import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { ServerStats } from '../../src/server/health/statistics.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { connectClient, disposeLive } from '../support/live-server.js';
import type { RawClient } from '../support/raw-client.js';
import { WORKERS, workersOf } from '../support/serve-workers.js';

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('out of file descriptors', () => {
  test.each([
    ['a server', []],
    ['a server with workers', WORKERS],
  ])('%s keeps its clients, and answers on connections that it has', async (_, flags) => {
    const serve = await startServe([...flags, '--max-connections-per-namespace', '1000'], {
      descriptors: 120,
    });
    const workers = flags.length === 0 ? [] : await workersOf(serve);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const stats = async () => {
      const [response] = (await once(get(`${serve.apiUrl}/v1/stats`, { agent }), 'response')) as [
        IncomingMessage,
      ];
      return [response.statusCode, (await json(response)) as ServerStats] as const;
    };
    expect((await stats())[0]).toBe(200);
    const clients: RawClient[] = [];
    while (!/Out of file descriptors/.test(serve.stderr)) {
      // Dropped at once where there is no descriptor, so this ends.
      const client = await connectClient(serve.wsUrl, { token: 'a' }).catch(() => undefined);
      if (client?.isOpen) clients.push(client);
    }
    expect(clients.length).toBeGreaterThan(30);
    // The statistics of workers are reported once a second.
    for (let second = 0; second < 3; second++) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      for (const client of clients) await client.roundTrip();
    }
    const [status, { connections, process }] = await stats();
    expect([status, connections]).toEqual([200, clients.length]);
    expect(process.rssBytes).toBeGreaterThan(0);
    expect(serve.stderr).not.toMatch(/uncaught error|ended with/);
    if (flags.length > 0) expect(await workersOf(serve)).toEqual(workers);
  });
});
