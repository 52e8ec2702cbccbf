import { afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { disposeLive } from '../support/live-server.js';
import { untilGone } from '../support/process-tree.js';
import { clientsAtBoth, WORKERS, workersOf } from '../support/serve-workers.js';

const GOING_AWAY = { code: 1001, reason: 'Going Away' };

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('the end of serve --workers', () => {
  test('SIGTERM closes the clients of all workers with 1001, and it exits with 0', async () => {
    const serve = await startServe(WORKERS);
    const clients = await clientsAtBoth(serve, 'user:alice');
    const workers = await workersOf(serve);
    serve.kill('SIGTERM');
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    await untilGone(workers);
    const { length } = clients;
    expect(serve.stderr).toMatch(new RegExp(`SIGTERM: closing ${length} clients with 1001`));
    expect(serve.stderr).toMatch(
      new RegExp(`stopped: ${length} sockets ended; ${length} clients left with 1001\n$`),
    );
  });
});
