import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { attachWebSocketManager } from '../../../src/server/ws/attach.js';
import { call, postCursors } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';

afterEach(disposeLive);

const message = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;
const sayHello = (client: RawClient, held: object) =>
  client.say(JSON.stringify({ type: 'hello', clientId: 'c', ...held }));

/** Resolves when what the server owed the client has come: a pong overtakes the cursors of its turn. */
async function settled(client: RawClient): Promise<void> {
  await client.roundTrip();
  await client.roundTrip();
}

describe('with resume', () => {
  test('a client that was away is sent the newest cursor of its namespace when its hello shows that it missed it', async () => {
    const { wsUrl, apiUrl, server } = await startServer({ resume: true });
    await postCursors(apiUrl, [
      { namespace: 'a', cursor: '41' },
      { namespace: 'a', cursor: '42' },
      { namespace: 'b', cursor: '99' },
    ]);
    const [legacy, current, upToDate] = [
      await openClient(wsUrl, 'a'),
      await openClient(wsUrl, 'a'),
      await openClient(wsUrl, 'a'),
    ];
    sayHello(legacy, { cursor: '0' });
    sayHello(current, { cursors: { todos: '41', notes: '17' } });
    sayHello(upToDate, { cursors: { todos: '17', notes: '42', tags: '0' } });
    expect(await legacy.received(1)).toEqual([message('42')]);
    expect(await current.received(1)).toEqual([message('42')]);
    await settled(upToDate);
    expect(upToDate.texts).toEqual([]);
    expect(server.stats()).toMatchObject({ resumed: 2, remembered: 2, broadcasts: 3, deliveries: 0 });
  });

  test('cursors that are broadcast by the library are remembered too', async () => {
    const { wsUrl, server } = await startServer({ resume: true });
    server.websocketHandler.broadcastCursor('42', 'a');
    const client = await openClient(wsUrl, 'a');
    sayHello(client, { cursor: '41' });
    expect(await client.received(1)).toEqual([message('42')]);
  });

  test('a hello in the turn of a broadcast makes no duplicate and loses nothing', async () => {
    const { wsUrl, server, events } = await startServer({ resume: true });
    server.websocketHandler.broadcastCursor('41', 'a');
    const client = await openClient(wsUrl, 'a');
    events.hello = () => server.websocketHandler.broadcastCursor('42', 'a');
    sayHello(client, { cursor: '0' });
    await client.received(2);
    await settled(client);
    expect(client.texts).toEqual([message('41'), message('42')]);
    // Said again, it gets nothing: it was there for the newest.
    sayHello(client, { cursor: '0' });
    await settled(client);
    expect(client.texts).toHaveLength(2);
  });

  test('of so many namespaces at most: the one unused for longest is forgotten', async () => {
    const { wsUrl, apiUrl, server } = await startServer({ resume: true, rememberNamespaces: 2 });
    await postCursors(
      apiUrl,
      ['a', 'b', 'c'].map((namespace) => ({ namespace, cursor: '42' })),
    );
    for (const [namespace, count] of [
      ['a', 0],
      ['b', 1],
      ['c', 1],
    ] as const) {
      const client = await openClient(wsUrl, namespace);
      sayHello(client, { cursor: '0' });
      await settled(client);
      expect(client.texts, namespace).toHaveLength(count);
    }
    expect(server.stats().remembered).toBe(2);
  });

  test('a server of somebody else has it as well', async () => {
    const http = createServer();
    const attached = attachWebSocketManager(http, { namespaceProvider: () => 'a', resume: true });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    try {
      attached.manager.broadcastCursor('42', 'a');
      expect(attached.newestCursor('a')).toBe('42');
      const client = await openClient(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/datafn/ws`);
      sayHello(client, { cursor: '0' });
      expect(await client.received(1)).toEqual([message('42')]);
    } finally {
      await attached.close(500);
      http.close();
    }
  });
});

test('without resume, as in the reference, a hello is answered by nothing and nothing is remembered', async () => {
  const { wsUrl, apiUrl, server } = await startServer();
  await postCursors(apiUrl, { namespace: 'a', cursor: '42' });
  const client = await openClient(wsUrl, 'a');
  sayHello(client, { cursor: '0' });
  await settled(client);
  expect(client.texts).toEqual([]);
  expect(server.stats()).toMatchObject({ resumed: 0, remembered: 0 });
  // Nor is the order of cursors looked at.
  expect((await postCursors(apiUrl, { namespace: 'a', cursor: '1' })).status).toBe(200);
});

describe('with monotonic', () => {
  test('a cursor lower than the newest of its namespace is refused with 409, which names the item', async () => {
    const { apiUrl, server } = await startServer({ monotonic: true });
    expect((await postCursors(apiUrl, { namespace: 'a', cursor: '100' })).status).toBe(200);
    const refused = await postCursors(apiUrl, [
      { namespace: 'b', cursor: '1' },
      { namespace: 'a', cursor: '99' },
    ]);
    expect(refused.status).toBe(409);
    expect(refused.headers['content-type']).toContain('application/problem+json');
    expect(refused.json).toMatchObject({
      status: 409,
      title: 'Conflict',
      field: '[1].cursor',
      detail: 'Expected `cursor` of item 1 to be at least 100, the newest of its namespace, got "99"',
    });
    // None of the batch was broadcast, or remembered.
    expect(server.stats()).toMatchObject({ broadcasts: 1, remembered: 1, stale: 1 });
    expect((await postCursors(apiUrl, { namespace: 'b', cursor: '0' })).status).toBe(200);
  });

  test.each([
    ['the same again', ['5', '5'], 200],
    ['compared as numbers', ['9', '10'], 200],
    ['lower than one before it in the batch', ['7', '6'], 409],
    ['lower than the one before the last', ['8', '9', '8'], 409],
    ['no number', ['x'], 400],
  ])('a batch with a cursor that is %s: %j is answered %i', async (_, cursors, status) => {
    const { apiUrl } = await startServer({ monotonic: true });
    const answer = await postCursors(
      apiUrl,
      cursors.map((cursor) => ({ namespace: 'a', cursor })),
    );
    expect(answer.status).toBe(status);
    if (status !== 200) expect(answer.json.field).toBe(`[${cursors.length - 1}].cursor`);
  });

  test('the cursors of another namespace have nothing to do with it, and clients are not resumed by it', async () => {
    const { wsUrl, apiUrl } = await startServer({ monotonic: true });
    await postCursors(apiUrl, { namespace: 'a', cursor: '100' });
    expect((await postCursors(apiUrl, { namespace: 'b', cursor: '1' })).status).toBe(200);
    const client = await openClient(wsUrl, 'a');
    sayHello(client, { cursor: '0' });
    await settled(client);
    expect(client.texts).toEqual([]);
    expect((await call('GET', `${apiUrl}/v1/stats`)).json).toMatchObject({ resumed: 0, remembered: 2 });
  });
});
