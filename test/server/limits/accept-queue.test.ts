import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, Socket } from 'node:net';
import { setImmediate as tick } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { acceptInSlices, MAX_TLS_HANDSHAKES } from '../../../src/server/limits/accept-queue.js';
import { within } from '../../support/deadline.js';
import { disposeLive, startServer } from '../../support/live-server.js';
import { selfSignedCertificate } from '../../support/self-signed.js';

const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await disposeLive();
});

describe('connections that the system hands over at once', () => {
  function setUp() {
    const taken: Socket[] = [];
    const server = createServer();
    server.removeAllListeners('connection');
    server.on('connection', (socket) => taken.push(socket));
    acceptInSlices(server, 0, {});
    const arrivals = Array.from({ length: 200 }, () => new Socket());
    for (const socket of arrivals) server.emit('connection', socket);
    return { taken, arrivals };
  }

  test('are taken 64 in a tick, in order', async () => {
    const { taken, arrivals } = setUp();
    for (const count of [64, 128, 192, 200]) {
      expect(taken).toHaveLength(count);
      await tick();
    }
    expect(taken).toEqual(arrivals);
  });

  test('are left out when they are gone by then, or break', async () => {
    const { taken, arrivals } = setUp();
    const broken = arrivals.at(-1) as Socket;
    broken.destroy(new Error('reset'));
    for (let count = 0; count < 4; count++) await tick();
    expect(taken).toHaveLength(199);
    expect(taken).not.toContain(broken);
  });
});

describe('a TLS handshake', () => {
  const tls = selfSignedCertificate('localhost');
  /** The start of a hello: a record of 512 bytes, of which some are missing. */
  const HALF_A_HELLO = Buffer.concat([
    Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    Buffer.alloc(99),
  ]);

  function open(port: number, bytes = Buffer.alloc(0)) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.add(socket);
    socket.resume().write(bytes);
    return { socket, ended: once(socket, 'close') };
  }

  test.each([
    ['that never begins', Buffer.alloc(0)],
    ['that does not go on', HALF_A_HELLO],
  ])('one %s ends with handshakeTimeoutMs, and is counted', async (_, bytes) => {
    const { port, server } = await startServer({ tls, handshakeTimeoutMs: 100 });
    await within(open(port, bytes).ended, 'the end of a slow handshake');
    expect(server.stats().limited.slowRequests).toBe(1);
  });

  test('one of more than may be under way ends the oldest, and a new client gets in', async () => {
    const { port, server } = await startServer({ tls, handshakeTimeoutMs: 0 });
    const oldest = open(port, HALF_A_HELLO);
    for (let count = 0; count < MAX_TLS_HANDSHAKES; count++) open(port, HALF_A_HELLO);
    await within(oldest.ended, 'the end of the oldest');
    const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    sockets.add(client);
    await within(once(client, 'secureConnect'), 'a handshake among them');
    expect(server.stats().limited.pendingConnections).toBeGreaterThanOrEqual(1);
  });

  /** Handshakes on fake connections, which do not close. */
  function setUp() {
    const counts = { terminated: 0 };
    const destroyed: number[] = [];
    const server = createTlsServer();
    server.removeAllListeners('connection');
    acceptInSlices(server, 0, {
      limited: (limit) => {
        expect(limit).toBe('pendingConnections');
        counts.terminated += 1;
      },
    });
    const begin = async (remotePort: number) => {
      const socket = Object.assign(new Socket(), {
        destroy() {
          destroyed.push(remotePort);
          return socket;
        },
      });
      Object.defineProperties(socket, {
        remoteAddress: { value: '127.0.0.1' },
        remotePort: { value: remotePort },
      });
      server.emit('connection', socket);
      socket.emit('readable');
      await tick();
      return socket;
    };
    return { server, begin, counts, destroyed };
  }

  test('each one too many ends another, though the close of the one before has not come', async () => {
    const { begin, destroyed } = setUp();
    for (let port = 1; port <= MAX_TLS_HANDSHAKES + 3; port++) await begin(port);
    expect(destroyed).toEqual([1, 2, 3]);
  });

  test('one that is finished counts no more', async () => {
    const { server, begin, counts } = setUp();
    for (let port = 1; port <= MAX_TLS_HANDSHAKES; port++) server.emit('secureConnection', await begin(port));
    await begin(MAX_TLS_HANDSHAKES + 1);
    expect(counts.terminated).toBe(0);
    for (let port = 1; port <= MAX_TLS_HANDSHAKES; port++) await begin(port);
    expect(counts.terminated).toBe(1);
  });
});
