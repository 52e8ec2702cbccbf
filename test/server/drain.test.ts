import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { attachWebSocketManager } from '../../src/server/ws/attach.js';
import { within } from '../support/deadline.js';
import { call, postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../support/live-server.js';
import type { RawClient, RawClientOptions } from '../support/raw-client.js';

afterEach(disposeLive);

const GOING_AWAY = { code: 1001, reason: 'Going Away' };

async function openSome(wsUrl: string, count: number, options: RawClientOptions = {}): Promise<RawClient[]> {
  const clients = [];
  for (let index = 0; index < count; index++) clients.push(await openClient(wsUrl, 'a', options));
  return clients;
}

describe('a drain', () => {
  test('spreads its closes evenly over the window: never ahead of its pace, and not over before its end', async () => {
    const [count, drainMs] = [20, 600];
    const { wsUrl, server, events } = await startServer({ drainMs });
    const clients = await openSome(wsUrl, count);
    const closedAtMs: number[] = [];
    events.closed = () => closedAtMs.push(performance.now() - startedAtMs);
    await new Promise(setImmediate);
    const startedAtMs = performance.now();
    expect(await server.close()).toEqual({ left: count, cut: 0 });
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
    expect(closedAtMs).toHaveLength(count);
    for (const [index, atMs] of closedAtMs.entries()) {
      // A timer may come a millisecond early, each time, and the first counts from the beginning of its tick.
      expect(index, `closed after ${Math.round(atMs)} ms`).toBeLessThanOrEqual(
        ((atMs + index + 1) * count) / drainMs,
      );
    }
    expect(server.stats()).toMatchObject({ connections: 0, sockets: 0, goneAway: count, cut: 0 });
  });

  test('is not ready and takes no clients from its beginning, says when to come back, and is alive', async () => {
    const { wsUrl, apiUrl, server } = await startServer({ drainMs: 60_000 });
    await openSome(wsUrl, 3);
    const closing = server.close();
    expect((await call('GET', `${apiUrl}/readyz`)).status).toBe(503);
    expect((await call('GET', `${apiUrl}/healthz`)).status).toBe(200);
    const refused = await connectClient(wsUrl, { token: 'a' });
    await refused.gone();
    expect(refused.status).toBe(503);
    const retryAfter = Number(/^Retry-After: (\d+)$/m.exec(refused.head.replaceAll('\r', ''))?.[1]);
    expect(retryAfter).toBeGreaterThan(50);
    expect(retryAfter).toBeLessThanOrEqual(60);
    await server.close({ drainMs: 0 });
    await closing;
  });

  test('lets those that are still connected hear cursors', async () => {
    const { wsUrl, apiUrl, server } = await startServer({ drainMs: 60_000 });
    const clients = await openSome(wsUrl, 3);
    const closing = server.close();
    await clients[0]?.closed();
    const answer = await postCursors(apiUrl, { namespace: 'a', cursor: '42' });
    expect(answer.json.results).toEqual([{ namespace: 'a', cursor: '42', delivered: 2 }]);
    for (const client of clients.slice(1))
      expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"42"}']);
    await server.close({ drainMs: 0 });
    await closing;
  });

  test('ends at once when everybody has left by themselves, and tells them apart', async () => {
    const { wsUrl, server } = await startServer({ drainMs: 60_000 });
    const clients = await openSome(wsUrl, 5);
    const closing = server.close();
    await clients[0]?.closed();
    for (const client of clients.slice(1)) client.close(1000);
    expect(await within(closing, 'the end of the drain')).toEqual({ left: 5, cut: 0 });
    expect(server.stats()).toMatchObject({ goneAway: 1, closed: { 1000: 4, 1001: 1 } });
  });

  test('without clients takes no time', async () => {
    const { server } = await startServer({ drainMs: 60_000 });
    expect(await within(server.close(), 'the end of the drain')).toEqual({ left: 0, cut: 0 });
  });

  test('cuts who does not answer, at its end at the latest', async () => {
    const { wsUrl, server } = await startServer({
      drainMs: 100,
      shutdownTimeoutMs: 100,
      closeTimeoutMs: 60_000,
    });
    await openSome(wsUrl, 2);
    const dead = await openSome(wsUrl, 3, { answersClose: false });
    expect(await within(server.close(), 'the end of the drain')).toEqual({ left: 2, cut: 3 });
    for (const client of dead) expect(client.closeFrame).toEqual(GOING_AWAY);
    expect(server.stats()).toMatchObject({ goneAway: 2, cut: 3, sockets: 0 });
  });

  test('that is under way is ended early by a close that has no time for it', async () => {
    const { wsUrl, server } = await startServer({ drainMs: 60_000 });
    const clients = await openSome(wsUrl, 4);
    const closing = server.close();
    await clients[0]?.closed();
    expect(clients.filter(({ isOpen }) => isOpen)).toHaveLength(3);
    expect(await within(server.close({ drainMs: 0 }), 'the end')).toEqual({ left: 4, cut: 0 });
    expect(await closing).toEqual({ left: 4, cut: 0 });
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
  });
});

test('on a server of somebody else, a close ends the drain before it, which leaves no timer behind', async () => {
  const http = createServer();
  const attached = attachWebSocketManager(http, { namespaceProvider: () => 'a' });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const clients = await openSome(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/datafn/ws`, 2);
  const draining = attached.drain(60_000);
  await clients[0]?.closed();
  expect(await attached.close(1000)).toEqual({ left: 2, cut: 0 });
  await within(draining, 'the end of the drain');
  http.close();
});

describe('POST /v1/drain', () => {
  const JSON_TYPE = { 'content-type': 'application/json' };
  const post = (
    apiUrl: string,
    headers: Record<string, string> = JSON_TYPE,
    body: string | undefined = '{}',
  ) => call('POST', `${apiUrl}/v1/drain`, { headers, body });

  test('starts one: it answers first, then everybody is told 1001, and the server ends', async () => {
    const { wsUrl, apiUrl, server } = await startServer({ drainMs: 200 });
    const clients = await openSome(wsUrl, 3);
    const answer = await post(apiUrl);
    expect([answer.status, answer.json]).toEqual([202, { connections: 3, drainMs: 200 }]);
    expect((await call('GET', `${apiUrl}/readyz`)).status).toBe(503);
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
    expect(await within(server.closed, 'the end of the server')).toEqual({ left: 3, cut: 0 });
    expect(server.address).toBeUndefined();
  });

  test('without clients and without a window is answered all the same', async () => {
    const { apiUrl, server } = await startServer();
    expect((await post(apiUrl)).status).toBe(202);
    await within(server.closed, 'the end of the server');
  });

  test('twice is one drain', async () => {
    const { wsUrl, apiUrl, server } = await startServer({ drainMs: 60_000 });
    const [first, second] = await openSome(wsUrl, 2);
    expect((await post(apiUrl)).status).toBe(202);
    await first?.closed();
    expect((await post(apiUrl)).status).toBe(202);
    expect(second?.isOpen).toBe(true);
    second?.close(1000);
    expect(await within(server.closed, 'the end of the server')).toEqual({ left: 2, cut: 0 });
  });

  test.each([
    ['a content type that a web page may send', { 'content-type': 'text/plain' }, '{}', 415],
    ['no body', {}, undefined, 400],
    ['another body', JSON_TYPE, '{"namespace":"a","cursor":"1"}', 400],
    ['an empty list', JSON_TYPE, '[]', 400],
    ['a Host of somebody else', { ...JSON_TYPE, host: 'evil.example' }, '{}', 403],
  ])('with %s is refused, and nobody has to go', async (_, headers, body, status) => {
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const answer = await call('POST', `${apiUrl}/v1/drain`, {
      headers: headers as Record<string, string>,
      body,
    });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect((await call('GET', `${apiUrl}/readyz`)).status).toBe(200);
    expect(client.isOpen).toBe(true);
  });

  test('wants the admin token where there is one', async () => {
    const { apiUrl, server } = await startServer({ adminToken: 'sesame' });
    expect((await post(apiUrl)).status).toBe(401);
    expect((await call('GET', `${apiUrl}/readyz`)).status).toBe(200);
    expect((await post(apiUrl, { ...JSON_TYPE, authorization: 'Bearer sesame' })).status).toBe(202);
    await within(server.closed, 'the end of the server');
  });
});
