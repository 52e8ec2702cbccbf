import { connect } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { EVENT_WITHIN_MS } from '../../support/deadline.js';
import { closeReaders, readEvents } from '../../support/event-reader.js';
import { call, postCursors } from '../../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../../support/live-server.js';

afterEach(async () => {
  closeReaders();
  await disposeLive();
});

const emit = (apiUrl: string, namespace: string, from: number, to: number) =>
  postCursors(
    apiUrl,
    Array.from({ length: to - from + 1 }, (_, index) => ({ namespace, cursor: String(from + index) })),
  );

describe('GET /v1/events', () => {
  test('tells what happens to a client, each event with an id, and first of all what the server is', async () => {
    const { wsUrl, apiUrl } = await startServer({ maxConnections: 1 });
    const reader = await readEvents(apiUrl);
    const alice = await openClient(wsUrl, 'user:alice');
    alice.say('{"type":"hello","clientId":"tab-1","cursor":"0"}');
    await reader.until('hello');
    const bob = await openClient(wsUrl, 'user:bob');
    await bob.closed();
    await emit(apiUrl, 'user:alice', 42, 42);
    await connectClient(wsUrl.replace('/datafn/ws', '/nowhere'));
    await call('GET', `${apiUrl}/v1/nothing`);
    alice.close(4000, 'done');
    await reader.until('closed');
    const first = { id: 1, namespace: 'user:alice', remoteAddress: '127.0.0.1' };
    expect(reader.events.map(({ event, data }) => [event, data])).toMatchObject([
      ['server', { path: '/datafn/ws', limits: { maxConnections: 1, maxConnectionsPerNamespace: 100 } }],
      ['connected', { connection: first, connections: 1 }],
      ['hello', { connection: { ...first, clientId: 'tab-1' }, heard: '0' }],
      ['refused', { connection: { id: 2 }, code: 4503, reason: 'Connection limit reached' }],
      ['broadcast', { namespace: 'user:alice', cursor: '42', delivered: 1 }],
      ['rejectedUpgrade', { status: 404 }],
      ['rejectedRequest', { status: 404, method: 'GET', path: '"/v1/nothing"' }],
      ['closed', { connection: { ...first, clientId: 'tab-1' }, code: 4000, reason: 'done', by: 'peer' }],
    ]);
    const [server, ...others] = reader.events;
    expect(server?.id).toBe('');
    expect(new Set(others.map(({ id }) => id)).size).toBe(7);
    for (const { data } of others) expect(Math.abs(Date.now() - data.atMs)).toBeLessThan(60_000);
  });

  test('names a client that was not sent a cursor, with what it has, once for a burst, and not the others', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const reader = await readEvents(apiUrl);
    const [alice, bob] = [await openClient(wsUrl, 'user:alice'), await openClient(wsUrl, 'user:alice')];
    for (const [client, clientId] of [
      [alice, 'tab-1'],
      [bob, 'tab-2'],
    ] as const)
      client.say(JSON.stringify({ type: 'hello', clientId, cursor: '38' }));
    await reader.until('hello', 2);
    const rules = [{ fault: 'drop', match: { clientId: 'tab-2' } }];
    const headers = { 'content-type': 'application/json' };
    await call('PUT', `${apiUrl}/v1/faults`, { headers, body: JSON.stringify({ rules }) });
    const { json } = await emit(apiUrl, 'user:alice', 39, 48);
    expect(json.results.at(-1)).toEqual({ namespace: 'user:alice', cursor: '48', delivered: 1 });
    const [event] = await reader.until('behind');
    expect(event?.data).toMatchObject({
      connection: { id: 2, clientId: 'tab-2' },
      heard: '38',
      newest: '48',
    });
    expect(event?.data).not.toHaveProperty('others');
    await emit(apiUrl, 'user:alice', 49, 49);
    expect((await reader.until('behind', 2)).map(({ data }) => data.newest)).toEqual(['48', '49']);
  });

  test('filters by namespace, by client and by kind', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const of = {
      namespace: await readEvents(apiUrl, '?namespace=a%20b&namespace=c'),
      client: await readEvents(apiUrl, '?client=tab-2&client=1'),
      kind: await readEvents(apiUrl, '?kind=hello,closed&kind=limited'),
      both: await readEvents(apiUrl, '?kind=broadcast&namespace=c'),
    };
    const clients = [
      await openClient(wsUrl, 'a b'),
      await openClient(wsUrl, 'c'),
      await openClient(wsUrl, 'd'),
    ];
    for (const [index, client] of clients.entries())
      client.say(`{"type":"hello","clientId":"tab-${index}","cursor":"0"}`);
    await of.kind.until('hello', 3);
    for (const namespace of ['a b', 'c', 'd']) await emit(apiUrl, namespace, 1, 1);
    for (const client of clients) client.close();
    await of.kind.until('closed', 3);
    await of.namespace.until('closed', 2);
    await of.client.until('closed', 2);
    await of.both.until('broadcast');
    const seen = (name: keyof typeof of) =>
      of[name].events.slice(1).map(({ event, data }) => `${event} ${data.connection?.id ?? data.namespace}`);
    expect(seen('namespace').toSorted()).toEqual(
      [
        'broadcast a b',
        'broadcast c',
        'closed 1',
        'closed 2',
        'connected 1',
        'connected 2',
        'hello 1',
        'hello 2',
      ].toSorted(),
    );
    expect(seen('client').toSorted()).toEqual(
      // Before its hello, the third is not known as tab-2.
      ['connected 1', 'hello 1', 'hello 3', 'closed 1', 'closed 3'].toSorted(),
    );
    expect(seen('kind').toSorted()).toEqual(
      ['hello 1', 'hello 2', 'hello 3', 'closed 1', 'closed 2', 'closed 3'].toSorted(),
    );
    expect(seen('both')).toEqual(['broadcast c']);
  });

  test('a reader that comes back with Last-Event-ID misses nothing of the last 1,000, and learns how many it missed beyond', async () => {
    const { apiUrl } = await startServer();
    const reader = await readEvents(apiUrl);
    await emit(apiUrl, 'a', 1, 3);
    await reader.until('broadcast', 3);
    const { lastEventId } = reader;
    reader.close();
    await emit(apiUrl, 'a', 4, 1003);
    const cursorsOf = async (id: string, expected: number) => {
      const again = await readEvents(apiUrl, '', { 'last-event-id': id });
      const cursors = (await again.until('broadcast', expected)).map(({ data }) => Number(data.cursor));
      again.close();
      return { cursors, lost: again.of('lost').map(({ data }) => data) };
    };
    const from = (first: number) => Array.from({ length: 1004 - first }, (_, index) => first + index);
    expect(await cursorsOf(lastEventId, 1000)).toEqual({ cursors: from(4), lost: [] });
    const earlier = lastEventId.replace(/\d+$/, '1');
    expect(await cursorsOf(earlier, 1000)).toEqual({ cursors: from(4), lost: [{ events: 2 }] });
    // Of a server that has ended, and of none at all: nobody knows how many it has missed.
    for (const id of ['otherserver-12', lastEventId.replace(/\d+$/, '99999'), 'junk'])
      expect(await cursorsOf(id, 1000), id).toEqual({ cursors: from(4), lost: [{ events: null }] });
  });

  test('`last` begins with the newest events', async () => {
    const { apiUrl } = await startServer();
    const reader = await readEvents(apiUrl);
    await emit(apiUrl, 'a', 1, 5);
    await reader.until('broadcast', 5);
    const later = await readEvents(apiUrl, '?last=2');
    expect((await later.until('broadcast', 2)).map(({ data }) => data.cursor)).toEqual(['4', '5']);
  });

  test('fifty readers get every event, in order and once', async () => {
    const { apiUrl } = await startServer();
    const readers = [];
    for (let count = 0; count < 50; count++) readers.push(await readEvents(apiUrl));
    for (let first = 1; first <= 500; first += 100) await emit(apiUrl, 'a', first, first + 99);
    const all = Array.from({ length: 500 }, (_, index) => String(index + 1));
    for (const reader of readers) {
      await reader.until('broadcast', 500);
      expect(reader.of('broadcast').map(({ data }) => data.cursor)).toEqual(all);
      expect(reader.of('lost')).toEqual([]);
    }
  });

  test('a reader that does not read is dropped, and the others are unaffected', async () => {
    const { apiUrl, port, server } = await startServer();
    const reader = await readEvents(apiUrl, '?kind=limited');
    const stuck = connect(port, '127.0.0.1').on('error', () => {});
    stuck.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => stuck.once('readable', resolve));
    const namespace = 'n'.repeat(255);
    const cursor = 'c'.repeat(256);
    // Fewer than are kept, so that the event of the drop is not pushed out before it is sent.
    const batch = Array.from({ length: 900 }, () => ({ namespace, cursor }));
    for (let count = 0; count < 200 && reader.of('limited').length === 0; count++) {
      await postCursors(apiUrl, batch);
      // A batch for each write.
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect((await reader.until('limited')).map(({ data }) => data.limit)).toEqual(['unreadAnswers']);
    expect(server.stats().limited.unreadAnswers).toBe(1);
    expect(reader.isEnded).toBe(false);
    stuck.destroy();
  });

  test('an open stream outlives the time that an answer may take, and ends with the server', async () => {
    const { apiUrl, server } = await startServer({ requestTimeoutMs: 100 });
    // On a machine that stands still, the request itself may come too late.
    const reader = await vi.waitFor(() => readEvents(apiUrl), EVENT_WITHIN_MS);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await emit(apiUrl, 'a', 1, 1);
    await reader.until('broadcast');
    const ended = reader.ended();
    await server.close();
    await ended;
    expect(reader.incoming.complete).toBe(true);
  });

  test('follows the admin rule, and refuses what it does not understand', async () => {
    const open = await startServer();
    const closed = await startServer({ adminToken: 'x'.repeat(16) });
    const status = async (url: string, headers = {}) => (await call('GET', url, { headers })).status;
    expect(await status(`${open.apiUrl}/v1/events`, { host: 'evil.example' })).toBe(403);
    expect(await status(`${closed.apiUrl}/v1/events`)).toBe(401);
    await expect(readEvents(closed.apiUrl)).rejects.toThrow('HTTP 401');
    await readEvents(closed.apiUrl, '', { authorization: `Bearer ${'x'.repeat(16)}` });
    const problem = async (query: string) => (await call('GET', `${open.apiUrl}/v1/events?${query}`)).json;
    expect(await problem('kind=helo')).toMatchObject({
      status: 400,
      field: 'kind',
      detail: 'Expected a kind of event, got "helo". Did you mean `hello`?',
    });
    expect(await problem('name=x')).toMatchObject({ status: 400, field: 'query' });
    expect(await problem('last=1001')).toMatchObject({ status: 400, field: 'last' });
    const { status: head, headers } = await call('HEAD', `${open.apiUrl}/v1/events`);
    expect([head, headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
  });

  test('the reader after the hundredth gets 503, until another leaves', async () => {
    const { apiUrl, server } = await startServer();
    const readers = [];
    for (let count = 0; count < 100; count++) readers.push(await readEvents(apiUrl));
    const refused = await call('GET', `${apiUrl}/v1/events`);
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    readers[0]?.close();
    const after = await readers[1]?.until('rejectedRequest');
    expect(after?.[0]?.data).toMatchObject({ status: 503 });
    // Its end is noticed by the server some time later.
    let last: unknown;
    while (last === undefined) last = await readEvents(apiUrl).catch(() => undefined);
    expect(server.stats().connections).toBe(0);
  });
});
