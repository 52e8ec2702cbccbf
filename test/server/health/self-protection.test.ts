import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DescriptorWatch } from '../../../src/server/health/descriptor-watch.js';
import { within } from '../../support/deadline.js';
import { call, postCursors } from '../../support/http-call.js';
import {
  connectClient,
  disposeLive,
  openClient,
  startClient,
  startServer,
} from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';
import { RecordingLogger } from '../../support/recording-logger.js';

afterEach(async () => {
  vi.useRealTimers();
  await disposeLive();
});

/** Keeps the event loop from everybody, and lets the monitor see it. */
async function stall(ms: number): Promise<void> {
  // Two turns of its clock before, so that it knows when it was there last.
  await sleep(50);
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
  await sleep(1);
}

async function statusOf(wsUrl: string) {
  const client = await connectClient(wsUrl, { token: 'a' });
  await (client.status === 101 ? client.destroy() : client.gone());
  return client;
}

describe('shedAboveMs', () => {
  test('turns new clients away with 503 while the event loop is late, and lets them in when it is not any more', async () => {
    const { wsUrl, apiUrl, server } = await startServer({ shedAboveMs: 800 });
    const inside = await openClient(wsUrl, 'a');
    await stall(1100);
    const refused = await statusOf(wsUrl);
    expect(refused.status).toBe(503);
    expect(refused.head).toMatch(/^Retry-After: 2\r?$/m);
    expect(JSON.parse(refused.body).detail).toContain('too busy');
    // Those that are in, and the API, are served meanwhile.
    await postCursors(apiUrl, { namespace: 'a', cursor: '42' });
    await inside.received(1);
    const { limited, refused: byStatus } = (await call('GET', `${apiUrl}/v1/stats`)).json;
    expect([limited.eventLoopDelay, byStatus]).toEqual([1, { 503: 1 }]);
    await within(
      (async () => {
        while ((await statusOf(wsUrl)).status !== 101) await sleep(50);
      })(),
      'the end of the shedding',
    );
    expect(server.stats().limited.eventLoopDelay).toBeGreaterThan(0);
  });

  test('is off by default, however late the event loop is', async () => {
    const { wsUrl, server } = await startServer();
    await stall(300);
    expect((await statusOf(wsUrl)).status).toBe(101);
    expect(server.stats().limited.eventLoopDelay).toBe(0);
  });
});

describe('handshakeBacklog', () => {
  /**
   * Clients that ask for the upgrade in the same turn. They are connected before: of connections that come together,
   * the event loop takes one a turn.
   */
  async function storm(wsUrl: string, count: number): Promise<RawClient[]> {
    const clients = Array.from({ length: count }, () => startClient(wsUrl, { token: 'a', asks: false }));
    await Promise.all(clients.map(({ socket }) => once(socket, 'connect')));
    for (let taken = 0; taken < 3 * count; taken++) await turn();
    for (const client of clients) client.ask();
    return clients;
  }

  async function answers(clients: readonly RawClient[]): Promise<void> {
    for (const client of clients) await client.until(() => client.status !== 0, 'an answer to the handshake');
  }

  test('tells the clients of a storm that are too many to come back, before the upgrade, and lets the others in', async () => {
    const { wsUrl, server } = await startServer({ handshakeBacklog: 10, maxConnectionsPerNamespace: 1000 });
    const clients = await storm(wsUrl, 300);
    await answers(clients);
    const [inside, refused] = [101, 503].map((status) => clients.filter((one) => one.status === status));
    // A turn's share, and those that may wait.
    expect([inside?.length, refused?.length]).toEqual([32 + 10, 300 - 42]);
    for (const client of refused ?? []) expect(client.head).toMatch(/^Retry-After: 1\r?$/m);
    expect(server.stats()).toMatchObject({
      connections: inside?.length,
      refused: { 503: refused?.length },
      limited: { handshakes: refused?.length },
    });
    // The storm is over: whoever comes back is let in.
    expect((await openClient(wsUrl, 'a')).isOpen).toBe(true);
  });

  test('by default lets in a storm of a few hundred, and cursors go out between its handshakes', async () => {
    const { wsUrl, server, events } = await startServer({ maxConnectionsPerNamespace: 1000 });
    const first = await openClient(wsUrl, 'a');
    let heardAfter = 0;
    first.socket.once('data', () => {
      heardAfter = server.websocketHandler.connectionCount;
    });
    events.connected = () => {
      events.connected = () => {};
      server.websocketHandler.broadcastCursor('42', 'a');
    };
    const clients = await storm(wsUrl, 400);
    await answers(clients);
    expect(clients.filter(({ status }) => status === 101)).toHaveLength(400);
    expect(server.stats()).toMatchObject({ connections: 401, limited: { handshakes: 0 } });
    expect(heardAfter).toBeGreaterThan(0);
    expect(heardAfter).toBeLessThan(200);
  });

  test('a client that goes away while it waits for its turn is not upgraded', async () => {
    const { wsUrl, server } = await startServer({ maxConnectionsPerNamespace: 1000 });
    const clients = await storm(wsUrl, 200);
    await clients[0]?.until(() => clients[0]?.status !== 0, 'the first answer');
    for (const client of clients) client.reset();
    const stats = () => server.stats();
    await within(
      (async () => {
        while (stats().accepted + stats().abandoned < 200 || stats().sockets > 0) await sleep(5);
      })(),
      () => `the end of everybody: ${JSON.stringify(stats())}`,
    );
    const { accepted, abandoned, closed } = stats();
    expect(abandoned).toBeGreaterThan(0);
    expect(accepted + abandoned).toBe(200);
    expect(closed).toEqual({ 1006: accepted });
  });

  test('a shutdown refuses those that wait for their turn', async () => {
    const { wsUrl, server } = await startServer({ maxConnectionsPerNamespace: 1000 });
    const clients = await storm(wsUrl, 200);
    await clients[0]?.until(() => clients[0]?.status !== 0, 'the first answer');
    await server.close();
    for (const client of clients) await client.gone();
    const inside = clients.filter(({ status }) => status === 101);
    for (const client of inside) expect(client.closeFrame?.code).toBe(1001);
    expect(inside.length).toBeLessThan(200);
    expect(server.stats()).toMatchObject({ accepted: inside.length, refused: { 503: 200 - inside.length } });
  });
});

test('an error of the listening socket is logged, a shortage of descriptors once, and ends nothing', () => {
  vi.useFakeTimers();
  const logger = new RecordingLogger();
  const onShort = vi.fn();
  const watch = new DescriptorWatch(logger, { limited: onShort });
  const server = new EventEmitter();
  watch.start(server as Server);
  const failWith = (code: string) =>
    server.emit('error', Object.assign(new Error(`accept ${code}`), { code, syscall: 'accept' }));
  for (let again = 0; again < 3; again++) failWith('EMFILE');
  expect(logger.entries).toEqual([
    { level: 'error', message: expect.stringContaining('Out of file descriptors'), context: undefined },
  ]);
  expect(onShort.mock.calls).toEqual([['descriptors']]);
  // There are enough here.
  vi.advanceTimersByTime(5000);
  expect(logger.warnings).toHaveLength(1);
  failWith('ENFILE');
  failWith('ENOBUFS');
  expect(onShort).toHaveBeenCalledTimes(2);
  expect(logger.entries.at(-1)).toMatchObject({ level: 'error', context: { error: 'accept ENOBUFS' } });
  watch.stop();
  expect(vi.getTimerCount()).toBe(0);
});
