import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { createDatafnWsServer } from '../../src/server/create-server.js';
import { within } from '../support/deadline.js';
import { call, postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../support/live-server.js';

const GOING_AWAY = { code: 1001, reason: 'Going Away' };

afterEach(disposeLive);

test('close() closes everybody with 1001 Going Away, and tells how many left', async () => {
  const { wsUrl, server, events } = await startServer();
  const clients = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a'), await openClient(wsUrl, 'b')];
  expect(await server.close()).toEqual({ left: 3, cut: 0 });
  for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
  expect(server.stats()).toMatchObject({ connections: 0, accepted: 3, closed: { 1001: 3 } });
  expect(events.of('closed').every(({ by }) => by === 'server')).toBe(true);
});

test('a client that never answers the close is cut at shutdownTimeoutMs, and not before', async () => {
  const { wsUrl, server } = await startServer({ shutdownTimeoutMs: 300 });
  const [polite, straggler] = [
    await openClient(wsUrl, 'a'),
    await openClient(wsUrl, 'a', { answersClose: false }),
  ];
  const startedAt = performance.now();
  const closing = server.close();
  await polite.gone();
  expect(straggler.ended).toBeUndefined();
  expect(await closing).toEqual({ left: 1, cut: 1 });
  // Timers may fire a millisecond early.
  expect(performance.now() - startedAt).toBeGreaterThan(295);
  // Well before the two seconds that a single connection has for its close.
  expect(performance.now() - startedAt).toBeLessThan(1900);
  await straggler.gone();
  expect(straggler.closeFrame).toEqual(GOING_AWAY);
});

test('a client that reads nothing at all is cut as well', async () => {
  const { wsUrl, server } = await startServer({ shutdownTimeoutMs: 200 });
  const client = await openClient(wsUrl, 'a');
  client.pause();
  expect(await server.close()).toEqual({ left: 0, cut: 1 });
});

test('one connection that never answers a close is cut after closeTimeoutMs while the server goes on', async () => {
  const { wsUrl, server } = await startServer({ closeTimeoutMs: 100, maxConnections: 0 });
  const client = await openClient(wsUrl, 'a', { answersClose: false });
  await client.gone();
  expect(client.closeFrame?.code).toBe(4503);
  expect(server.address).toBeDefined();
});

test('a client that is due to be cut twice, after a time in which the process stood still, is cut once', async () => {
  const { wsUrl, server } = await startServer({ shutdownTimeoutMs: 100, closeTimeoutMs: 200 });
  await openClient(wsUrl, 'a', { answersClose: false });
  const closing = server.close();
  const untilMs = performance.now() + 300;
  while (performance.now() < untilMs);
  expect(await closing).toEqual({ left: 0, cut: 1 });
  expect(server.stats().cut).toBe(1);
});

test('while it shuts down the server is alive, not ready, and takes no cursors', async () => {
  const { wsUrl, apiUrl, server } = await startServer({ shutdownTimeoutMs: 700 });
  await openClient(wsUrl, 'a', { answersClose: false });
  const closing = server.close();
  const [health, ready, posted] = await Promise.all([
    call('GET', `${apiUrl}/healthz`),
    call('GET', `${apiUrl}/readyz`),
    postCursors(apiUrl, { namespace: 'a', cursor: '1' }),
  ]);
  expect([health.status, ready.status, posted.status]).toEqual([200, 503, 503]);
  expect(ready.json.detail).toBe('The server is shutting down');
  expect(server.stats().broadcasts).toBe(0);
  expect(await closing).toEqual({ left: 0, cut: 1 });
});

test('close() is idempotent, and its callers all get the same answer', async () => {
  const { wsUrl, server } = await startServer();
  const client = await openClient(wsUrl, 'a');
  const [first, second] = await Promise.all([server.close(), server.close()]);
  expect([first, second, await server.close()]).toEqual(Array(3).fill({ left: 1, cut: 0 }));
  await client.gone();
  expect(client.opcodes.filter((opcode) => opcode === 0x8)).toHaveLength(1);
});

test('the port is free afterwards, idle HTTP connections notwithstanding', async () => {
  const { port, server } = await startServer();
  const idle = connect(port, '127.0.0.1');
  const halfAsked = connect(port, '127.0.0.1');
  await Promise.all([once(idle, 'connect'), once(halfAsked, 'connect')]);
  halfAsked.write('POST /v1/cursors HTTP/1.1\r\nHost: localhost\r\n');
  for (const socket of [idle, halfAsked]) socket.on('error', () => {});
  await within(server.close(), 'the end of the server');
  expect(server.address).toBeUndefined();
  const next = createServer().listen(port, '127.0.0.1');
  await once(next, 'listening');
  await new Promise((resolve) => next.close(resolve));
  idle.destroy();
  halfAsked.destroy();
});

test.each(['127.0.0.1', 'localhost'])(
  'listen() of a server that was closed, or is being closed, is refused, and leaves no port open: %s',
  async (host) => {
    const closed = createDatafnWsServer({ port: 0 });
    await closed.close();
    const refusal = { code: 'ERR_LISTEN', message: expect.stringContaining('is closed') };
    await expect(closed.listen()).rejects.toMatchObject(refusal);

    const inBetween = createDatafnWsServer({ host, port: 0 });
    const listening = inBetween.listen();
    const closing = inBetween.close();
    await expect(listening).rejects.toMatchObject(refusal);
    await within(closing, 'the end of the server');
    expect([closed.address, inBetween.address]).toEqual([undefined, undefined]);
    await vi.waitFor(() => expect(process.getActiveResourcesInfo()).not.toContain('TCPServerWrap'));
  },
);

test.each([-5, Number.NaN, 1e12, '1s'])(
  'close() with a drainMs of %s is refused, and closes nobody',
  async (drainMs) => {
    const { wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    await expect(server.close({ drainMs: drainMs as number })).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining('`drainMs`'),
    });
    await client.roundTrip();
    expect(server.address).toBeDefined();
  },
);

test('close() before listen() is fine', async () => {
  const server = createDatafnWsServer({ port: 0 });
  expect(await within(server.close(), 'the end of the server')).toEqual({ left: 0, cut: 0 });
});

test('a client in the middle of its own close, and one that was refused, count as left', async () => {
  const { wsUrl, server } = await startServer({ maxConnections: 1 });
  await openClient(wsUrl, 'a');
  const refused = await openClient(wsUrl, 'a', { answersClose: false });
  await refused.closed();
  const closing = server.close();
  refused.close(1000);
  expect(await closing).toEqual({ left: 2, cut: 0 });
});

test('without clients it takes no time, whatever the timeout', async () => {
  const { server, wsUrl } = await startServer({ shutdownTimeoutMs: 60_000 });
  await (await connectClient(wsUrl, { headers: { Host: 'evil.example' } })).gone();
  expect(await within(server.close(), 'the end of an idle server', 3000)).toEqual({ left: 0, cut: 0 });
});
