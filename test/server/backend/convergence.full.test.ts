import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { BackendCaller } from '../../support/backend-call.js';
import { DatafnClient } from '../../support/datafn-client.js';
import { disposeLive, startServer } from '../../support/live-server.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-converge-'));
const clients: DatafnClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.stop();
  await disposeLive();
  rmSync(folder, { recursive: true, force: true });
});

const CLIENTS = 20;

/** Each writes rows of its own, changes one that all share, and deletes one of its own again. */
function editAll(round: number): void {
  for (const [index, client] of clients.entries()) {
    client.edit('insert', `task:${round}-${index}`, { round, index });
    client.edit('insert', `gone:${round}-${index}`);
    client.edit('merge', 'task:shared', { round, index });
    client.edit('delete', `gone:${round}-${index}`);
  }
}

test('20 clients, old and new ones, have the same rows in the end, through a restart with a file, and no cursor goes back', async () => {
  const backendFile = join(folder, 'state.json');
  const before = await startServer({ backendFile });
  await new BackendCaller(before.apiUrl).inserts('task:shared', { round: 0, index: -1 });
  for (let index = 0; index < CLIENTS; index++) {
    const generation = index % 2 === 0 ? 'old' : 'new';
    clients.push(
      new DatafnClient({ apiUrl: before.apiUrl, token: 'user:alice', clientId: `tab-${index}`, generation }),
    );
  }
  await Promise.all(clients.map((client) => client.start()));
  editAll(1);
  await clients[0]?.until(() => clients[0]?.unsent === 0, 'to have pushed');
  const closing = before.server.close();
  // Made while the server is away.
  editAll(2);
  await closing;
  const after = await startServer({ backendFile, port: before.port });
  editAll(3);

  const wanted = 1 + 3 * CLIENTS;
  const reference = new BackendCaller(after.apiUrl);
  for (const client of clients) await client.until(() => client.unsent === 0, 'nothing unsent');
  const { task } = (await reference.clones(['task'])).data;
  const sorted = (rows: Iterable<{ id: string }>) =>
    [...rows].sort((one, other) => (one.id < other.id ? -1 : 1));
  expect(task).toHaveLength(wanted);
  const state = JSON.stringify(sorted(task));
  for (const client of clients) {
    await client.until(
      () => JSON.stringify(sorted(client.rows.values())) === state,
      'the rows of the server',
    );
    expect(client.regressions).toEqual([]);
  }
});
