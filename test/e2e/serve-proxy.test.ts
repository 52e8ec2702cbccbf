import { afterEach, expect, test } from 'vitest';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { FakeDatafn, httpBackend } from '../support/fake-backend.js';
import { call } from '../support/http-call.js';
import { disposeLive } from '../support/live-server.js';
import { clientsAtBoth, WORKERS } from '../support/serve-workers.js';

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

test('serve --proxy with workers broadcasts a push that any of them passes on to the clients of all', async () => {
  const datafn = new FakeDatafn();
  const backend = await httpBackend(datafn.listener);
  const serve = await startServe([...WORKERS, '--proxy', backend.url]);
  const clients = await clientsAtBoth(serve, 'user:alice');
  for (let count = 1; count <= 4; count++) {
    const mutation = {
      clientId: 'a',
      mutationId: `m${count}`,
      resource: 'task',
      id: 't',
      operation: 'insert',
    };
    const { status } = await call('POST', `${serve.apiUrl}/datafn/push`, {
      headers: { 'content-type': 'application/json', authorization: 'Bearer user:alice' },
      body: JSON.stringify({ clientId: 'a', mutations: [mutation] }),
    });
    expect(status).toBe(200);
    for (const client of clients)
      await client.until(
        () => client.texts.includes(`{"type":"cursor","cursor":"${count}"}`),
        `cursor ${count}`,
      );
  }
  await backend.close();
  expect((await call('POST', `${serve.apiUrl}/datafn/push`, { body: '{}' })).status).toBe(502);
  expect(await serve.logged(/does not respond/)).toContain(backend.url);
  for (const client of clients) expect(client.ended).toBeUndefined();
});
