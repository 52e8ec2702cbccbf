import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { HealthyClients } from '../fuzz/healthy.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { call } from '../support/http-call.js';
import { RawClient } from '../support/raw-client.js';

const FLOOD_MS = 1500;

const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await disposeProcesses();
});

/** Connections that say half a request, or nothing, and are kept open. */
async function halfOpen(port: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.add(socket);
    await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', resolve));
    if (sockets.size % 2 === 0) socket.write('GET /datafn/ws?token=a HTTP/1.1\r\nHost: 127');
    socket.once('close', () => sockets.delete(socket));
  }
}

/** Clients that nobody knows: each is told 4401, does not answer that, and is followed by the next. */
async function strangers(wsUrl: string, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const stranger = new RawClient(wsUrl, { answersClose: false });
    sockets.add(stranger.socket);
    await stranger.closed().catch(() => {});
    // It talks on, for as long as it is let.
    for (let count = 0; count < 50; count++) stranger.say('{"type":"hello"}');
  }
}

test('a flood of half-open connections and of clients that nobody knows costs the admitted nothing, and does not keep a new one out', async () => {
  const serve = await startServe(['--log-level', 'warn', '--max-pending-connections', '100']);
  const { wsUrl, apiUrl } = serve;
  const healthy = await HealthyClients.connect(wsUrl, apiUrl);
  healthy.begin();
  const over = performance.now() + FLOOD_MS;
  const isOver = () => performance.now() > over;
  const flood = [
    ...Array.from({ length: 4 }, () => halfOpen(Number(new URL(apiUrl).port), isOver)),
    ...Array.from({ length: 4 }, () => strangers(wsUrl, isOver)),
  ];
  const newcomers: RawClient[] = [];
  while (!isOver()) {
    const newcomer = await RawClient.open(wsUrl, { token: `newcomer:${newcomers.length}` });
    await newcomer.roundTrip();
    newcomers.push(newcomer);
  }
  await Promise.all(flood);

  expect(await healthy.finish()).toEqual([]);
  expect(healthy.emitted).toBeGreaterThan(10);
  expect(newcomers.length).toBeGreaterThan(5);
  expect(newcomers.every(({ isOpen }) => isOpen)).toBe(true);
  const { connections, refused, limited } = (await call('GET', `${apiUrl}/v1/stats`)).json;
  expect(connections).toBe(6 + newcomers.length);
  expect(refused[4401]).toBeGreaterThan(50);
  expect(limited.pendingConnections).toBeGreaterThan(50);
  await healthy.leave();
  await Promise.all(newcomers.map((newcomer) => newcomer.destroy()));
});
