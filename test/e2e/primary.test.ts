import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { MemoryEngine, memoryBackplane } from '../../src/backplane/memory.js';
import { completeOptions } from '../../src/options/complete.js';
import { serverTable } from '../../src/options/server-options.js';
import { Primary, type PrimaryOptions } from '../../src/workers/primary.js';
import { RecordedNode } from '../backplane/recorded-node.js';
import { Waiters } from '../support/deadline.js';
import { call } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { childrenOf, untilChildren } from '../support/process-tree.js';
import type { RawClient } from '../support/raw-client.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// The primary in this process, with worker processes.

const { folder } = temporaryFolder('primary');
const primaries = new Set<Primary>();

afterEach(async () => {
  await disposeLive();
  await Promise.all([...primaries].map((primary) => primary.close({ drainMs: 0 })));
  primaries.clear();
});

/** A primary whose log and events can be waited for. */
function created(options: Partial<PrimaryOptions> & { readonly host?: string; readonly port?: number } = {}) {
  const { host = '127.0.0.1', port = 0, ...others } = options;
  const waiters = new Waiters();
  const [happened, ids] = [[] as string[], [] as number[]];
  const happens = (what: string) => {
    happened.push(what);
    waiters.changed();
  };
  const logger = new (class extends RecordingLogger {
    override error(message: string, context?: Record<string, unknown>): void {
      super.error(message, context);
      happens(message);
    }
  })();
  const primary = new Primary({
    settings: completeOptions(serverTable, { host, port, heartbeatIntervalMs: 0, shutdownTimeoutMs: 10_000 }),
    workers: 2,
    version: 'test',
    auth: { kind: 'dev' },
    tls: undefined,
    cluster: undefined,
    logger,
    levels: ['warn', 'error'],
    observer: {
      connected: ({ id }) => {
        ids.push(id);
        happens('connected');
      },
    },
    onOutput: () => {},
    workerDied: ({ worker, how }) => happens(`worker ${worker} died: ${how}`),
    workerCrashed: ({ worker }) => happens(`worker ${worker} crashed`),
    workerReplaced: ({ worker }) => happens(`worker ${worker} serves`),
    ...others,
  });
  primaries.add(primary);
  const until = (what: string, times = 1) =>
    waiters.until(
      () => happened.filter((one) => one === what).length >= times,
      () => `${times} × ${what}, got ${JSON.stringify(happened)}`,
    );
  /** Opens clients of a namespace until each worker has one. */
  const openAtBoth = async (wsUrl: string, namespace: string) => {
    const clients: RawClient[] = [];
    do {
      clients.push(await openClient(wsUrl, namespace));
      await until('connected', clients.length);
    } while (new Set(ids.map((id) => id % 2)).size < 2);
    return clients;
  };
  return { primary, logger, until, openAtBoth };
}

test('clients of all workers are counted, closed by another server of the cluster, and drained together', async () => {
  const engine = new MemoryEngine();
  const elsewhere = new RecordedNode(memoryBackplane(engine)).start();
  const { primary, openAtBoth } = created({
    cluster: { backplane: memoryBackplane(engine), timeoutMs: 1000 },
  });
  try {
    await elsewhere.untilState('up');
    const { wsUrl, apiUrl } = await primary.listen();
    const clients = await openAtBoth(wsUrl, 'user:alice');
    const { length } = clients;
    expect([primary.connectionCount, (await primary.stats()).connections]).toEqual([length, length]);
    const { json: view } = await call('GET', `${apiUrl}/v1/cluster`);
    expect(view.nodes.find(({ isSelf }: { isSelf: boolean }) => isSelf)).toMatchObject({
      connections: length,
    });
    const kick = { id: undefined, principal: undefined, code: 4403, reason: 'Go' };
    const kicked = await elsewhere.backplane.kick?.({ ...kick, namespace: 'user:alice' });
    expect(kicked?.closed).toBe(length);
    for (const client of clients) expect(await client.closed()).toEqual({ code: 4403, reason: 'Go' });

    const bob = await openClient(wsUrl, 'user:bob');
    const drained = await call('POST', `${apiUrl}/v1/drain`, {
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([drained.status, drained.json]).toEqual([202, { connections: 1, drainMs: 0 }]);
    expect(await bob.closed()).toEqual({ code: 1001, reason: 'Going Away' });
    expect(await primary.closed).toEqual({ left: 1, cut: 0, goneAway: 1 });
  } finally {
    await elsewhere.backplane.close();
  }
});

test('a start fails with what a worker says, and leaves no worker behind', async () => {
  const file = join(folder, 'missing.mjs');
  const { primary } = created({ auth: { kind: 'module', file } });
  const before = new Set(childrenOf(process.pid).map(({ pid }) => pid));
  await expect(primary.listen()).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
    message: expect.stringContaining('missing.mjs'),
  });
  await untilChildren(process.pid, (children) => children.every(({ pid }) => before.has(pid)));
});

test('a worker that cannot be started in place of one that died is said to be so, and tried again', async () => {
  const file = join(folder, 'provider.mjs');
  const works = 'export const getNamespace = ({ token }) => token;';
  writeFileSync(file, works);
  const { primary, logger, until } = created({ auth: { kind: 'module', file } });
  const before = new Set(childrenOf(process.pid).map(({ pid }) => pid));
  const { wsUrl } = await primary.listen();
  writeFileSync(file, 'throw new Error("no provider today")');
  const victim = childrenOf(process.pid).find(
    ({ pid, command }) => !before.has(pid) && /worker/.test(command),
  );
  process.kill(victim?.pid ?? 0, 'SIGKILL');
  await until('A worker could not be started');
  expect(logger.entries.at(-1)?.context).toEqual({ error: expect.stringContaining('no provider today') });
  // The other one serves on.
  await (await openClient(wsUrl, 'user:alice')).roundTrip();
  writeFileSync(file, works);
  await Promise.race([until('worker 1 serves'), until('worker 2 serves')]);
});

test('another program at the other address of localhost is warned of, since its clients may end up there', async () => {
  for (let isTaken = true; isTaken; ) {
    const other = createServer().listen(0, '::1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { primary, logger } = created({ host: 'localhost', port, workers: 1 });
    const refusal = await primary.listen().then(
      () => undefined,
      ({ message }: Error) => message,
    );
    other.close();
    // Another test may have got the port at 127.0.0.1 meanwhile.
    isTaken = refusal?.includes('already in use') === true;
    if (isTaken) continue;
    expect(refusal).toBeUndefined();
    expect(logger.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining(`Another program listens on port ${port} of ::1`),
    ]);
  }
});
