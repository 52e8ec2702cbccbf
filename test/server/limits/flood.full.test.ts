import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { HealthyClients } from '../../fuzz/healthy.js';
import { call } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';
import { RawClient } from '../../support/raw-client.js';

const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await disposeLive();
});

/** As many connections of one flooder as the server may leave waiting; then it goes on as fast as they are ended. */
const WAITING_AT_MOST = 60;

/** Connections that say half a request, or nothing, and are kept open. */
async function halfOpen(port: number, isOver: () => boolean): Promise<void> {
  const ends: Promise<unknown>[] = [];
  for (let count = 0; !isOver(); count++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.add(socket);
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await Promise.race([once(socket, 'connect').catch(() => {}), ended]);
    if (count % 2 === 0) socket.write('GET /datafn/ws?token=a HTTP/1.1\r\nHost: 127');
    ends.push(ended);
    if (ends.length > WAITING_AT_MOST) await ends.shift();
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
  const { wsUrl, apiUrl, port } = await startServer({ maxPendingConnections: 100 });
  const healthy = await HealthyClients.connect(wsUrl, apiUrl);
  healthy.begin();
  let over = false;
  const isOver = () => over;
  const flood = [
    ...Array.from({ length: 4 }, () => halfOpen(port, isOver)),
    ...Array.from({ length: 4 }, () => strangers(wsUrl, isOver)),
  ];
  const stats = async () => (await call('GET', `${apiUrl}/v1/stats`)).json;
  const newcomers: RawClient[] = [];
  // It goes on until everybody has done enough.
  for (;;) {
    const newcomer = await openClient(wsUrl, `newcomer:${newcomers.length}`);
    await newcomer.roundTrip();
    newcomers.push(newcomer);
    const { refused, limited } = await stats();
    if (newcomers.length > 5 && healthy.emitted > 10 && refused[4401] > 20 && limited.pendingConnections > 20)
      break;
  }
  over = true;
  await Promise.all(flood);

  expect(await healthy.finish()).toEqual([]);
  expect(newcomers.every(({ isOpen }) => isOpen)).toBe(true);
  expect((await stats()).connections).toBe(healthy.count + newcomers.length);
  await healthy.leave();
});
