import { afterEach, describe, expect, test, vi } from 'vitest';
import { deferred } from '../../support/deadline.js';
import { call, postCursors } from '../../support/http-call.js';
import {
  connectClient,
  disposeLive,
  openClient,
  startClient,
  startServer,
} from '../../support/live-server.js';

const [CONTINUATION, TEXT, BINARY, PING, PONG] = [0x0, 0x1, 0x2, 0x9, 0xa];
const TOO_MANY = { code: 1008, reason: 'Message rate exceeded' };

afterEach(async () => {
  vi.restoreAllMocks();
  await disposeLive();
});

describe('the rate of messages', () => {
  const slow = { maxMessageRate: 0.001, maxMessageBurst: 5 };

  test.each([
    ['text', TEXT, '{"type":"hello"}'],
    ['junk', TEXT, 'junk'],
    ['binary', BINARY, 'x'],
    ['empty', TEXT, ''],
    ['pings', PING, ''],
    ['pongs that nobody asked for', PONG, ''],
  ])('bounds %s: one too many is closed with 1008, and others are left alone', async (_, opcode, payload) => {
    const { wsUrl, apiUrl, server } = await startServer(slow);
    const [fast, calm] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a')];
    for (let count = 0; count < 5; count++) fast.sendFrame(opcode, Buffer.from(payload));
    await postCursors(apiUrl, { namespace: 'a', cursor: '1' });
    await fast.received(1);
    expect(fast.isOpen).toBe(true);
    fast.sendFrame(opcode, Buffer.from(payload));
    expect(await fast.closed()).toEqual(TOO_MANY);
    expect(server.stats()).toMatchObject({
      connections: 1,
      closed: { 1008: 1 },
      limited: { messageRate: 1 },
    });
    await postCursors(apiUrl, { namespace: 'a', cursor: '2' });
    expect(await calm.received(2)).toHaveLength(2);
  });

  test('is what ends a flood of pings that come in one go, by default', async () => {
    const { wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    client.socket.cork();
    for (let count = 0; count < 200; count++) client.sendFrame(PING);
    client.socket.uncork();
    expect(await client.closed()).toEqual(TOO_MANY);
    expect(server.stats().limited.messageRate).toBe(1);
  });

  test('ends a flood of pings with a close frame, and counts it once, however long the server takes to read it', async () => {
    const { wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    // Each ping takes a millisecond, in which the client earns a twentieth of another one.
    let nowMs = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => ++nowMs);
    client.socket.cork();
    for (let count = 0; count < 200; count++) client.sendFrame(PING);
    client.socket.uncork();
    expect(await client.closed()).toEqual(TOO_MANY);
    expect(server.stats().limited.messageRate).toBe(1);
  });

  test('does not count the pongs that the server asks for', async () => {
    const { wsUrl, server } = await startServer({
      ...slow,
      heartbeatIntervalMs: 5,
      heartbeatTimeoutMs: 5000,
    });
    const client = await openClient(wsUrl, 'a');
    await client.until(() => client.pings > 20, 'many pings');
    expect([client.isOpen, server.stats().limited.messageRate]).toEqual([true, 0]);
  });

  test('is no limit at 0', async () => {
    const { wsUrl } = await startServer({ maxMessageRate: 0, maxMessageBurst: 1 });
    const client = await openClient(wsUrl, 'a');
    for (let count = 0; count < 1000; count++) client.say('junk');
    await client.roundTrip();
    expect(client.isOpen).toBe(true);
  });

  test('is, by default, far more than a client needs', async () => {
    const { wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    for (let count = 0; count < 90; count++) client.say('{"type":"hello","clientId":"c"}');
    await client.roundTrip();
    expect(client.isOpen).toBe(true);
    for (let count = 0; count < 500; count++) client.say('junk');
    expect(await client.closed()).toEqual(TOO_MANY);
    expect(server.stats().limited.messageRate).toBe(1);
  });
});

describe('the size of a message', () => {
  test('over maxMessageSizeBytes is closed with 1009, and counted', async () => {
    const { wsUrl, server } = await startServer({ maxMessageSizeBytes: 10 });
    const [fits, large] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a')];
    fits.say('x'.repeat(10));
    await fits.roundTrip();
    large.say('x'.repeat(11));
    expect((await large.closed()).code).toBe(1009);
    expect(fits.isOpen).toBe(true);
    expect(server.stats().limited.messageSize).toBe(1);
  });

  test('counts over all fragments of a message', async () => {
    const { wsUrl, server } = await startServer({ maxMessageSizeBytes: 10 });
    const client = await openClient(wsUrl, 'a');
    for (let count = 0; count < 3; count++)
      client.socket.write(
        Buffer.from([count === 0 ? TEXT : CONTINUATION, 0x85, 0, 0, 0, 0, ...Buffer.from('xxxxx')]),
      );
    expect((await client.closed()).code).toBe(1009);
    expect(server.stats().limited.messageSize).toBe(1);
  });

  test('says nothing of how many pieces it comes in, which has a limit of its own', async () => {
    const { wsUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const empty = [0x80, 0, 0, 0, 0];
    client.socket.write(Buffer.from([TEXT, ...empty]));
    client.socket.write(Buffer.concat(Array(1024).fill(Buffer.from([CONTINUATION, ...empty]))));
    expect((await client.closed()).code).toBe(1008);
    expect(server.stats().limited.messageParts).toBe(1);
  });
});

describe('a client that says no hello', () => {
  test('is closed with 1008 after helloTimeoutMs, and one that does stays', async () => {
    const { wsUrl, server } = await startServer({ helloTimeoutMs: 150 });
    const [silent, junk, polite, nameless] = [
      await openClient(wsUrl, 'a'),
      await openClient(wsUrl, 'a'),
      await openClient(wsUrl, 'a'),
      await openClient(wsUrl, 'a'),
    ];
    polite.say('{"type":"hello","clientId":"c"}');
    nameless.say('{"type":"hello","cursors":{}}');
    junk.say('{"type":"helo"}');
    for (const client of [silent, junk])
      expect(await client.closed()).toEqual({ code: 1008, reason: 'Hello timeout' });
    // Both deadlines have passed: the later ones would have been next.
    await Promise.all([polite.roundTrip(), nameless.roundTrip()]);
    expect([polite.isOpen, nameless.isOpen]).toEqual([true, true]);
    expect(server.stats()).toMatchObject({ connections: 2, limited: { helloTimeout: 2 } });
  });
});

describe('connections of one address', () => {
  test('beyond maxConnectionsPerAddress are answered 429 before the upgrade, and fit again when one has left', async () => {
    const { wsUrl, server } = await startServer({ maxConnectionsPerAddress: 2 });
    const [first] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'b')];
    const refused = await connectClient(wsUrl, { token: 'c' });
    await refused.gone();
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      429,
      expect.objectContaining({ detail: 'Too many connections from this address' }),
    ]);
    expect(server.stats()).toMatchObject({
      accepted: 2,
      refused: { 429: 1 },
      limited: { connectionsPerAddress: 1 },
    });
    await first?.destroy();
    await openClient(wsUrl, 'c');
  });

  test('count before anybody knows who it is, and whoever is refused otherwise leaves no trace', async () => {
    const asked = deferred();
    const { wsUrl, server } = await startServer({
      maxConnectionsPerAddress: 1,
      namespaceProvider({ token }) {
        if (token === undefined) return '';
        asked.resolve();
        return new Promise(() => {});
      },
    });
    for (const options of [{}, { headers: { 'Sec-WebSocket-Version': '7' } }, { method: 'POST' }])
      await (await connectClient(wsUrl, options)).gone();
    startClient(wsUrl, { token: 'never' });
    await asked.promise;
    const refused = await connectClient(wsUrl, { token: 'a' });
    expect(refused.status).toBe(429);
    await server.close();
  });

  test('are told apart by what a trusted proxy says, and a client cannot choose its address', async () => {
    const { wsUrl, events } = await startServer({ maxConnectionsPerAddress: 1, trustProxy: ['loopback'] });
    const from = (forwarded: string) =>
      connectClient(wsUrl, { token: 'a', headers: { 'X-Forwarded-For': forwarded } });
    expect((await from('203.0.113.1')).status).toBe(101);
    expect((await from('203.0.113.2')).status).toBe(101);
    for (const spoofed of [
      '203.0.113.1',
      '1.2.3.4, 203.0.113.1',
      '203.0.113.2, 203.0.113.1',
      '10.0.0.1,203.0.113.1, 127.0.0.1',
    ])
      expect((await from(spoofed)).status, spoofed).toBe(429);
    expect(events.of('connected').map(({ connection }) => connection.remoteAddress)).toEqual([
      '203.0.113.1',
      '203.0.113.2',
    ]);
  });

  test('the header of somebody who is no trusted proxy changes nothing', async () => {
    const { wsUrl } = await startServer({ maxConnectionsPerAddress: 1, trustProxy: ['10.0.0.1'] });
    await openClient(wsUrl, 'a');
    const refused = await connectClient(wsUrl, { token: 'a', headers: { 'X-Forwarded-For': '203.0.113.1' } });
    expect(refused.status).toBe(429);
  });
});

test('every limit is in GET /v1/stats, at 0 until it is needed', async () => {
  const { apiUrl } = await startServer();
  expect((await call('GET', `${apiUrl}/v1/stats`)).json.limited).toEqual({
    messageSize: 0,
    messageParts: 0,
    messageRate: 0,
    bytesAfterClose: 0,
    refusedClients: 0,
    helloTimeout: 0,
    connectionsPerAddress: 0,
    origin: 0,
    pendingConnections: 0,
    slowRequests: 0,
    pipelinedRequests: 0,
    unreadAnswers: 0,
    bodySize: 0,
    batchItems: 0,
    eventLoopDelay: 0,
    descriptors: 0,
    inspectedBody: 0,
    handshakes: 0,
    pendingAuth: 0,
  });
});
