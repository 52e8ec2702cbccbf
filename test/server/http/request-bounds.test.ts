import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { EVENT_WITHIN_MS, within } from '../../support/deadline.js';
import { postCursors } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';

const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await disposeLive();
});

const HANDSHAKE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

/** Resolves at the end of a connection, however it ends. */
const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

/** What a server answers to these bytes, until it ends the connection. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  sockets.add(socket);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(bytes);
  await within(closed(socket), () => `the end of a connection, which got ${answer}`);
  return answer;
}

const statuses = (answers: string) => [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);

describe('requests that are sent before the first is answered', () => {
  test('are answered in order, when they are 16', async () => {
    const { port, server } = await startServer();
    const answers = await exchange(
      port,
      get('/v1/stats').repeat(14) + get('/v1/nothing') + get('/v1/namespaces', 'Connection: close\r\n'),
    );
    expect(statuses(answers)).toEqual([...Array(14).fill('200'), '404', '200']);
    expect(server.stats().limited.pipelinedRequests).toBe(0);
  });

  test.each([
    ['of a caller', get('/v1/stats')],
    ['of a stranger', get('/healthz')],
    ['that are upgrades at last', get('/v1/stats').repeat(16) + get('/datafn/ws?token=a', HANDSHAKE)],
  ])('end the connection when they are more, %s, and nothing more of them is parsed', async (_, request) => {
    const { port, server } = await startServer();
    const answers = await exchange(port, request.repeat(1000));
    expect(statuses(answers).length).toBeLessThanOrEqual(16);
    expect(server.stats()).toMatchObject({ accepted: 0, limited: { pipelinedRequests: 1 } });
  });

  test.each([
    ['what is no request', 'NOT HTTP\r\n\r\n', '400'],
    [
      'one with two lengths',
      'POST /v1/cursors HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n',
      '400',
    ],
    ['one with a head that is too long', get('/v1/stats', `X-Long: ${'x'.repeat(20_000)}\r\n`), '431'],
  ])('are answered before %s behind them', async (_, behind, status) => {
    const { port } = await startServer();
    const answers = await exchange(port, get('/v1/stats').repeat(3) + behind + get('/v1/stats'));
    expect(statuses(answers)).toEqual(['200', '200', '200', status]);
  });

  test('may follow one another for ever when each is answered before the next', async () => {
    const { apiUrl, wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    for (let cursor = 1; cursor <= 40; cursor++)
      expect((await postCursors(apiUrl, { namespace: 'a', cursor: `${cursor}` })).status).toBe(200);
    expect(await client.received(40)).toHaveLength(40);
    expect(server.stats().limited.pipelinedRequests).toBe(0);
  });
});

describe('answers that are not read', () => {
  /** An answer as large as the body may be, which is more than the system takes when it is sent a few times. */
  function callsWithLongAnswers(count: number): string {
    const cursor = '9'.repeat(256);
    const body = JSON.stringify(Array.from({ length: 10_000 }, () => ({ namespace: 'a', cursor })));
    return `POST /v1/cursors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`.repeat(
      count,
    );
  }

  test('end their connection after requestTimeoutMs, and an upgrade behind them is for nobody', async () => {
    const { port, server, events } = await startServer({ requestTimeoutMs: 4000 });
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.add(socket);
    socket.pause();
    socket.write(callsWithLongAnswers(6) + get('/datafn/ws?token=a', HANDSHAKE));
    // It never reads, so its end is only seen where it writes.
    const writing = setInterval(() => socket.write('x'), 50);
    await within(closed(socket), 'the end of a connection that is not read');
    clearInterval(writing);
    const { limited, accepted } = server.stats();
    expect([limited.unreadAnswers + limited.slowRequests, accepted]).toEqual([1, 0]);
    expect(events.of('rejectedUpgrade')).toEqual([]);
  });

  test('count once, where the request behind them is too slow as well by the time that the server notices', async () => {
    const { port, server } = await startServer({ requestTimeoutMs: 1000 });
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.add(socket);
    socket.pause();
    socket.write(callsWithLongAnswers(6));
    // Until the server reads no more: the last request that it has begun to read is not complete.
    for (let before = -1; before !== server.stats().broadcasts || before === 0; ) {
      before = server.stats().broadcasts;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const standsUntilMs = performance.now() + 2500;
    while (performance.now() < standsUntilMs);
    const writing = setInterval(() => socket.write('x'), 50);
    await within(closed(socket), 'the end of a connection that is not read');
    clearInterval(writing);
    const { limited } = server.stats();
    expect(limited.unreadAnswers + limited.slowRequests).toBe(1);
  });
});

describe('bytes that come before a handshake is answered', () => {
  test('end the connection when they are more than 16 KiB, and the provider is not asked', async () => {
    let asked = 0;
    const { port, events } = await startServer({
      namespaceProvider: () => {
        asked += 1;
        return { namespace: 'a' };
      },
    });
    const answers = await exchange(port, get('/datafn/ws?token=a', HANDSHAKE) + 'x'.repeat(17_000));
    expect(statuses(answers)).toEqual(['400']);
    const [rejected] = await events.until('rejectedUpgrade');
    expect([rejected?.status, asked]).toEqual([400, 0]);
  });
});

describe('a request that expects something else', () => {
  const STRANGE = get('/v1/stats', 'Expect: a\r\n');

  test('is answered as if it expected nothing, in its turn, and within the limit', async () => {
    const { port, server } = await startServer();
    const three = await exchange(
      port,
      STRANGE.repeat(2) + get('/v1/stats', 'Expect: a\r\nConnection: close\r\n'),
    );
    expect(statuses(three)).toEqual(['200', '200', '200']);
    const many = await exchange(port, STRANGE.repeat(1000));
    expect(statuses(many).length).toBeLessThanOrEqual(16);
    expect(server.stats().limited.pipelinedRequests).toBe(1);
  });

  test('is not overtaken by an upgrade behind it', async () => {
    const { port, events } = await startServer();
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    let answers = '';
    socket.on('data', (chunk) => {
      answers += chunk;
    });
    socket.write(STRANGE.repeat(3) + get('/datafn/ws?token=a', HANDSHAKE));
    await events.until('connected');
    await expect
      .poll(() => statuses(answers), { timeout: EVENT_WITHIN_MS })
      .toEqual(['200', '200', '200', '101']);
  });

  test('by a stranger is the last of its connection', async () => {
    const { port } = await startServer({ adminToken: '0123456789abcdef' });
    expect(statuses(await exchange(port, STRANGE.repeat(10)))).toEqual(['401']);
  });
});

describe('a request that expects 100 Continue', () => {
  test('with two tokens that differ is an upgrade without a namespace, as any other', async () => {
    const { port, events } = await startServer();
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.write(
      get('/datafn/ws?token=a', `${HANDSHAKE}Expect: 100-continue\r\nAuthorization: Bearer b\r\n`),
    );
    const [refused] = await events.until('refused');
    expect(refused?.code).toBe(4401);
  });

  test('without the admin token is answered before its body, which is not read', async () => {
    const { port, server } = await startServer({ adminToken: '0123456789abcdef' });
    const answers = await exchange(
      port,
      'POST /v1/cursors HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n',
    );
    expect(statuses(answers)).toEqual(['401']);
    expect(server.stats().broadcasts).toBe(0);
  });

  test('is told to go on when its body is wanted, and then answered', async () => {
    const { port, server } = await startServer();
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    const answers: string[] = [];
    socket.on('data', (chunk) => answers.push(String(chunk)));
    socket.write(
      'POST /v1/cursors HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n',
    );
    await within(new Promise((resolve) => socket.once('data', resolve)), '100 Continue');
    socket.write('{"namespace":"a","cursor":"1"}');
    await within(closed(socket), 'the answer');
    expect(statuses(answers.join(''))).toEqual(['100', '200']);
    expect(server.stats().broadcasts).toBe(1);
  });
});
