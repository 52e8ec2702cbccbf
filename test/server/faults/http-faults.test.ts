import { afterEach, beforeEach, expect, test } from 'vitest';
import { BackendCaller } from '../../support/backend-call.js';
import { call } from '../../support/http-call.js';
import { disposeLive } from '../../support/live-server.js';
import { type FaultyServer, startFaultyServer } from './faulty-server.js';

let live: FaultyServer;
let alice: BackendCaller;
let bob: BackendCaller;

beforeEach(async () => {
  live = await startFaultyServer();
  alice = new BackendCaller(live.apiUrl);
  bob = new BackendCaller(live.apiUrl, 'user:bob', 'tab-b');
});
afterEach(disposeLive);

const OF_ALICE = { match: { namespace: 'user:alice' } } as const;

test('http-delay answers late, and only requests of its namespace and its route', async () => {
  await live.faults({ fault: 'http-delay', delayMs: 60, route: 'pull', ...OF_ALICE });
  const startMs = performance.now();
  await alice.pulls({ task: '0' });
  expect(performance.now() - startMs).toBeGreaterThan(58);
  await live.faults({ fault: 'http-delay', delayMs: 60_000, route: 'pull', ...OF_ALICE });
  await bob.pulls({ task: '0' });
  await alice.clones(['task']);
});

test('a request that waits is answered when the faults are cleared', async () => {
  await live.faults({ fault: 'http-delay', delayMs: 60_000 });
  const answer = alice.pulls({ task: '0' });
  await live.events.until('fault');
  await live.clear();
  expect(await answer).toMatchObject({ ok: true });
});

test.each([500, 503])('http-error answers %i, does nothing, and lets a page read it', async (status) => {
  await live.faults({ fault: 'http-error', status, route: 'push', next: 1 });
  const mutation = alice.mutation('insert', 'a', { record: {} });
  const origin = 'http://localhost:5173';
  const answer = await alice.post('push', { clientId: 'tab-a', mutations: [mutation] }, { origin });
  expect(answer).toMatchObject({ status, json: { ok: false, error: { code: 'SERVICE_UNAVAILABLE' } } });
  expect(answer.headers['access-control-allow-origin']).toBe(origin);
  expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
  expect((await alice.clones(['task'])).data.task).toEqual([]);
});

test('stale-pull answers as if nothing had changed, and the next pull has it all', async () => {
  await alice.inserts('a', { title: 'x' });
  await live.faults({ fault: 'stale-pull', next: 1, ...OF_ALICE });
  expect(await alice.pulls({ task: '0' })).toEqual({
    ok: true,
    records: { task: [] },
    deleted: { task: [] },
    merged: {},
    joins: {},
    cursors: { task: '0' },
    hasMore: false,
  });
  expect((await alice.pulls({ task: '0' })).records.task).toMatchObject([{ id: 'a' }]);
});

test('lost-answer applies a push and resets the connection; the same push again is a duplicate', async () => {
  await live.faults({ fault: 'lost-answer', next: 1 });
  const mutation = alice.mutation('insert', 'a', { record: { title: 'x' } });
  await expect(alice.push(mutation)).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect((await alice.clones(['task'])).data.task).toEqual([{ id: 'a', title: 'x' }]);
  const again = await alice.push(mutation);
  expect(again.json.result).toMatchObject({ ok: true, applied: [mutation.mutationId] });
});

test('conflict answers a push with 409 and applies nothing', async () => {
  await live.faults({ fault: 'conflict', next: 1 });
  const mutation = alice.mutation('insert', 'a', { record: {} });
  expect(await alice.push(mutation)).toMatchObject({
    status: 409,
    json: { ok: false, error: { code: 'CONFLICT' } },
  });
  expect((await alice.clones(['task'])).data.task).toEqual([]);
});

test('empty-body answers 200 with nothing', async () => {
  await live.faults({ fault: 'empty-body', next: 1 });
  expect(await alice.post('pull', {})).toMatchObject({ status: 200, text: '' });
});

test('offline resets the requests of its namespace as well, and the API stays', async () => {
  await live.faults({ fault: 'offline', ...OF_ALICE });
  await expect(alice.pulls({ task: '0' })).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(await bob.pulls({ task: '0' })).toMatchObject({ ok: true });
  expect((await call('GET', `${live.apiUrl}/v1/stats`)).status).toBe(200);
});

test('a preflight and a request without a rule for it are answered as ever', async () => {
  const preflight = () =>
    call('OPTIONS', `${live.apiUrl}/datafn/push`, {
      headers: { origin: 'http://localhost:5173', 'access-control-request-method': 'POST' },
    });
  const withoutDate = ({
    headers: { date: _, ...headers },
    status,
    text,
  }: Awaited<ReturnType<typeof call>>) => ({
    headers,
    status,
    text,
  });
  const body = { clientId: 'tab-b', cursors: { task: '0' } };
  const before = [await preflight(), await bob.post('pull', body)].map(withoutDate);
  await live.faults({ fault: 'http-error', ...OF_ALICE });
  expect([await preflight(), await bob.post('pull', body)].map(withoutDate)).toEqual(before);
});
