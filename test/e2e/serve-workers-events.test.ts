import { afterEach, expect, test } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { closeReaders, type EventReader, readEvents } from '../support/event-reader.js';
import { postCursors } from '../support/http-call.js';
import { disposeLive } from '../support/live-server.js';
import { clientsAtBoth, clientsOf, WORKERS } from '../support/serve-workers.js';

afterEach(async () => {
  closeReaders();
  await disposeLive();
  await disposeProcesses();
});

test('with workers, each reader gets the events of all of them', async () => {
  const serve = await startServe(WORKERS);
  const first = await readEvents(serve.apiUrl);
  // The workers begin to report when the first reader has come: some time later.
  await clientsAtBoth(serve, 'early');
  const later = await readEvents(serve.apiUrl);
  // Both workers report to both readers once a cursor comes to each from the two.
  const broadcasts = (reader: EventReader, namespace: string, cursor: string) =>
    reader.of('broadcast').filter(({ data }) => data.namespace === namespace && data.cursor === cursor);
  let cursor = 0;
  await eventually(async () => {
    await postCursors(serve.apiUrl, { namespace: 'early', cursor: String(++cursor) });
    const newest = [1, 2, 3].map((back) => String(cursor - back));
    return [first, later].every((reader) =>
      newest.some((one) => broadcasts(reader, 'early', one).length === 2),
    );
  }, 'events of both workers');
  const clients = await clientsAtBoth(serve, 'a');
  const ids = (await clientsOf(serve)).clients
    .filter(({ namespace }) => namespace === 'a')
    .map(({ id }) => Number(id));
  await postCursors(serve.apiUrl, { namespace: 'a', cursor: '42' });
  for (const reader of [first, later]) {
    await eventually(() => broadcasts(reader, 'a', '42').length === 2, 'the broadcast of both workers');
    const connected = reader.of('connected').map(({ data }) => data.connection);
    const ofA = connected.filter(({ namespace }) => namespace === 'a').map(({ id }) => id);
    expect(ofA.toSorted((a: number, b: number) => a - b)).toEqual(ids.toSorted((a, b) => a - b));
    const delivered = broadcasts(reader, 'a', '42').reduce((sum, { data }) => sum + data.delivered, 0);
    expect(delivered).toBe(clients.length);
  }
});
