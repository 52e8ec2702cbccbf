import { once } from 'node:events';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import type { DatafnWsServerOptions } from '../../../src/server/server-types.js';
import {
  answerJson,
  bodyOf,
  FakeDatafn,
  httpBackend,
  type Listening,
  tcpBackend,
} from '../../support/fake-backend.js';
import { call } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';

const backends: Listening[] = [];

afterEach(async () => {
  await disposeLive();
  await Promise.all(backends.splice(0).map((backend) => backend.close()));
});

function kept(backend: Listening): Listening {
  backends.push(backend);
  return backend;
}

/** A backend, a proxy in front of it, and what a client of it calls. */
async function proxied(options: DatafnWsServerOptions = {}) {
  const datafn = new FakeDatafn();
  const backend = kept(await httpBackend(datafn.listener));
  const live = await startServer({ proxy: backend.url, ...options });
  const post = (route: string, body: unknown, headers: Record<string, string> = {}) =>
    call('POST', `${live.apiUrl}/datafn/${route}`, {
      headers: { 'content-type': 'application/json', authorization: 'Bearer ns', ...headers },
      body: JSON.stringify(body),
    });
  let mutations = 0;
  const mutation = () => {
    mutations += 1;
    return {
      clientId: 'a',
      mutationId: `m${mutations}`,
      resource: 'task',
      id: 't1',
      operation: 'insert',
      record: {},
    };
  };
  const push = (headers?: Record<string, string>) =>
    post('push', { clientId: 'a', mutations: [mutation()] }, headers);
  return { ...live, datafn, backend, post, push, mutation };
}

const cursor = (value: number | string) => `{"type":"cursor","cursor":"${value}"}`;
const result = (fields: object) => ({ ok: true, result: { ok: true, ...fields } });

describe('a request', () => {
  test('reaches the backend with its own headers, those of its connection left out, and X-Forwarded', async () => {
    const { apiUrl, datafn, backend } = await proxied();
    const { status } = await call('POST', `${apiUrl}/datafn/reconcile?a=%20b`, {
      headers: {
        'X-Own': 'a',
        cookie: 'b=c',
        te: 'trailers',
        connection: 'x-hop',
        'x-hop': '1',
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'evil.example',
      },
      body: '{}',
    });
    expect(status).toBe(200);
    const [{ url, headers } = { url: '', headers: {} }] = datafn.requests;
    expect(url).toBe('/datafn/reconcile?a=%20b');
    expect(headers).toEqual({
      'x-own': 'a',
      cookie: 'b=c',
      connection: 'keep-alive',
      host: new URL(backend.url).host,
      'content-length': '2',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(apiUrl).host,
    });
  });

  test('keeps the X-Forwarded headers of a proxy that is trusted', async () => {
    const { apiUrl, datafn } = await proxied({ trustProxy: ['loopback'] });
    const headers = {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'app.example',
    };
    await call('GET', `${apiUrl}/datafn/status`, { headers });
    expect(datafn.requests[0]?.headers).toMatchObject({
      ...headers,
      'x-forwarded-for': '6.6.6.6, 127.0.0.1',
    });
  });

  test('of any method and below any path goes to the path of the backend, and others do not', async () => {
    const seen: string[] = [];
    const backend = kept(
      await httpBackend((request, response) => {
        seen.push(`${request.method} ${request.url}`);
        response.end();
      }),
    );
    const { apiUrl } = await startServer({ proxy: `${backend.url}/api/fn/` });
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])
      expect((await call(method, `${apiUrl}/datafn/a//b?c=d`)).status).toBe(200);
    expect((await call('GET', `${apiUrl}/datafn`)).status).toBe(200);
    for (const path of [
      '/datafnx',
      '/',
      '/v1/none',
      '/datafn/../admin',
      '/datafn/%2e%2e/admin',
      '/datafn/..%2fadmin',
    ])
      expect((await call('GET', `${apiUrl}${path}`)).status, path).toBeGreaterThanOrEqual(400);
    expect((await call('GET', `${apiUrl}/datafn/ws`)).status).toBe(426);
    expect((await call('GET', `${apiUrl}/healthz`)).json).toEqual({ status: 'ok' });
    expect(seen).toEqual([
      ...['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'].map(
        (method) => `${method} /api/fn/a//b?c=d`,
      ),
      'GET /api/fn',
    ]);
  });

  test('whose Host is no loopback name is refused under the dev provider: a page may have rebound its name', async () => {
    const { apiUrl, datafn } = await proxied();
    const answer = await call('GET', `${apiUrl}/datafn/status`, { headers: { host: 'evil.example' } });
    expect(answer).toMatchObject({ status: 403, json: { detail: expect.stringContaining('evil.example') } });
    expect(datafn.requests).toEqual([]);
  });

  test('on a connection that is used again goes out on one, too, and a large body waits for the backend', async () => {
    const sockets = new Set<unknown>();
    let bytes = 0;
    const backend = kept(
      await httpBackend(async (request, response) => {
        sockets.add(request.socket);
        bytes += (await bodyOf(request)).length;
        response.end();
      }),
    );
    const { apiUrl } = await startServer({ proxy: backend.url });
    const body = Buffer.alloc(3 * 1024 * 1024, 'x');
    for (let round = 0; round < 5; round++)
      expect((await fetch(`${apiUrl}/datafn/x`, { method: 'POST', body })).status).toBe(200);
    expect(sockets.size).toBe(1);
    expect(bytes).toBe(5 * body.length);
  });

  test('that expects 100 Continue gets it from the backend', async () => {
    const { apiUrl, datafn } = await proxied();
    const socket = createConnection(Number(new URL(apiUrl).port), '127.0.0.1');
    socket.write(
      'POST /datafn/reconcile HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
    );
    const [first] = await once(socket, 'data');
    expect(String(first)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('{}');
    const [second] = await once(socket, 'data');
    expect(String(second)).toContain('HTTP/1.1 200 OK');
    expect(datafn.requests[0]?.headers.expect).toBe('100-continue');
    socket.destroy();
  });
});

describe('a cursor', () => {
  test('of a push is broadcast once to the clients of its namespace, and to no other', async () => {
    const { wsUrl, push, events } = await proxied();
    const [client, other] = [await openClient(wsUrl, 'ns'), await openClient(wsUrl, 'other')];
    await push();
    await push();
    expect(await client.received(2)).toEqual([cursor(1), cursor(2)]);
    expect(other.texts).toEqual([]);
    expect(events.of('broadcast')).toMatchObject([
      { namespace: 'ns', cursor: '1', delivered: 1 },
      { namespace: 'ns', cursor: '2', delivered: 1 },
    ]);
  });

  test('is broadcast after the last byte of its response was handed to the socket', async () => {
    const { wsUrl, datafn, post } = await proxied();
    const client = await openClient(wsUrl, 'ns');
    let finish = () => {};
    datafn.override = (_, response) => {
      const text = JSON.stringify(result({ cursor: '7', cursorBefore: '6' }));
      response.writeHead(200, { 'content-length': text.length + 1 });
      response.write(text);
      finish = () => response.end('\n');
      return true;
    };
    const answer = post('push', {});
    while (datafn.requests.length === 0) await sleep(5);
    await sleep(100);
    expect(client.texts).toEqual([]);
    finish();
    expect((await answer).json).toEqual(result({ cursor: '7', cursorBefore: '6' }));
    expect(await client.received(1)).toEqual([cursor(7)]);
  });

  test('whose response was overtaken by that of a higher one is not sent', async () => {
    const { wsUrl, datafn, post, events } = await proxied();
    await openClient(wsUrl, 'ns');
    const waiting: (() => void)[] = [];
    datafn.override = (request, response) => {
      const at = Number(request.headers['x-at']);
      waiting[at] = () =>
        answerJson(response, 200, result({ cursor: String(at), cursorBefore: String(at - 1) }));
      return true;
    };
    const answers = [5, 7, 6].map((at) => post('push', {}, { 'x-at': String(at) }));
    while (datafn.requests.length < 3) await sleep(5);
    waiting[7]?.();
    await answers[1];
    await events.until('broadcast');
    for (const at of [5, 6]) waiting[at]?.();
    await Promise.all(answers);
    const last = post('push', {}, { 'x-at': '8' });
    while (waiting[8] === undefined) await sleep(5);
    waiting[8]();
    await last;
    expect((await events.until('broadcast', 2)).map((one) => one.cursor)).toEqual(['7', '8']);
  });

  test('of a backend that counts anew is broadcast, and warned of once', async () => {
    const { wsUrl, datafn, post, logger } = await proxied();
    const client = await openClient(wsUrl, 'ns');
    for (const at of [90, 3, 4, 2]) {
      datafn.override = (_, response) => {
        answerJson(response, 200, result({ cursor: String(at), cursorBefore: String(at - 1) }));
        return true;
      };
      await post('push', {});
      await client.received(client.texts.length + 1);
    }
    expect(client.texts).toEqual([90, 3, 4, 2].map(cursor));
    expect(logger.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('The backend counts its cursors anew'),
    ]);
  });

  test('is sent once more when the namespace has been quiet for a second: clients drop one while they pull', async () => {
    const { wsUrl, push, events } = await proxied();
    const client = await openClient(wsUrl, 'ns');
    await push();
    expect(await client.received(2)).toEqual([cursor(1), cursor(1)]);
    expect(events.of('broadcast')).toHaveLength(1);
  });

  test('that clients of a backend could not hear is sent to one that says hello', async () => {
    const { wsUrl, push, post, events } = await proxied();
    await push();
    await events.until('broadcast');
    const behind = await openClient(wsUrl, 'ns');
    behind.say('{"type":"hello","clientId":"a","cursors":{"task":"0"}}');
    expect(await behind.received(1)).toEqual([cursor(1)]);
    // Of a clone as well, which is broadcast to nobody.
    const cloned = { clientId: 'a', tables: ['task'] };
    await post('clone', cloned, { authorization: 'Bearer other' });
    await post(
      'mutation',
      { clientId: 'a', mutationId: 'x', resource: 'task', id: '1', operation: 'insert' },
      { authorization: 'Bearer other' },
    );
    await post('clone', cloned, { authorization: 'Bearer other' });
    const other = await openClient(wsUrl, 'other');
    other.say('{"type":"hello","clientId":"a","cursors":{"task":"0"}}');
    expect(await other.received(1)).toEqual([cursor(1)]);
    expect(events.of('broadcast')).toHaveLength(1);
  });

  test('of a pull is no news where the client asked for it, however high', async () => {
    const { post, push, events } = await proxied();
    await post('pull', { clientId: 'a', cursors: { task: '999999999' } });
    await push();
    const [first] = await events.until('broadcast');
    expect(first?.cursor).toBe('1');
  });

  test('in a response that is compressed is found, and one in a body over the limit is counted', async () => {
    const { apiUrl, datafn, events, server } = await proxied({ inspectLimitBytes: 300 });
    const answers = [
      { encoding: 'gzip', body: gzipSync(JSON.stringify(result({ cursor: '7', cursorBefore: '6' }))) },
      {
        encoding: 'identity',
        body: Buffer.from(JSON.stringify(result({ x: 'y'.repeat(300), cursor: '8' }))),
      },
      { encoding: 'gzip', body: gzipSync(JSON.stringify(result({ x: 'y'.repeat(3000), cursor: '8' }))) },
      { encoding: 'x-own', body: Buffer.from(JSON.stringify(result({ cursor: '8' }))) },
      { encoding: 'identity', body: Buffer.from(JSON.stringify(result({ cursor: '9', cursorBefore: '6' }))) },
    ];
    for (const { encoding, body } of answers) {
      datafn.override = (_, response) => {
        response.writeHead(200, { 'content-encoding': encoding, 'content-length': body.length }).end(body);
        return true;
      };
      const { status } = await call('POST', `${apiUrl}/datafn/push`, {
        headers: { authorization: 'Bearer ns' },
      });
      expect(status).toBe(200);
      // What is unpacked is read beside the response, and a cursor below the newest is no news.
      if (body === answers[0]?.body) await events.until('broadcast');
    }
    expect((await events.until('broadcast', 2)).map((one) => one.cursor)).toEqual(['7', '9']);
    // The large one may still be unpacked when the last is answered.
    await expect.poll(() => server.stats().limited.inspectedBody, { timeout: 30_000 }).toBe(3);
  });

  test('of a push whose client is gone before the response is broadcast all the same', async () => {
    const { apiUrl, wsUrl, datafn } = await proxied();
    const client = await openClient(wsUrl, 'ns');
    let answer = () => {};
    datafn.override = (_, response) => {
      answer = () => answerJson(response, 200, result({ cursor: '5', cursorBefore: '4' }));
      return true;
    };
    const abort = new AbortController();
    const headers = { authorization: 'Bearer ns' };
    const asked = fetch(`${apiUrl}/datafn/push`, {
      method: 'POST',
      body: '{}',
      headers,
      signal: abort.signal,
    });
    while (datafn.requests.length === 0) await sleep(5);
    abort.abort();
    await expect(asked).rejects.toThrow('aborted');
    await sleep(50);
    answer();
    expect(await client.received(1)).toEqual([cursor(5)]);
  });

  test('of a request without a namespace is broadcast to nobody, and warned of once', async () => {
    const { apiUrl, wsUrl, logger } = await proxied();
    const shared = await openClient(wsUrl, 'shared');
    const mutation = { clientId: 'a', mutationId: 'm', resource: 'task', id: 't', operation: 'insert' };
    for (const mutationId of ['m1', 'm2'])
      await call('POST', `${apiUrl}/datafn/push`, {
        body: JSON.stringify({ clientId: 'a', mutations: [{ ...mutation, mutationId }] }),
      });
    await sleep(50);
    expect(shared.texts).toEqual([]);
    expect(logger.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('has no namespace'),
    ]);
  });
});

describe('a mutation, whose response has no cursor,', () => {
  test('notifies nobody, and is warned of once', async () => {
    const { wsUrl, post, mutation, logger } = await proxied();
    const client = await openClient(wsUrl, 'ns');
    await post('mutation', mutation());
    await post('mutation', mutation());
    await sleep(50);
    expect(client.texts).toEqual([]);
    expect(logger.warnings.map(({ message }) => message)).toEqual([expect.stringContaining('--probe')]);
  });

  test('is followed by a probe with the headers of its caller, one for many', async () => {
    const { wsUrl, post, mutation, datafn } = await proxied({ probe: true });
    const client = await openClient(wsUrl, 'ns');
    const release: (() => void)[] = [];
    datafn.override = (request, response) => {
      if (request.url !== '/datafn/reconcile') return false;
      release.push(() =>
        answerJson(response, 200, result({ latestCursor: String(datafn.spaceOf('ns').seq) })),
      );
      return true;
    };
    for (let count = 0; count < 10; count++)
      await post('mutation', mutation(), { 'x-own': 'a', cookie: 'c=d' });
    while (release.length === 0) await sleep(5);
    release[0]?.();
    while (release.length === 1) await sleep(5);
    release[1]?.();
    expect((await client.received(1))[0]).toBe(cursor(10));
    await post('mutation', mutation());
    while (release.length === 2) await sleep(5);
    release[2]?.();
    await client.received(2);
    const probes = datafn.requests.filter(({ url }) => url === '/datafn/reconcile');
    expect(probes).toHaveLength(3);
    expect(probes[0]?.headers).toMatchObject({ authorization: 'Bearer ns', 'x-own': 'a', cookie: 'c=d' });
  });
});

test('early hints of the backend reach the client before the answer', async () => {
  const { apiUrl, datafn } = await proxied();
  datafn.override = (_, response) => {
    // Two lines of links, the first with two.
    response.socket?.write(
      'HTTP/1.1 103 Early Hints\r\nLink: </a.js>; rel=preload, </b.css>; rel=preload\r\nlink: </c>\r\nX-Early: 1\r\n\r\n',
    );
    response.end('late');
    return true;
  };
  const request = get(`${apiUrl}/datafn/status`, { agent: false });
  const hints: unknown[] = [];
  request.on('information', ({ statusCode, headers }) => hints.push(statusCode, headers));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const link = '</a.js>; rel=preload, </b.css>; rel=preload, </c>';
  expect(hints).toEqual([103, { link, 'x-early': '1' }]);
  expect([response.statusCode, await text(response)]).toEqual([200, 'late']);
});

test('a probe that fails is said once, with why, and its clients are not notified', async () => {
  const { wsUrl, post, mutation, datafn, logger } = await proxied({ probe: true });
  const client = await openClient(wsUrl, 'ns');
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => response.destroy(),
    (response) => answerJson(response, 500, {}),
    (response) => answerJson(response, 200, result({ latestCursor: '7' })),
  ];
  datafn.override = (request, response) => {
    if (request.url !== '/datafn/reconcile') return false;
    answers.shift()?.(response);
    return true;
  };
  while (answers.length > 0) {
    const left = answers.length;
    await post('mutation', mutation());
    while (answers.length === left) await sleep(5);
  }
  expect(await client.received(1)).toEqual([cursor(7)]);
  expect(logger.warnings.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /^A probe for the cursor of a namespace failed, .*: socket hang up\. Later failures/,
    ),
  ]);
});

describe('a backend', () => {
  const refused = 'The DataFn backend cannot be reached, or its response cannot be read';

  test('that is away is answered for with 502, logged once until it is back, and sockets stay', async () => {
    const { wsUrl, push, backend, datafn, logger } = await proxied();
    const client = await openClient(wsUrl, 'ns');
    await push();
    await client.received(1);
    await backend.close();
    for (let count = 0; count < 5; count++) {
      const answer = await push();
      expect(answer).toMatchObject({
        status: 502,
        json: { title: 'Bad Gateway', status: 502, detail: refused },
      });
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    }
    expect(logger.warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^The backend at http:\/\/127\.0\.0\.1:\d+ does not respond: .*ECONNREFUSED/),
    ]);
    kept(await httpBackend(datafn.listener, backend.port));
    expect((await push()).status).toBe(200);
    expect(client.ended).toBeUndefined();
    expect(await client.received(2)).toContain(cursor(2));
    expect(logger.warnings.map(({ message }) => message)).toEqual([
      expect.anything(),
      expect.stringMatching(/responds again after .*: 5 requests got 502 or 504$/),
    ]);
  });

  test.each([
    ['resets', (bytes: string) => bytes && undefined],
    ['answers garbage', () => 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['closes in its head', () => 'HTTP/1.1 200 OK\r\nContent-'],
    ['answers a status that is none', () => 'HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n'],
    [
      'switches protocols unasked',
      () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ],
  ])('that %s gets the client a 502', async (_, answer) => {
    const backend = kept(
      await tcpBackend((socket) => {
        socket.once('data', (bytes) => {
          const text = answer(String(bytes));
          if (text === undefined) socket.resetAndDestroy();
          else socket.end(text);
        });
      }),
    );
    const { apiUrl } = await startServer({ proxy: backend.url });
    expect(await call('POST', `${apiUrl}/datafn/push`, { body: '{}' })).toMatchObject({
      status: 502,
      json: { detail: refused },
    });
  });

  test('that hangs gets the client a 504, after --request-timeout and no sooner than an idle connection ends', async () => {
    const backend = kept(await tcpBackend((socket) => socket.resume()));
    const { apiUrl } = await startServer({ proxy: backend.url, requestTimeoutMs: 1800 });
    const startMs = performance.now();
    const answer = await call('POST', `${apiUrl}/datafn/push`, { body: '{}' });
    expect(answer).toMatchObject({ status: 504, json: { title: 'Gateway Timeout' } });
    expect(performance.now() - startMs).toBeGreaterThan(1700);
  });

  test('that ends in the middle of a response ends that of the client there', async () => {
    const backend = kept(
      await tcpBackend((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":');
          setTimeout(() => socket.destroy(), 50);
        });
      }),
    );
    const { apiUrl } = await startServer({ proxy: backend.url });
    await expect(call('POST', `${apiUrl}/datafn/push`, { body: '{}' })).rejects.toThrow('aborted');
  });

  test('that responds before it has the whole request is heard', async () => {
    const backend = kept(
      await tcpBackend((socket) => {
        socket.once('data', () =>
          socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'),
        );
      }),
    );
    const { apiUrl } = await startServer({ proxy: backend.url });
    const socket = createConnection(Number(new URL(apiUrl).port), '127.0.0.1');
    socket.write('POST /datafn/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 Too Large\r\n/);
    socket.destroy();
  });
});

test('on shutdown, a push under way is answered, and later ones get 503', async () => {
  const { wsUrl, push, datafn, server, apiUrl } = await proxied({ shutdownTimeoutMs: 10_000 });
  const client = await openClient(wsUrl, 'ns', { answersClose: true });
  let go = () => {};
  datafn.override = (_, response) => {
    go = () => answerJson(response, 200, result({ cursor: '5', cursorBefore: '4' }));
    return true;
  };
  const answer = push();
  while (datafn.requests.length === 0) await sleep(5);
  const closed = server.close();
  const late = await call('POST', `${apiUrl}/datafn/push`, { body: '{}' });
  expect(late).toMatchObject({ status: 503, json: { detail: 'The server is shutting down' } });
  go();
  expect((await answer).status).toBe(200);
  await closed;
  expect(client.closeFrame?.code).toBe(1001);
});

test.each([
  [{ probe: true }, '--probe (`probe`) needs --proxy URL'],
  [{ proxy: 'http://127.0.0.1:4000', path: '/live' }, '--path (`path`) to end in /ws'],
  [{ proxy: 'http://localhost:3001', port: 3001 }, 'which is this server'],
  [{ proxy: 'ws://127.0.0.1:4000' }, 'a URL such as http://127.0.0.1:4000'],
])('%j is refused', async (options, message) => {
  await expect(startServer(options)).rejects.toThrow(message);
});
