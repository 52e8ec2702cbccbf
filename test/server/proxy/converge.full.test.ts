import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../backplane/recorded-node.js';
import { FakeDatafn, httpBackend } from '../../support/fake-backend.js';
import { disposeLive, startServer } from '../../support/live-server.js';
import { DatafnClient } from './datafn-client.js';

afterEach(disposeLive);

test('20 clients of old and new versions converge through the proxy, a restart of it, and one of the backend', async () => {
  const datafn = new FakeDatafn();
  let backend = await httpBackend(datafn.listener);
  let live = await startServer({ proxy: backend.url });
  const remote = `${live.apiUrl}/datafn`;
  const clients = Array.from(
    { length: 20 },
    (_, index) => new DatafnClient(remote, 'ns', { clientId: `c${index}`, isNew: index % 2 === 0 }),
  );
  await Promise.all(clients.map((client) => client.start()));
  let round = 0;
  const writeAll = () => {
    round += 1;
    // Half of them own a record each, the others share one.
    return clients.map((client, index) =>
      client.write(index % 2 === 0 ? `task:${index}` : 'task:shared', `round ${round} of ${index}`),
    );
  };
  const expected = () =>
    new Map([...datafn.spaceOf('ns').table('task')].map(([id, { record }]) => [id, record]));
  const converged = () =>
    eventually(() => {
      const wanted = expected();
      return clients.every(({ records }) =>
        [...wanted].every(([id, record]) => JSON.stringify(records.get(id)) === JSON.stringify(record)),
      );
    }, 'that all clients have all records');
  await Promise.all(writeAll());
  await converged();
  // Of the proxy, with pushes under way.
  const during = writeAll();
  await live.server.close();
  live = await startServer({ proxy: backend.url, port: live.port });
  await Promise.all(during);
  await eventually(() => live.server.stats().connections === 20, 'that all are connected again');
  await Promise.all(writeAll());
  await converged();
  // Of the backend, which keeps its data.
  const meanwhile = writeAll();
  await backend.close();
  backend = await httpBackend(datafn.listener, backend.port);
  await Promise.all(meanwhile);
  await Promise.all(writeAll());
  await converged();
  expect(datafn.spaceOf('ns').seq).toBeGreaterThanOrEqual(100);
  for (const client of clients) {
    expect(client.conflicts).toEqual([]);
    for (const heard of client.heard) expect(heard).toEqual([...heard].sort((a, b) => a - b));
    client.stop();
  }
  await backend.close();
});
