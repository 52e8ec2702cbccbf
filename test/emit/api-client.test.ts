import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ApiClient } from '../../src/emit/api-client.js';
import { within } from '../support/deadline.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';

const EMISSION = { namespace: 'a', cursor: '1' };

const clients: ApiClient[] = [];
const others: { server: Server; sockets: Set<Socket> }[] = [];

function clientOf(url: string, options: { adminToken?: string; timeoutMs?: number } = {}): ApiClient {
  const client = new ApiClient({ url, ...options });
  clients.push(client);
  return client;
}

/** A server that is none of ours; resolves with its URL. */
async function startOther(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  others.push({ server, sockets });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const startHttp = (listener: RequestListener) => startOther(createHttpServer(listener));

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await disposeLive();
  for (const { server, sockets } of others.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('on a server of ours', () => {
  test('emit() broadcasts and answers who was handed the cursors', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const receiver = await openClient(wsUrl, 'a');
    const emitted = await clientOf(apiUrl).emit([EMISSION, { namespace: 'b', cursor: '2' }]);
    expect(emitted).toEqual([
      { namespace: 'a', cursor: '1', delivered: 1 },
      { namespace: 'b', cursor: '2', delivered: 0 },
    ]);
    expect(await receiver.received(1)).toEqual(['{"type":"cursor","cursor":"1"}']);
  });

  test('many emits use one connection and keep their order, awaited or not', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const receiver = await openClient(wsUrl, 'a');
    const client = clientOf(`${apiUrl}/`);
    const cursors = Array.from({ length: 50 }, (_, index) => String(index));
    await Promise.all(cursors.map((cursor) => client.emit([{ namespace: 'a', cursor }])));
    expect(await receiver.received(50)).toEqual(
      cursors.map((cursor) => `{"type":"cursor","cursor":"${cursor}"}`),
    );
  });

  test('get() answers what is at a path', async () => {
    const { apiUrl } = await startServer();
    expect(await clientOf(apiUrl).get('/v1/stats')).toMatchObject({ connections: 0 });
  });

  test('a refusal is ERR_REFUSED with the words and the fix of the server', async () => {
    const { apiUrl } = await startServer();
    await expect(clientOf(apiUrl).emit([{ namespace: '', cursor: '1' }])).rejects.toMatchObject({
      code: 'ERR_REFUSED',
      message: expect.stringMatching(/refused: 400 Expected `namespace` of item 0 .*\. Send \{/),
    });
  });

  test('the admin token is sent, and a wrong one is ERR_REFUSED and shown to nobody', async () => {
    const { apiUrl } = await startServer({ adminToken: 'right-token' });
    expect(await clientOf(apiUrl, { adminToken: 'right-token' }).emit([EMISSION])).toHaveLength(1);
    const error = await clientOf(apiUrl, { adminToken: 'wrong-token' })
      .emit([EMISSION])
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: 'ERR_REFUSED', message: expect.stringContaining('--admin-token') });
    expect(String(error.stack)).not.toContain('wrong-token');
  });

  test.each([-5, 1.5, '3', null])('a count of deliveries of %j is no answer', async (delivered) => {
    const url = await startHttp((_, response) =>
      response.end(JSON.stringify({ results: [{ ...EMISSION, delivered }] })),
    );
    await expect(clientOf(url).emit([EMISSION])).rejects.toMatchObject({ code: 'ERR_REFUSED' });
  });

  test('close() ends a request that is under way', async () => {
    const url = await startHttp(() => client.close());
    const client = clientOf(url);
    await expect(within(client.emit([EMISSION]), 'the end of the request')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
    });
  });
});

describe('on a server that is not there', () => {
  const unreachable = (why: RegExp) => ({
    code: 'ERR_UNREACHABLE',
    message: expect.stringMatching(
      new RegExp(`^Cannot reach http://.*: .*${why.source}.*\\. Is the server running\\?.*datafn-ws serve$`),
    ),
  });

  test('a port where nobody listens is ERR_UNREACHABLE with a hint', async () => {
    const url = await startOther(createServer());
    const { server } = others.pop() as { server: Server };
    await new Promise((resolve) => server.close(resolve));
    await expect(clientOf(url).emit([EMISSION])).rejects.toMatchObject(unreachable(/ECONNREFUSED/));
    // A name with several addresses fails in another way inside of Node, and must have a reason, too.
    const named = url.replace('127.0.0.1', 'localhost');
    await expect(clientOf(named).emit([EMISSION])).rejects.toMatchObject(unreachable(/ECONNREFUSED/));
  });

  test('a server that never answers is ERR_UNREACHABLE after the timeout', async () => {
    const url = await startOther(createServer());
    const emitting = clientOf(url, { timeoutMs: 100 }).emit([EMISSION]);
    await expect(within(emitting, 'the timeout')).rejects.toMatchObject(
      unreachable(/no complete answer within 100 ms/),
    );
  });

  test('a server that stops in the middle of its answer is ERR_UNREACHABLE', async () => {
    const url = await startHttp((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{"results":');
      response.socket?.end();
    });
    await expect(within(clientOf(url).emit([EMISSION]), 'an end')).rejects.toMatchObject(
      unreachable(/aborted/),
    );
  });

  test('a server that hangs in the middle of its answer is ERR_UNREACHABLE after the timeout', async () => {
    const url = await startHttp((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{"results":');
    });
    const emitting = clientOf(url, { timeoutMs: 100 }).emit([EMISSION]);
    await expect(within(emitting, 'the timeout')).rejects.toMatchObject(
      unreachable(/no complete answer within 100 ms/),
    );
  });

  test.each<[string, string, string]>([
    ['its head', 'HTTP/1.1 200 OK\r\nx: ', 'x'],
    ['its body', 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n', ' '],
    ['interim answers', '', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ])(
    'a server that sends a bit of %s now and then is ERR_UNREACHABLE after the timeout',
    async (_, head, bit) => {
      const url = await startOther(
        createServer((socket) => {
          socket.once('data', () => {
            socket.write(head);
            const timer = setInterval(() => socket.write(bit), 20);
            socket.on('close', () => clearInterval(timer));
          });
        }),
      );
      const emitting = clientOf(url, { timeoutMs: 100 }).emit([EMISSION]);
      await expect(within(emitting, 'the timeout')).rejects.toMatchObject(
        unreachable(/no complete answer within 100 ms/),
      );
    },
  );

  test('requests that wait for one without an answer fail at their own deadline, not one after the other', async () => {
    let connections = 0;
    const url = await startOther(
      createServer(() => {
        connections += 1;
      }),
    );
    const client = clientOf(url, { timeoutMs: 100 });
    const emitting = await Promise.allSettled(Array.from({ length: 10 }, () => client.emit([EMISSION])));
    for (const one of emitting) {
      expect(one).toMatchObject({
        status: 'rejected',
        reason: unreachable(/no complete answer within 100 ms/),
      });
    }
    // One after the other, each would have had a connection of its own to wait on.
    expect(connections).toBeLessThan(5);
  });

  test('a server that speaks no HTTP is ERR_UNREACHABLE', async () => {
    const url = await startOther(createServer((socket) => socket.end('220 mail.example ESMTP\r\n')));
    await expect(clientOf(url).emit([EMISSION])).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(/: Parse Error.*\. Is it a datafn-ws server\?/),
    });
  });
});

describe('on a server that is not ours', () => {
  test('an answer without end is ERR_REFUSED, and no more of it is read', async () => {
    const url = await startHttp((_, response) => {
      const fill = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024)));
      };
      response.on('drain', fill);
      fill();
    });
    await expect(within(clientOf(url).emit([EMISSION]), 'an end')).rejects.toMatchObject({
      code: 'ERR_REFUSED',
      message: expect.stringMatching(/an answer of more than 16 MiB/),
    });
  });

  test('101, which nobody asked for, is ERR_UNREACHABLE at once', async () => {
    const url = await startOther(
      createServer((socket) => {
        socket.once('data', () =>
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
        );
      }),
    );
    const emitted = clientOf(url).emit([EMISSION]);
    await expect(within(emitted, 'the end of an emit')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringContaining('101 Switching Protocols'),
    });
  });

  test('a server that repeats the admin token in its answer is not quoted with it', async () => {
    const adminToken = 'a-token-of-some-length';
    const url = await startHttp((_, response) => {
      response.writeHead(401, `No ${adminToken}`, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ detail: `Bearer ${adminToken}`, fix: `${adminToken}${adminToken}` }));
    });
    await expect(clientOf(url, { adminToken }).emit([EMISSION])).rejects.toMatchObject({
      message: `${url} refused: 401 Bearer …. ……`,
    });
    const bare = await startHttp((_, response) => response.writeHead(500, `No ${adminToken}`).end());
    await expect(clientOf(bare, { adminToken }).emit([EMISSION])).rejects.toMatchObject({
      message: `${bare} refused: 500 No …`,
    });
  });

  test('what was emitted is told in the words of the one who did, whatever the server says', async () => {
    const url = await startHttp((request, response) => {
      request.resume();
      response.end(
        JSON.stringify({ results: [{ namespace: 'x'.repeat(1e6), cursor: '\u001b[2J', delivered: 2 }] }),
      );
    });
    expect(await clientOf(url).emit([EMISSION])).toEqual([{ ...EMISSION, delivered: 2 }]);
  });

  test('404 under a path is ERR_REFUSED with where the API may be, a scheme in capitals is no obstacle', async () => {
    const { apiUrl } = await startServer();
    await expect(clientOf(`${apiUrl}/datafn`).emit([EMISSION])).rejects.toMatchObject({
      code: 'ERR_REFUSED',
      message: expect.stringMatching(new RegExp(`refused: 404 .* Is the HTTP API at ${apiUrl} instead\\?$`)),
    });
    expect(await clientOf(apiUrl.replace('http', 'HTTP')).emit([EMISSION])).toHaveLength(1);
  });

  test.each<[string, number, string, RegExp]>([
    [
      '200 with a web page',
      200,
      '<html>hello</html>',
      /an answer without `results`; is it a datafn-ws server\?/,
    ],
    ['200 with other JSON', 200, '{"ok":true}', /is it a datafn-ws server\?/],
    ['200 with null', 200, 'null', /is it a datafn-ws server\?/],
    ['200 with results that are none', 200, '{"results":[null]}', /is it a datafn-ws server\?/],
    ['200 with results without counts', 200, '{"results":[{"namespace":"a"}]}', /is it a datafn-ws server\?/],
    ['200 with too few results', 200, '{"results":[]}', /is it a datafn-ws server\?/],
    ['204 without a body', 204, '', /is it a datafn-ws server\?/],
    ['302 elsewhere', 302, '', /refused: 302 Found/],
    ['404 with a web page', 404, '<html>nope</html>', /refused: 404 Not Found/],
    ['500 with other JSON', 500, '{"error":"Disk full."}', /refused: 500 Disk full$/],
    [
      '401 with a fix',
      401,
      '{"detail":"Expected a token, got none.","fix":"Pass one."}',
      /refused: 401 Expected a token, got none\. Pass one$/,
    ],
    ['500 with JSON that says nothing', 500, '{"code":1}', /refused: 500 Internal Server Error/],
    ['400 with a speech', 400, `{"detail":"${'x'.repeat(10_000)}"}`, /^.{100,600}$/],
  ])('%s is ERR_REFUSED', async (_, status, body, message) => {
    const url = await startHttp((request, response) => {
      request.resume();
      response.writeHead(status, { 'content-type': 'text/html' }).end(body);
    });
    await expect(clientOf(url).emit([EMISSION])).rejects.toMatchObject({
      code: 'ERR_REFUSED',
      message: expect.stringMatching(message),
    });
  });
});
