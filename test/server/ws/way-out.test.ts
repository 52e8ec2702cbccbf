import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { attachWebSocketManager } from '../../../src/server/ws/attach.js';
import { within } from '../../support/deadline.js';
import { postCursors } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';

const message = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;
const range = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1));

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  await disposeLive();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Counts the writes to the server's end of a client's connection from here on. */
function watchWrites(client: RawClient): () => number {
  const spy = vi.spyOn(Socket.prototype, 'write');
  const port = client.localPort;
  return () => spy.mock.contexts.filter((socket) => (socket as Socket).remotePort === port).length;
}

describe('the cursors of one turn of the event loop', () => {
  test.each([1, 2, 100, 1000])('%i in one POST arrive in order, in one write and one read', async (count) => {
    const { wsUrl, apiUrl } = await startServer();
    const clients = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a')];
    const writes = clients.map(watchWrites);
    await postCursors(
      apiUrl,
      range(count).map((cursor) => ({ namespace: 'a', cursor })),
    );
    for (const [index, client] of clients.entries()) {
      expect(await client.received(count)).toEqual(range(count).map(message));
      expect(writes[index]?.()).toBe(1);
      expect(client.chunks).toHaveLength(1);
    }
  });

  test('of several namespaces are not mixed up, and each client gets its own in one write', async () => {
    const { wsUrl, server } = await startServer();
    const [a, b] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'b')];
    const late = await openClient(wsUrl, 'c');
    for (const cursor of range(5)) {
      server.websocketHandler.broadcastCursor(`a${cursor}`, 'a');
      server.websocketHandler.broadcastCursor(`b${cursor}`, 'b');
    }
    server.websocketHandler.broadcastCursor('c', 'c');
    expect(await a.received(5)).toEqual(range(5).map((cursor) => message(`a${cursor}`)));
    expect(await b.received(5)).toEqual(range(5).map((cursor) => message(`b${cursor}`)));
    expect(await late.received(1)).toEqual([message('c')]);
    expect([a.chunks.length, b.chunks.length]).toEqual([1, 1]);
  });

  test('of two turns go out in two writes, and nothing is held back for more', async () => {
    const { wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const writes = watchWrites(client);
    server.websocketHandler.broadcastCursor('1', 'a');
    await turn();
    expect(writes()).toBe(1);
    server.websocketHandler.broadcastCursor('2', 'a');
    await turn();
    expect(writes()).toBe(2);
    expect(await client.received(2)).toEqual([message('1'), message('2')]);
  });

  test('a frame of any length form is right: 125, 126 and 256 characters of payload and more', async () => {
    const { wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const envelope = message('').length;
    const cursors = [125, 126, 127, 256 + envelope, 65_535, 65_536].map((size) =>
      'c'.repeat(size - envelope),
    );
    for (const cursor of cursors) server.websocketHandler.broadcastCursor(cursor, 'a');
    expect(await client.received(cursors.length)).toEqual(cursors.map(message));
  });
});

describe('a client that does not read', () => {
  const FILLER = 'x'.repeat(240);
  const PER_TURN = 50;

  /** A server whose end of the connections can be looked at, with one client that reads and one that does not. */
  async function startPaused() {
    const http = createServer();
    const sockets: Socket[] = [];
    http.on('connection', (socket) => sockets.push(socket));
    const attached = attachWebSocketManager(http, { namespaceProvider: () => 'a', heartbeatIntervalMs: 0 });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    cleanups.push(async () => {
      await attached.close(200);
      await new Promise((resolve) => http.close(resolve));
    });
    const wsUrl = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/datafn/ws`;
    const [slow, healthy] = [await openClient(wsUrl), await openClient(wsUrl)];
    const serverEnd = sockets.find((socket) => socket.remotePort === slow.localPort) as Socket;
    slow.pause();
    let sent = 0;
    let mostWaiting = 0;
    /** Broadcasts, some cursors a turn, until so many were conflated. */
    const flood = async (conflated: number) => {
      while (attached.stats().conflated < conflated) {
        for (let index = 0; index < PER_TURN; index++) {
          sent += 1;
          attached.manager.broadcastCursor(`${sent}${FILLER}`, 'a');
        }
        await turn();
        mostWaiting = Math.max(mostWaiting, serverEnd.writableLength);
      }
      return sent;
    };
    return { attached, slow, healthy, serverEnd, flood, mostWaiting: () => mostWaiting };
  }

  const numbers = (client: RawClient) =>
    client.texts.map((text) => Number.parseInt(JSON.parse(text).cursor, 10));

  test('costs a bounded amount of memory, gets the newest cursor when it resumes, and then all that follow', async () => {
    const { attached, slow, healthy, serverEnd, flood, mostWaiting } = await startPaused();
    const sent = await flood(5000);
    const burstBytes = PER_TURN * (message(`${sent}${FILLER}`).length + 4);
    expect(mostWaiting()).toBeLessThanOrEqual(64 * 1024 + burstBytes);
    const backedUp = serverEnd.writableLength;
    await flood(10_000);
    // However much more is broadcast, no more waits for the client.
    expect(serverEnd.writableLength).toBe(backedUp);

    slow.resume();
    const last = await flood(0);
    await slow.until(() => numbers(slow).at(-1) === last, 'the newest cursor');
    const got = numbers(slow);
    expect(got).toEqual([...got].sort((one, other) => one - other));
    expect(new Set(got).size).toBe(got.length);
    // Each cursor was either sent or counted as conflated.
    expect(got.length + attached.stats().conflated).toBe(last);

    const conflated = attached.stats().conflated;
    attached.manager.broadcastCursor('999999999', 'a');
    await slow.until(() => numbers(slow).at(-1) === 999_999_999, 'the cursor after it has caught up');
    expect(attached.stats().conflated).toBe(conflated);
    // The one that reads lost nothing meanwhile.
    await healthy.received(last + 1);
    expect(numbers(healthy)).toEqual([...range(last).map(Number), 999_999_999]);
  });

  test('gets what it is owed before the close frame', async () => {
    const { attached, slow, flood } = await startPaused();
    const last = await flood(100);
    const closing = attached.close(5000);
    slow.resume();
    expect(await slow.closed()).toEqual({ code: 1001, reason: 'Going Away' });
    expect(numbers(slow).at(-1)).toBe(last);
    expect(slow.opcodes.at(-1)).toBe(0x8);
    expect(await closing).toEqual({ left: 2, cut: 0 });
  });

  test('and resets leaves nothing behind', async () => {
    const { attached, slow, flood } = await startPaused();
    const last = await flood(100);
    slow.reset();
    await within(
      (async () => {
        while (attached.manager.connectionCount > 1) await turn();
      })(),
      'the end of the slow client',
    );
    expect(attached.manager.broadcastCursor(`${last + 1}`, 'a')).toMatchObject({ delivered: 1, failed: 0 });
  });
});

describe('a close', () => {
  test('of the server, in the turn of a broadcast, lets the cursors out before its frame', async () => {
    const { wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    for (const cursor of range(3)) server.websocketHandler.broadcastCursor(cursor, 'a');
    const closing = server.close();
    expect(await client.closed()).toEqual({ code: 1001, reason: 'Going Away' });
    expect(client.texts).toEqual(range(3).map(message));
    expect(client.opcodes).toEqual([0x1, 0x1, 0x1, 0x8]);
    await closing;
  });

  test('of the client, in the turn of a broadcast, is answered after the cursors', async () => {
    const { wsUrl, server, events } = await startServer();
    const client = await openClient(wsUrl, 'a');
    // Told of right before the close, by the same read.
    const cursorOnHello = vi.spyOn(events, 'hello').mockImplementation(() => {
      server.websocketHandler.broadcastCursor('1', 'a');
    });
    client.socket.cork();
    client.say('{"type":"hello","clientId":"c-1"}');
    client.close(1000);
    client.socket.uncork();
    expect((await client.closed()).code).toBe(1000);
    expect(cursorOnHello).toHaveBeenCalledOnce();
    expect(client.texts).toEqual([message('1')]);
    expect(client.opcodes).toEqual([0x1, 0x8]);
  });
});
