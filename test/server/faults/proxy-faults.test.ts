import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BackendCaller } from '../../support/backend-call.js';
import { FakeDatafn, httpBackend, type Listening } from '../../support/fake-backend.js';
import { disposeLive, openClient } from '../../support/live-server.js';
import { cursorsOf, type FaultyServer, startFaultyServer } from './faulty-server.js';

let datafn: FakeDatafn;
let backend: Listening;
let live: FaultyServer;
let alice: BackendCaller;

beforeEach(async () => {
  datafn = new FakeDatafn();
  backend = await httpBackend(datafn.listener);
  live = await startFaultyServer({ proxy: backend.url });
  alice = new BackendCaller(live.apiUrl);
});
afterEach(async () => {
  await disposeLive();
  await backend.close();
});

test('http-error answers in place of the backend, which sees nothing of the request', async () => {
  await live.faults({ fault: 'http-error', status: 500, route: 'push', next: 1 });
  const mutation = alice.mutation('insert', 'a');
  expect(await alice.push(mutation)).toMatchObject({ status: 500, json: { ok: false } });
  expect(datafn.requests).toEqual([]);
  expect(await alice.push(mutation)).toMatchObject({ status: 200, json: { ok: true } });
});

test('http-delay holds a request of its namespace back from the backend, and nothing is added to its answer', async () => {
  const client = await openClient(live.wsUrl, 'user:alice');
  await live.faults({ fault: 'http-delay', delayMs: 60_000, match: { namespace: 'user:alice' } });
  const bob = new BackendCaller(live.apiUrl, 'user:bob', 'tab-b');
  await bob.inserts('b');
  const push = alice.post(
    'push',
    { clientId: 'tab-a', mutations: [alice.mutation('insert', 'a')] },
    { origin: 'http://localhost:5173' },
  );
  await live.events.until('fault');
  expect(datafn.requests).toHaveLength(1);
  await live.clear();
  const { status, headers } = await push;
  expect([status, headers['access-control-allow-origin']]).toEqual([200, undefined]);
  expect(cursorsOf(await client.received(1))).toEqual(['1']);
});

test('lost-answer loses the answer of the backend to a push, whose cursor is broadcast all the same', async () => {
  const client = await openClient(live.wsUrl, 'user:alice');
  await live.faults({ fault: 'lost-answer', next: 1 });
  await expect(alice.inserts('a')).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(cursorsOf(await client.received(1))).toEqual(['1']);
  expect(datafn.spaceOf('user:alice').seq).toBe(1);
});

test('stale-pull leaves an answer alone that is no JSON', async () => {
  datafn.override = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in</h1>');
    return true;
  };
  await live.faults({ fault: 'stale-pull', next: 1 });
  const { status, text } = await alice.post('pull', { clientId: 'tab-a', cursors: { task: '0' } });
  expect([status, text]).toEqual([200, '<h1>Sign in</h1>']);
});

test('stale-pull empties the answer of a backend that compresses where it may', async () => {
  datafn.override = ({ headers, url }, response) => {
    if (url !== '/datafn/pull') return false;
    const result = { ok: true, records: { task: [{ id: 'a' }] }, cursors: { task: '1' }, hasMore: false };
    const body = JSON.stringify({ ok: true, result });
    const isZipped = headers['accept-encoding'] === 'gzip';
    response
      .writeHead(200, {
        trailer: 'x-checksum',
        'x-backend': 'here',
        ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
      })
      .end(isZipped ? gzipSync(body) : body);
    return true;
  };
  await live.faults({ fault: 'stale-pull', next: 1 });
  const ask = () =>
    alice.post('pull', { clientId: 'tab-a', cursors: { task: '0' } }, { 'accept-encoding': 'gzip' });
  const { status, headers, json } = await ask();
  expect([status, headers['x-backend'], headers['content-encoding']]).toEqual([200, 'here', undefined]);
  expect(json.result).toEqual({ ok: true, records: { task: [] }, cursors: { task: '0' }, hasMore: false });
  expect((await ask()).headers['content-encoding']).toBe('gzip');
});
