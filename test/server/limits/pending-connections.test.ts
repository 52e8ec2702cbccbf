import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { EVENT_WITHIN_MS, within } from '../../support/deadline.js';
import { call, postCursors } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';
import { selfSignedCertificate } from '../../support/self-signed.js';

const ADMIN_TOKEN = '0123456789abcdef';
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await disposeLive();
});

/** A connection that says `text` and no more. Its end resolves `ended`. */
async function connection(port: number, text = '') {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  sockets.add(socket);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(answer)));
  await within(once(socket, 'connect'), 'a connection');
  socket.write(text);
  return {
    ended,
    isOpen: () => !socket.destroyed,
    write: (more: string) => socket.write(more),
    answered: () => within(once(socket, 'data'), 'an answer'),
  };
}

/** Resolves when the server has taken in all connections before this one: they are accepted in turn. */
const settled = (apiUrl: string) => call('GET', `${apiUrl}/healthz`, { headers: { connection: 'close' } });

describe('connections without a request', () => {
  test('beyond maxPendingConnections, the one that has waited longest is cut', async () => {
    const { port, apiUrl, server } = await startServer({ maxPendingConnections: 2 });
    const [first, second, third] = [
      await connection(port),
      await connection(port, 'GET /healthz HTTP/1.1\r\nHost: loc'),
      await connection(port),
    ];
    await within(first.ended, 'the end of the first');
    await settled(apiUrl);
    await within(second.ended, 'the end of the second, when one more connected');
    expect(third.isOpen()).toBe(true);
    expect(server.stats().limited).toMatchObject({ pendingConnections: 2, slowRequests: 0 });
  });

  test('do not count when they have become clients, nor does a call of the API that is worked on make room for others', async () => {
    const { port, wsUrl, apiUrl, server } = await startServer({ maxPendingConnections: 1 });
    const clients = [
      await openClient(wsUrl, 'a'),
      await openClient(wsUrl, 'a'),
      await openClient(wsUrl, 'a'),
    ];
    const body = JSON.stringify({ namespace: 'a', cursor: '1' });
    const slow = await connection(
      port,
      `POST /v1/cursors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n`,
    );
    await slow.answered();
    const cut = await connection(port);
    await settled(apiUrl);
    await within(cut.ended, 'the end of one that never asked');
    slow.write(body);
    expect(await within(slow.ended, 'the answer to a slow request')).toContain('"delivered":3');
    expect(clients.every(({ isOpen }) => isOpen)).toBe(true);
    expect(server.stats().limited.pendingConnections).toBe(1);
  });

  test('do not count when they have become clients right after another request, which is answered first', async () => {
    const { port, server, events } = await startServer({ maxPendingConnections: 1, closeTimeoutMs: 50 });
    const handshake =
      'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
    const client = await connection(
      port,
      `GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/namespaces HTTP/1.1\r\nHost: localhost\r\n\r\nGET /datafn/ws?token=a HTTP/1.1\r\nHost: localhost\r\n${handshake}\r\n`,
    );
    await events.until('connected');
    const cut = await connection(port);
    await connection(port);
    await within(cut.ended, 'the end of one that never asked');
    expect(client.isOpen()).toBe(true);
    expect(server.stats().limited.pendingConnections).toBe(1);
    await server.close();
    const heads = [...(await within(client.ended, 'the end of the client')).matchAll(/HTTP\/1\.1 (\d+)/g)];
    expect(heads.map(([, status]) => status)).toEqual(['200', '200', '101']);
  });

  test('end with the answer to a request that anybody may make, or nobody', async () => {
    const { port, server } = await startServer({ adminToken: ADMIN_TOKEN, cors: true });
    for (const request of [
      'GET /healthz',
      'GET /readyz',
      'GET /v1/stats',
      'GET /nothing',
      'OPTIONS /v1/stats HTTP/1.1\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: GET',
    ]) {
      const line = request.includes('HTTP/1.1') ? request : `${request} HTTP/1.1`;
      const stranger = await connection(port, `${line}\r\nHost: localhost\r\n\r\n`.repeat(3));
      const answers = await within(stranger.ended, `the end after ${request}`);
      expect(answers.match(/HTTP\/1\.1 \d{3}/g), request).toHaveLength(1);
      expect(answers, request).toMatch(/^connection: close/im);
    }
    expect(server.stats().limited.pendingConnections).toBe(0);
  });

  test('are terminated before a caller of the API that keeps its connection for the next call', async () => {
    const { port, apiUrl, server } = await startServer({
      maxPendingConnections: 4,
      adminToken: ADMIN_TOKEN,
      cors: true,
    });
    const call = `GET /v1/stats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`;
    const caller = await connection(port, call);
    await caller.answered();
    // Preflights, which succeed for anybody, and half a request behind them.
    const preflight =
      'OPTIONS /v1/stats HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: GET\r\n';
    const flood = [];
    for (let count = 0; count < 60; count++)
      flood.push(await connection(port, count % 2 === 0 ? preflight : `${preflight}\r\nGET /`));
    await settled(apiUrl);
    const ended = flood.slice(0, -4).map(({ ended }) => within(ended, 'the end of a stranger'));
    await Promise.all(ended);
    expect(caller.isOpen()).toBe(true);
    caller.write(call);
    await caller.answered();
    expect(server.stats().limited.pendingConnections).toBeGreaterThan(20);
  });

  test('that have made an authorized request have the same limit to themselves', async () => {
    const { port, server } = await startServer({ maxPendingConnections: 3 });
    const callers = [];
    for (let count = 0; count < 5; count++) {
      const caller = await connection(port, 'GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await caller.answered();
      callers.push(caller);
    }
    const oldest = callers.slice(0, 2).map(({ ended }) => within(ended, 'the end of a caller'));
    await Promise.all(oldest);
    const stranger = await connection(port, '');
    expect([...callers.slice(2), stranger].map(({ isOpen }) => isOpen())).toEqual([true, true, true, true]);
    expect(server.stats().limited.pendingConnections).toBe(2);
  });

  test('count before their TLS handshake, too, and do not keep the server from closing', async () => {
    const tls = selfSignedCertificate('localhost');
    const { port, server } = await startServer({ tls, maxPendingConnections: 1, handshakeTimeoutMs: 0 });
    const first = await connection(port);
    const second = await connection(port);
    await within(first.ended, 'the end of the first');
    await within(server.close(), 'the end of the server');
    await within(second.ended, 'the end of the second');
  });

  test('may be as many as there are, with Infinity', async () => {
    const { port, apiUrl, server } = await startServer({ maxPendingConnections: Number.POSITIVE_INFINITY });
    for (let count = 0; count < 20; count++) await connection(port);
    await settled(apiUrl);
    expect(server.stats().limited.pendingConnections).toBe(0);
  });
});

describe('a request that takes too long', () => {
  test.each([
    ['that never begins', ''],
    ['whose head never ends', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: '],
    [
      'whose upgrade never ends',
      'GET /datafn/ws?token=a HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n',
    ],
  ])('one %s is answered 408 after handshakeTimeoutMs', async (_, text) => {
    const { port, server } = await startServer({ handshakeTimeoutMs: 100 });
    const { ended } = await connection(port, text);
    expect(await within(ended, 'the end of a slow connection')).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*"status":408/,
    );
    expect(server.stats().limited.slowRequests).toBe(1);
  });

  test('one whose body never ends is answered 408 after requestTimeoutMs, and nothing of it is broadcast', async () => {
    const { port, wsUrl, server } = await startServer({ requestTimeoutMs: 200 });
    const client = await openClient(wsUrl, 'a');
    const { ended } = await connection(
      port,
      'POST /v1/cursors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"namespace":"a"',
    );
    expect(await within(ended, 'the end of a slow request')).toMatch(/^HTTP\/1\.1 408 /);
    await client.roundTrip();
    expect([client.texts.length, client.isOpen]).toEqual([0, true]);
    expect(server.stats()).toMatchObject({ broadcasts: 0, limited: { slowRequests: 1 } });
  });

  test('a client that is admitted is under neither limit', async () => {
    const { wsUrl, apiUrl, port } = await startServer({ handshakeTimeoutMs: 100, requestTimeoutMs: 100 });
    // On a machine that stands still, a handshake or a request may come too late itself.
    const client = await vi.waitFor(() => openClient(wsUrl, 'a'), EVENT_WITHIN_MS);
    // Slow ones come and go meanwhile, so that time passes by the server's own clock.
    await within((await connection(port)).ended, 'the end of a slow connection');
    await within((await connection(port)).ended, 'the end of another');
    await vi.waitFor(async () => {
      expect((await postCursors(apiUrl, { namespace: 'a', cursor: '1' })).status).toBe(200);
    }, EVENT_WITHIN_MS);
    expect(await client.received(1)).toHaveLength(1);
  });
});

describe('an API request over a limit is counted', () => {
  test('by maxBodySizeBytes and maxBatchItems', async () => {
    const { apiUrl, server } = await startServer({ maxBodySizeBytes: 100, maxBatchItems: 1 });
    expect((await postCursors(apiUrl, 'x'.repeat(101))).status).toBe(413);
    const item = { namespace: 'a', cursor: '1' };
    expect((await postCursors(apiUrl, [item, item])).status).toBe(413);
    expect(server.stats().limited).toMatchObject({ bodySize: 1, batchItems: 1 });
  });
});
