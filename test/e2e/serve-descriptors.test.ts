import { afterAll, describe, expect, test } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { connectClient, disposeLive } from '../support/live-server.js';
import type { RawClient } from '../support/raw-client.js';
import { clientsOf, WORKERS, workersOf } from '../support/serve-workers.js';

// They wait at the same time.
afterAll(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('a worker that is nearly out of file descriptors', () => {
  /** A server with two workers, and ways to connect to it. */
  async function start() {
    const serve = await startServe([...WORKERS, '--max-connections-per-namespace', '1000'], {
      descriptors: 150,
    });
    const [first, second] = (await workersOf(serve)).map(({ pid }) => pid) as [number, number];
    const open = async (count: number) => {
      const clients: RawClient[] = [];
      while (clients.length < count) {
        const client = await connectClient(serve.wsUrl, { token: 'a' });
        expect(client.isOpen).toBe(true);
        clients.push(client);
      }
      return clients;
    };
    /** Opens clients of one worker, while the other stands still. */
    const openAt = async (worker: number, count: number) => {
      const other = worker === first ? second : first;
      process.kill(other, 'SIGSTOP');
      try {
        return await open(count);
      } finally {
        process.kill(other, 'SIGCONT');
      }
    };
    /** Clients leave; `left` stay. */
    const leave = async (clients: readonly RawClient[], left: number) => {
      for (const client of clients) client.destroy();
      // A full server drops the request that asks.
      const total = async () => (await clientsOf(serve).catch(() => undefined))?.total;
      await eventually(async () => (await total()) === left, 'clients that have left');
    };
    return { serve, first, second, open, openAt, leave };
  }

  test.concurrent('leaves new connections to a worker with room for them, and accepts again when clients have left', async () => {
    const { serve, first, open, openAt, leave } = await start();
    const atFirst = await openAt(first, 80);
    // Taken in turn, they would be more than the first worker has descriptors for.
    const others = await open(90);
    for (const client of [...atFirst, ...others]) await client.roundTrip();
    expect(serve.stderr).toMatch(/A worker has hardly a file descriptor left/);
    expect(serve.stderr).not.toMatch(/Out of file descriptors/);
    await leave(atFirst, others.length);
    await openAt(first, 20);
  });

  test.concurrent('accepts while no worker has room, and no longer when another has', async () => {
    const { serve, first, second, open, openAt, leave } = await start();
    const atFirst = await openAt(first, 80);
    const atSecond = await openAt(second, 80);
    const others: RawClient[] = [];
    while (!/Out of file descriptors/.test(serve.stderr)) {
      const client = await connectClient(serve.wsUrl, { token: 'a' }).catch(() => undefined);
      if (client?.isOpen) others.push(client);
    }
    await leave(atSecond, atFirst.length + others.length);
    for (const client of await open(30)) await client.roundTrip();
  });
});
