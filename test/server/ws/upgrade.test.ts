import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { NamespaceProvider } from '../../../src/server/auth/provider.js';
import { attachWebSocketManager } from '../../../src/server/ws/attach.js';
import { deferred, within } from '../../support/deadline.js';
import {
  connectClient,
  disposeLive,
  openClient,
  startClient,
  startServer,
} from '../../support/live-server.js';

const UNAUTHORIZED = { code: 4401, reason: 'Unauthorized' };

afterEach(disposeLive);

describe('an upgrade that is refused with an HTTP error', () => {
  test('elsewhere than at the path is answered 404 with a problem that names the path', async () => {
    const { wsUrl, server, events } = await startServer();
    for (const path of ['/', '/datafn/ws/', '/datafn', '/v1/cursors']) {
      const client = await connectClient(wsUrl.replace('/datafn/ws', path), { token: 'a' });
      await client.gone();
      expect(client.status, path).toBe(404);
      expect(client.head).toContain('Content-Type: application/problem+json');
      expect(JSON.parse(client.body)).toMatchObject({
        status: 404,
        detail: `No WebSocket at "${path}"; it is at /datafn/ws`,
      });
    }
    expect(server.stats()).toMatchObject({ accepted: 0, rejected: 4, refused: { 404: 4 } });
    expect(events.of('rejectedUpgrade')).toHaveLength(4);
  });

  test('the path can be another one', async () => {
    const { wsUrl, server } = await startServer({ path: '/sync' });
    expect(wsUrl).toMatch(/\/sync$/);
    await openClient(wsUrl, 'a');
    const client = await connectClient(wsUrl.replace('/sync', '/datafn/ws'), { token: 'a' });
    expect(client.status).toBe(404);
    expect(server.stats().connections).toBe(1);
  });

  test.each([
    ['without a key', { headers: { 'Sec-WebSocket-Key': undefined } }, 400],
    ['with a key that is none', { headers: { 'Sec-WebSocket-Key': 'short' } }, 400],
    ['for several protocols', { headers: { Upgrade: 'h2c, websocket' } }, 400],
    ['with a body', { headers: { 'Content-Length': '6' } }, 400],
    ['with a body in chunks', { headers: { 'Transfer-Encoding': 'chunked' } }, 400],
    ['to two Hosts', { headers: { host: 'localhost' } }, 400],
    ['in an old version of the protocol', { headers: { 'Sec-WebSocket-Version': '7' } }, 400],
    ['with subprotocols that are no list', { headers: { 'Sec-WebSocket-Protocol': 'a,,b' } }, 400],
    ['by POST', { method: 'POST' }, 405],
  ])('a handshake %s is answered with an error, and no slot is held', async (_, options, status) => {
    const { wsUrl, server } = await startServer({ maxConnections: 1 });
    const client = await connectClient(wsUrl, { token: 'a', ...options });
    expect(await client.gone()).toBe('end');
    expect([client.status, JSON.parse(client.body).status]).toEqual([status, status]);
    expect(client.head).toContain(status === 405 ? 'Allow: GET' : 'Sec-WebSocket-Version: 13, 8');
    expect(server.stats()).toMatchObject({
      connections: 0,
      accepted: 0,
      closed: {},
      refused: { [status]: 1 },
    });
    await openClient(wsUrl, 'a');
  });

  test.each([
    ['without a key', { headers: { 'Sec-WebSocket-Key': undefined } }],
    ['for several protocols', { headers: { Upgrade: 'h2c, websocket' } }],
    ['in an old version of the protocol', { headers: { 'Sec-WebSocket-Version': '7' } }],
    ['by POST', { method: 'POST' }],
  ])('nobody is asked whose a handshake is %s', async (_, options) => {
    const namespaceProvider = vi.fn(() => 'a');
    const { wsUrl } = await startServer({ namespaceProvider });
    await (await connectClient(wsUrl, { token: 'a', ...options })).gone();
    expect(namespaceProvider).not.toHaveBeenCalled();
    await openClient(wsUrl, 'a');
    expect(namespaceProvider).toHaveBeenCalledOnce();
  });

  test.each([
    'evil.example',
    'evil.example:3001',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '192.168.0.1',
  ])('a Host of %s is answered 403, so that no rebound name gets in', async (host) => {
    const { wsUrl, server } = await startServer();
    const client = await connectClient(wsUrl, { token: 'a', headers: { Host: host } });
    await client.gone();
    expect([client.status, JSON.parse(client.body).status]).toEqual([403, 403]);
    expect(server.stats()).toMatchObject({ accepted: 0, refused: { 403: 1 } });
  });

  test.each(['localhost', 'LOCALHOST:1', 'app.localhost:3001', '127.0.0.1', '127.9.8.7:1', '[::1]:3001'])(
    'a Host of %s is this machine, and gets in',
    async (host) => {
      const { wsUrl, server } = await startServer();
      await openClient(wsUrl, 'a', { headers: { Host: host } });
      expect(server.stats().connections).toBe(1);
    },
  );

  test('with an admin token any Host gets in', async () => {
    const { wsUrl, server } = await startServer({ adminToken: 'secret' });
    await openClient(wsUrl, 'a', { headers: { Host: 'sync.example' } });
    expect(server.stats().connections).toBe(1);
  });

  test('what beforeUpgrade returns is the answer, and it does not replace the rule of the Host', async () => {
    const { wsUrl } = await startServer({ beforeUpgrade: () => ({ status: 429, detail: 'Slow down' }) });
    const screened = await connectClient(wsUrl, { token: 'a' });
    await screened.gone();
    expect([screened.status, JSON.parse(screened.body).detail]).toEqual([429, 'Slow down']);
    const foreign = await connectClient(wsUrl, { token: 'a', headers: { Host: 'evil.example' } });
    expect(foreign.status).toBe(403);
  });

  test('while the server shuts down it is answered 503, and the provider is not asked', async () => {
    const namespaceProvider = vi.fn(() => 'a');
    const { wsUrl, server } = await startServer({ shutdownTimeoutMs: 600, namespaceProvider });
    await openClient(wsUrl, 'a', { answersClose: false });
    const closing = server.close();
    const late = await connectClient(wsUrl, { token: 'a' });
    await late.gone();
    expect([late.status, JSON.parse(late.body).detail]).toEqual([503, 'The server is shutting down']);
    expect(server.stats().refused).toEqual({ 503: 1 });
    expect(namespaceProvider).toHaveBeenCalledOnce();
    await closing;
  });
});

describe('a token', () => {
  const encoded = (token: string) => `datafn.bearer.${Buffer.from(token).toString('base64url')}`;

  test('there is none: the client is closed with 4401 and never counts as accepted', async () => {
    const { wsUrl, server, events } = await startServer();
    const client = await openClient(wsUrl);
    expect(await client.closed()).toEqual(UNAUTHORIZED);
    expect(client.texts).toEqual([]);
    expect(events.of('refused')).toMatchObject([{ ...UNAUTHORIZED, connection: { namespace: undefined } }]);
    expect(server.stats()).toMatchObject({ connections: 0, accepted: 0, rejected: 1, refused: { 4401: 1 } });
  });

  test('there is none, and an anonymous namespace takes the client in', async () => {
    const { wsUrl, server } = await startServer({ anonymousNamespace: 'everybody' });
    const [anonymous, named] = [await openClient(wsUrl), await openClient(wsUrl, 'user:alice')];
    server.websocketHandler.broadcastCursor('1', 'everybody');
    server.websocketHandler.broadcastCursor('2', 'user:alice');
    expect(await anonymous.received(1)).toEqual(['{"type":"cursor","cursor":"1"}']);
    expect(await named.received(1)).toEqual(['{"type":"cursor","cursor":"2"}']);
  });

  test.each<[string, string, Record<string, string>]>([
    ['the query', '?token=user%3Aalice', {}],
    ['the query, among others', '?v=2&token=user:alice&x=%', {}],
    ['the Authorization header', '', { Authorization: 'Bearer user:alice' }],
    ['the Authorization header, its scheme in any case', '', { Authorization: 'bEARER user:alice' }],
    ['the cookie', '', { Cookie: 'datafn_token=user:alice' }],
    ['the cookie, among others and encoded', '', { Cookie: 'a=b; datafn_token=user%3Aalice; c=d' }],
    ['a subprotocol', '', { 'Sec-WebSocket-Protocol': encoded('user:alice') }],
    ['the second subprotocol', '', { 'Sec-WebSocket-Protocol': `datafn, ${encoded('user:alice')}` }],
    ['the query before the cookie', '?token=user:alice', { Cookie: 'datafn_token=other' }],
    [
      'a subprotocol before the cookie',
      '',
      { Cookie: 'datafn_token=other', 'Sec-WebSocket-Protocol': encoded('user:alice') },
    ],
    ['the query, past an empty header', '?token=user:alice', { Authorization: 'Bearer ' }],
    ['the cookie, past an empty query', '?token=', { Cookie: 'datafn_token=user:alice' }],
  ])('it is read from %s', async (_, query, headers) => {
    const { wsUrl, events } = await startServer();
    await openClient(`${wsUrl}${query}`, undefined, { headers });
    expect((await events.until('connected'))[0]?.connection.namespace).toBe('user:alice');
  });

  test.each<[string, string, Record<string, string>]>([
    ['of another scheme', '', { Authorization: 'Basic dXNlcjphbGljZQ==' }],
    ['of nothing but blanks', '', { Authorization: 'Bearer   ' }],
    ['in a cookie that is wrongly encoded', '', { Cookie: 'datafn_token=%E0%A4%A' }],
    ['in a cookie with a name that only begins alike', '', { Cookie: 'datafn_token2=user:alice' }],
    [
      'in the header that is not the one in the query',
      '?token=other',
      { Authorization: 'Bearer user:alice' },
    ],
    ['in a subprotocol of nothing', '', { 'Sec-WebSocket-Protocol': 'datafn.bearer.' }],
    ['that is empty', '?token=', {}],
    ['with a control character', '?token=a%0Ab', {}],
    ['that is too long for a namespace', `?token=${'n'.repeat(256)}`, {}],
  ])('one %s is none: 4401', async (_, query, headers) => {
    const { wsUrl } = await startServer();
    const client = await openClient(`${wsUrl}${query}`, undefined, { headers });
    expect(await client.closed()).toEqual(UNAUTHORIZED);
  });

  test('one in a subprotocol is selected where nothing else is offered, as browsers insist, and never beside another', async () => {
    const { wsUrl } = await startServer({ anonymousNamespace: 'a' });
    for (const [offered, chosen] of [
      [[encoded('user:alice'), 'datafn-sync-v1'], 'datafn-sync-v1'],
      [['other', encoded('user:alice'), 'datafn-sync-v1'], 'datafn-sync-v1'],
      [['datafn-sync-v1', 'datafn-ticket.abc'], 'datafn-sync-v1'],
      [['datafn-ticket.abc', encoded('user:alice'), 'other'], 'other'],
      [[encoded('user:alice')], encoded('user:alice')],
      [['datafn', 'other'], 'datafn'],
    ] as const) {
      const socket = new WebSocket(wsUrl, [...offered]);
      await once(socket, 'open');
      expect(socket.protocol).toBe(chosen);
      socket.close();
      await once(socket, 'close');
    }
    const without = await openClient(wsUrl);
    expect(without.head).not.toMatch(/sec-websocket-protocol/i);
  });
});

describe('a namespace provider', () => {
  test('is given the token, the URL, the headers and the address of the client', async () => {
    const requests: Parameters<NamespaceProvider>[0][] = [];
    const { wsUrl } = await startServer({
      namespaceProvider: (request) => {
        requests.push(request);
        return 'a';
      },
    });
    await openClient(`${wsUrl}?tenant=7`, 'T', { headers: { 'X-Device': 'phone' } });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      token: 'T',
      url: '/datafn/ws?tenant=7&token=T',
      headers: { 'x-device': 'phone' },
      remoteAddress: '127.0.0.1',
    });
  });

  test('that answers later lets the client into its namespace, and frames sent meanwhile are not lost', async () => {
    const decided = deferred<string>();
    const asked = deferred();
    const { wsUrl, server, events } = await startServer({
      namespaceProvider: () => {
        asked.resolve();
        return decided.promise;
      },
    });
    const opening = openClient(wsUrl, 'T');
    await asked.promise;
    expect(server.stats().connections).toBe(0);
    decided.resolve('slow');
    const client = await opening;
    client.say('{"type":"hello","clientId":"c-1"}');
    expect((await events.until('hello'))[0]?.connection).toMatchObject({
      namespace: 'slow',
      clientId: 'c-1',
    });
  });

  const failing: [string, NamespaceProvider, RegExp?][] = [
    [
      'throws',
      () => {
        throw new Error('database is down');
      },
      /^database is down$/,
    ],
    ['rejects', async () => Promise.reject(new Error('database is down')), /^database is down$/],
    ['throws something that is no error', () => Promise.reject('database is down'), /^database is down$/],
    ['returns an empty namespace', () => '', /non-empty string/],
    ['returns nothing', () => undefined],
    ['returns null', () => null],
    ['resolves with nothing', async () => undefined],
    ['returns something that is no text', () => 42 as unknown as string, /or nothing, got 42/],
    ['returns a namespace with a newline', () => 'a\nb', /free of control characters/],
    ['returns a namespace that is too long', async () => 'n'.repeat(256), /at most 255 characters/],
  ];
  test.each(failing)('that %s closes the client with 4401 and harms nobody', async (_, provider, logged) => {
    let calls = 0;
    const { wsUrl, server, logger } = await startServer({
      namespaceProvider: (request) => (calls++ === 0 ? provider(request) : 'a'),
    });
    const client = await openClient(wsUrl, 'the-token');
    expect(await client.closed()).toEqual(UNAUTHORIZED);
    expect(logger.warnings.map(({ context }) => context)).toEqual(
      logged === undefined ? [] : [{ error: expect.stringMatching(logged) }],
    );
    expect(JSON.stringify(logger.entries)).not.toContain('the-token');
    await openClient(wsUrl, 'T');
    expect(server.stats()).toMatchObject({ connections: 1, accepted: 1, refused: { 4401: 1 } });
  });

  test('that returns a promise of another make is waited for', async () => {
    // biome-ignore lint/suspicious/noThenProperty: a promise of another make is what is tested
    const thenable = { then: (resolve: (namespace: string) => void) => resolve('thenable') };
    const { wsUrl, events } = await startServer({
      namespaceProvider: () => thenable as unknown as Promise<string>,
    });
    await openClient(wsUrl, 'T');
    expect((await events.until('connected'))[0]?.connection.namespace).toBe('thenable');
  });

  test('whose client leaves before the answer leaves nothing behind', async () => {
    const decided = deferred<string>();
    const asked = deferred();
    const { wsUrl, server, events } = await startServer({
      namespaceProvider: ({ token }) => {
        if (token === 'fast') return 'a';
        asked.resolve();
        return decided.promise;
      },
    });
    const leaver = startClient(wsUrl, { token: 'slow' });
    await asked.promise;
    await leaver.destroy();
    decided.resolve('a');
    const other = await openClient(wsUrl, 'fast');
    // Whether it was noticed in time or only after it was let in is the kernel's business.
    if (events.of('connected').length === 2) await events.until('closed');
    const { connections, accepted, closed } = server.stats();
    expect(connections).toBe(1);
    expect(accepted).toBe(1 + (closed[1006] ?? 0));
    server.websocketHandler.broadcastCursor('1', 'a');
    expect(await other.received(1)).toHaveLength(1);
  });

  test('that never answers does not hold up a shutdown: its clients get 503', async () => {
    const asked = deferred();
    const { wsUrl, server } = await startServer({
      namespaceProvider: () => {
        asked.resolve();
        return new Promise<string>(() => {});
      },
    });
    const waiting = connectClient(wsUrl, { token: 'T' });
    await asked.promise;
    expect(await within(server.close(), 'the end of the server')).toEqual({ left: 0, cut: 0 });
    expect((await waiting).status).toBe(503);
  });
});

describe('attachWebSocketManager on an HTTP server of somebody else', () => {
  async function listen() {
    const http = createServer((_, response) => response.end('theirs'));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const { port } = http.address() as AddressInfo;
    return { http, origin: `ws://127.0.0.1:${port}` };
  }

  test('serves its path beside a WebSocketServer of `ws` that is asked for its own alone', async () => {
    const http = createServer();
    const { manager, close } = attachWebSocketManager(http, { namespaceProvider: ({ token }) => token });
    // Without `noServer`, and with a path, `ws` answers every upgrade elsewhere with 400.
    const other = new WebSocketServer({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      if (request.url === '/other')
        other.handleUpgrade(request, socket, head, (client) => client.send('other'));
    });
    await once(http.listen(0, '127.0.0.1'), 'listening');
    const origin = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const theirs = await openClient(`${origin}/other`);
    expect(await theirs.received(1)).toEqual(['other']);
    const ours = await openClient(`${origin}/datafn/ws`, 'a');
    manager.broadcastCursor('1', 'a');
    expect(await ours.received(1)).toEqual(['{"type":"cursor","cursor":"1"}']);
    await close(0);
    other.close();
    http.close();
  });

  test('ends an upgrade elsewhere that no other listener takes up, and none that one works on', async () => {
    const http = createServer();
    const { close } = attachWebSocketManager(http, { namespaceProvider: ({ token }) => token });
    const taken: Duplex[] = [];
    http.on('upgrade', ({ url }, socket) => {
      if (url === '/nobody') return;
      taken.push(socket);
      if (url === '/read') socket.on('data', () => {});
      else socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    await once(http.listen(0, '127.0.0.1'), 'listening');
    const origin = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const seen = once(http, 'upgrade');
      const unwanted = connectClient(`${origin}/nobody`);
      await seen;
      for (const path of ['/read', '/written']) {
        const came = once(http, 'upgrade');
        void startClient(`${origin}${path}`);
        await came;
      }
      vi.advanceTimersByTime(10_000);
      const client = await unwanted;
      await client.gone();
      expect(client.status).toBe(404);
      expect(taken.map(({ destroyed, writableEnded }) => [destroyed, writableEnded])).toEqual([
        [false, false],
        [false, false],
      ]);
    } finally {
      vi.useRealTimers();
    }
    for (const socket of taken) socket.destroy();
    await close(0);
    http.close();
  });

  test('leaves upgrades elsewhere to the other listeners, and takes its own', async () => {
    const { http, origin } = await listen();
    const attached = attachWebSocketManager(http, { namespaceProvider: () => 'a', heartbeatIntervalMs: 0 });
    http.on('upgrade', (request, socket) => {
      if (request.url === '/theirs') socket.end('HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n');
    });
    const theirs = await connectClient(`${origin}/theirs`);
    expect(theirs.status).toBe(418);
    await openClient(`${origin}/datafn/ws`);
    expect([attached.manager.connectionCount, attached.stats().accepted]).toEqual([1, 1]);

    const [first, second] = await Promise.all([attached.close(), attached.close()]);
    expect([first, second, await attached.close()]).toEqual(Array(3).fill({ left: 1, cut: 0 }));
    expect(http.listenerCount('upgrade')).toBe(1);
    expect(http.listening).toBe(true);
    const stillTheirs = await connectClient(`${origin}/theirs`);
    expect(stillTheirs.status).toBe(418);
    await within(new Promise((resolve) => http.close(resolve)), 'the end of the HTTP server');
  });

  test('refuseUpgrades() turns new clients away with 503 and leaves the others alone', async () => {
    const { http, origin } = await listen();
    const attached = attachWebSocketManager(http, { namespaceProvider: () => 'a', heartbeatIntervalMs: 0 });
    const inside = await openClient(`${origin}/datafn/ws`);
    attached.refuseUpgrades();
    const outside = await connectClient(`${origin}/datafn/ws`);
    expect(outside.status).toBe(503);
    attached.manager.broadcastCursor('1', 'a');
    expect(await inside.received(1)).toHaveLength(1);
    await attached.close();
    await within(new Promise((resolve) => http.close(resolve)), 'the end of the HTTP server');
  });

  test('a config that is out of range is refused before the server is touched', async () => {
    const http = createServer();
    expect(() => attachWebSocketManager(http, { namespaceProvider: () => 'a', maxConnections: -1 })).toThrow(
      /maxConnections/,
    );
    expect(http.listenerCount('upgrade')).toBe(0);
  });

  test('a buffer too small for a socket to report that it has drained is refused', async () => {
    const http = createServer();
    expect(() =>
      attachWebSocketManager(http, { namespaceProvider: () => 'a', clientBufferBytes: 1.5 }),
    ).toThrow(/clientBufferBytes/);
    expect(http.listenerCount('upgrade')).toBe(0);
  });

  test('two managers share one server by path, and what belongs to neither is answered 404', async () => {
    const { http, origin } = await listen();
    const options = { namespaceProvider: () => 'a', heartbeatIntervalMs: 0 };
    const [one, two] = [
      attachWebSocketManager(http, { ...options, path: '/one' }),
      attachWebSocketManager(http, { ...options, path: '/two' }),
    ];
    await openClient(`${origin}/one`);
    await openClient(`${origin}/two`);
    await openClient(`${origin}/two`);
    expect([one.manager.connectionCount, two.manager.connectionCount]).toEqual([1, 2]);
    const elsewhere = await connectClient(`${origin}/three`);
    await elsewhere.gone();
    expect([elsewhere.status, JSON.parse(elsewhere.body).detail]).toEqual([
      404,
      'No WebSocket at "/three"; it is at /one and /two',
    ]);
    await one.close();
    expect((await connectClient(`${origin}/one`)).status).toBe(404);
    expect((await openClient(`${origin}/two`)).isOpen).toBe(true);
    await two.close();
    expect(http.listenerCount('upgrade')).toBe(0);
    await within(new Promise((resolve) => http.close(resolve)), 'the end of the HTTP server');
  });

  test('a second manager on the same path is refused at once, and fits in when the first has closed', async () => {
    const { http, origin } = await listen();
    const options = { namespaceProvider: () => 'a', heartbeatIntervalMs: 0 };
    const first = attachWebSocketManager(http, options);
    expect(() => attachWebSocketManager(http, options)).toThrow(/`path`.*free.*\/datafn\/ws/);
    await openClient(`${origin}/datafn/ws`);
    expect(first.manager.connectionCount).toBe(1);
    await first.close();
    const second = attachWebSocketManager(http, options);
    await openClient(`${origin}/datafn/ws`);
    expect(second.manager.connectionCount).toBe(1);
    await second.close();
    await within(new Promise((resolve) => http.close(resolve)), 'the end of the HTTP server');
  });

  test.each<[string, unknown, string]>([
    ['no options', undefined, 'Expected the options to be an object, got undefined'],
    ['no provider', {}, 'Expected `namespaceProvider` to be a function, got undefined'],
    [
      'a provider that is none',
      { namespaceProvider: 'a' },
      'Expected `namespaceProvider` to be a function, got "a"',
    ],
    [
      'half a logger',
      { namespaceProvider: () => 'a', logger: { info() {} } },
      'Expected `logger` to be an object with debug(), info(), warn(), error(), got an object',
    ],
    [
      'a path without a slash',
      { namespaceProvider: () => 'a', path: 'ws' },
      'Expected `path` to be a path such as /datafn/ws',
    ],
  ])('%s is refused in words that say what was expected', (_, options, words) => {
    const http = createServer();
    expect(() => attachWebSocketManager(http, options as never)).toThrow(words);
    expect(http.listenerCount('upgrade')).toBe(0);
  });
});
