import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { disposeLive, openClient, startClient } from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';
import { cursorsOf, type FaultyServer, startFaultyServer } from './faulty-server.js';

let live: FaultyServer;

beforeEach(async () => {
  live = await startFaultyServer();
});
afterEach(disposeLive);

const connect = (token: string) => startClient(live.wsUrl, { token });
const answered = (client: RawClient) =>
  client.until(() => client.status !== 0 || client.ended !== undefined, 'an answer');

describe('handshake', () => {
  test('delay-handshake answers late', async () => {
    await live.faults({ fault: 'delay-handshake', delayMs: 60, next: 1 });
    const startMs = performance.now();
    await openClient(live.wsUrl, 'user:alice');
    expect(performance.now() - startMs).toBeGreaterThan(58);
    expect(live.events.of('connected')).toHaveLength(1);
  });

  test.each([
    [401, 'WWW-Authenticate: Bearer'],
    [429, 'Retry-After: 1'],
    [503, 'Retry-After: 1'],
  ])('refuse answers %i before the upgrade, with the header that belongs to it', async (status, header) => {
    await live.faults({ fault: 'refuse', status, next: 1, reason: 'not today' });
    const client = connect('user:alice');
    await client.gone();
    expect(client.status).toBe(status);
    expect(client.head).toContain(header);
    expect(JSON.parse(client.body)).toMatchObject({ status, detail: 'not today' });
    await openClient(live.wsUrl, 'user:alice');
  });

  test.each([
    [4401, 'Unauthorized'],
    [4503, 'Connection limit reached'],
    [1013, 'Try again later'],
    [3999, ''],
  ])('refuse with code %i upgrades the connection and closes it, without a slot', async (code, reason) => {
    await live.faults({ fault: 'refuse', code, reason, next: 1 });
    const client = await openClient(live.wsUrl, 'user:alice');
    expect(await client.closed()).toEqual({ code, reason });
    expect(live.events.of('refused')).toMatchObject([{ code, reason }]);
    expect(live.server.stats()).toMatchObject({ connections: 0, accepted: 0, refused: { [code]: 1 } });
    const next = await openClient(live.wsUrl, 'user:alice');
    await next.roundTrip();
    expect(next.isOpen).toBe(true);
  });

  test('no-answer leaves a handshake open, and lets it go on when the faults are cleared', async () => {
    await live.faults({ fault: 'no-answer', match: { namespace: 'user:alice' } });
    const client = connect('user:alice');
    await live.events.until('fault');
    // Another namespace is served meanwhile.
    await (await openClient(live.wsUrl, 'user:bob')).roundTrip();
    expect(client.status).toBe(0);
    await live.clear();
    await answered(client);
    expect(client.status).toBe(101);
    await client.roundTrip();
  });

  test('a client that goes away while its handshake waits is forgotten', async () => {
    await live.faults({ fault: 'delay-handshake', delayMs: 60_000 });
    const client = connect('user:alice');
    await live.events.until('fault');
    await client.destroy();
    await live.clear();
    await openClient(live.wsUrl, 'user:bob');
    expect(live.events.of('connected').map(({ connection }) => connection.namespace)).toEqual(['user:bob']);
    expect(live.server.stats().abandoned).toBe(1);
  });

  test('a client with a bad token is refused as ever, after the delay', async () => {
    await live.faults({ fault: 'delay-handshake', delayMs: 1 }, { fault: 'refuse', code: 4503, reason: 'x' });
    const client = await openClient(live.wsUrl);
    expect(await client.closed()).toEqual({ code: 4401, reason: 'Unauthorized' });
  });
});

describe('socket', () => {
  test('close closes the clients that are there, once each, and no later ones', async () => {
    const clients = await Promise.all(
      ['user:alice', 'user:alice', 'user:bob'].map((ns) => openClient(live.wsUrl, ns)),
    );
    await live.faults({ fault: 'close', code: 4503, reason: 'full', match: { namespace: 'user:alice' } });
    for (const client of clients.slice(0, 2))
      expect(await client.closed()).toEqual({ code: 4503, reason: 'full' });
    const next = await openClient(live.wsUrl, 'user:alice');
    for (const client of [next, clients[2] as RawClient]) {
      await client.roundTrip();
      expect(client.isOpen).toBe(true);
    }
    expect(live.events.of('closed').map(({ code, by }) => [code, by])).toEqual([
      [4503, 'server'],
      [4503, 'server'],
    ]);
  });

  test('close strikes at the open, the hello or a cursor, as asked', async () => {
    await live.faults(
      { fault: 'close', code: 4001, on: 'open', next: 1 },
      { fault: 'close', code: 4002, on: 'hello', match: { clientId: 'tab-b' } },
      { fault: 'close', code: 4003, on: 'cursor', next: 1 },
    );
    const [first, second, third] = [
      await openClient(live.wsUrl, 'user:alice'),
      await openClient(live.wsUrl, 'user:alice'),
      await openClient(live.wsUrl, 'user:alice'),
    ];
    expect((await first.closed()).code).toBe(4001);
    second.say('{"type":"hello","clientId":"tab-a"}');
    third.say('{"type":"hello","clientId":"tab-b"}');
    expect((await third.closed()).code).toBe(4002);
    live.emit('user:alice', 1);
    expect((await second.closed()).code).toBe(4003);
    expect(second.texts).toEqual([]);
  });

  test('reset ends a connection without a close frame', async () => {
    const client = await openClient(live.wsUrl, 'user:alice');
    await live.faults({ fault: 'reset' });
    expect(await client.gone()).toBe('reset');
    expect(client.closeFrame).toBeUndefined();
    expect(await live.events.until('closed')).toMatchObject([{ code: 1006 }]);
  });

  test('reset at the open resets each new client, after its handshake', async () => {
    await live.faults({ fault: 'reset', on: 'open', next: 2 });
    for (const client of [connect('user:alice'), connect('user:alice')]) {
      // A client that has not read the handshake yet when the reset comes is told of an end.
      await client.gone();
      expect([client.status, client.closeFrame]).toEqual([101, undefined]);
    }
    expect((await live.events.until('closed', 2)).map(({ code }) => code)).toEqual([1006, 1006]);
    await (await openClient(live.wsUrl, 'user:alice')).roundTrip();
  });

  test.each(['now', 'open', 'cursor'] as const)(
    'half-open at %s leaves a connection open that carries nothing, until it is reset at the end',
    async (on) => {
      await disposeLive();
      live = await startFaultyServer({ heartbeatIntervalMs: 10, heartbeatTimeoutMs: 20 });
      const healthy = await openClient(live.wsUrl, 'user:bob');
      const early = on === 'open' ? undefined : await openClient(live.wsUrl, 'user:alice');
      await live.faults({ fault: 'half-open', on, match: { namespace: 'user:alice' } });
      const client = early ?? (await openClient(live.wsUrl, 'user:alice'));
      live.emit('user:alice', 1);
      const { pings } = client;
      client.say('{"type":"hello","clientId":"late"}');
      // Several heartbeats, after which a client without a pong would be closed.
      const seen = healthy.pings;
      await healthy.until(() => healthy.pings > seen + 5, 'five pings');
      expect(client.texts).toEqual([]);
      expect(client.pings - pings).toBeLessThan(2);
      expect(client.ended).toBeUndefined();
      expect(live.events.of('hello')).toEqual([]);
      expect(live.server.stats().connections).toBe(2);
      await live.clear();
      expect(await client.gone()).toBe('reset');
      expect(healthy.isOpen).toBe(true);
    },
  );

  test('byte-by-byte sends each byte on its own, the same bytes in all', async () => {
    await live.faults({ fault: 'byte-by-byte', gapMs: 1, match: { namespace: 'user:alice' } });
    const [alice, bob] = [
      await openClient(live.wsUrl, 'user:alice'),
      await openClient(live.wsUrl, 'user:bob'),
    ];
    for (const namespace of ['user:alice', 'user:bob']) live.emit(namespace, 42);
    const [aliceTexts, bobTexts] = [await alice.received(1), await bob.received(1)];
    expect(aliceTexts).toEqual(bobTexts);
    expect(Buffer.concat(alice.chunks)).toEqual(Buffer.concat(bob.chunks));
    expect(bob.chunks).toHaveLength(1);
    // The kernel may put a few together that the client has not read yet.
    expect(alice.chunks.length).toBeGreaterThan(3);
  });

  test('bandwidth limits the bytes of a second, and what waits makes a client slow', async () => {
    await disposeLive();
    live = await startFaultyServer({ clientBufferBytes: 0 });
    const alice = await openClient(live.wsUrl, 'user:alice');
    await live.faults({ fault: 'bandwidth', bytesPerSecond: 200 });
    const startMs = performance.now();
    live.emit('user:alice', 1);
    await new Promise((resolve) => setImmediate(resolve));
    // The first one is still on its way, so only the newest of these is kept.
    for (const cursor of [2, 3, 4]) live.emit('user:alice', cursor);
    expect(cursorsOf(await alice.received(2))).toEqual(['1', '4']);
    // Two messages of 32 bytes, at 200 bytes a second.
    expect(performance.now() - startMs).toBeGreaterThan(250);
    expect(live.server.stats().conflated).toBe(2);
  });

  test('a paced connection is closed in order, and at full speed when the faults are cleared', async () => {
    const alice = await openClient(live.wsUrl, 'user:alice');
    await live.faults({ fault: 'bandwidth', bytesPerSecond: 1 });
    live.emit('user:alice', 1);
    await new Promise((resolve) => setImmediate(resolve));
    const closing = live.server.close();
    expect(await alice.closed()).toEqual({ code: 1001, reason: 'Going Away' });
    expect(cursorsOf(alice.texts)).toEqual(['1']);
    expect(await closing).toEqual({ left: 1, cut: 0 });
  });
});

describe('server', () => {
  test('offline resets clients and new connections of its namespace until it ends, and then serves again', async () => {
    const [alice, bob] = [
      await openClient(live.wsUrl, 'user:alice'),
      await openClient(live.wsUrl, 'user:bob'),
    ];
    await live.faults({ fault: 'offline', match: { namespace: 'user:alice' } });
    expect(await alice.gone()).toBe('reset');
    const refused = connect('user:alice');
    expect(await refused.gone()).toBe('reset');
    expect(refused.status).toBe(0);
    await bob.roundTrip();
    await live.clear();
    await (await openClient(live.wsUrl, 'user:alice')).roundTrip();
    expect(bob.isOpen).toBe(true);
  });

  test('offline comes again and again, for the first time after everyMs', async () => {
    const alice = await openClient(live.wsUrl, 'user:alice');
    const startMs = performance.now();
    await live.faults({ fault: 'offline', everyMs: 40, downMs: 1, next: 2 });
    await alice.gone();
    expect(performance.now() - startMs).toBeGreaterThan(38);
    await live.events.until('fault', 2);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await (await openClient(live.wsUrl, 'user:alice')).roundTrip();
  });

  test('restart closes with 1001, is away for a while, and has forgotten its cursors', async () => {
    await disposeLive();
    live = await startFaultyServer({ resume: true });
    const alice = await openClient(live.wsUrl, 'user:alice');
    live.emit('user:alice', 42);
    await alice.received(1);
    await live.faults({ fault: 'restart', downMs: 60_000 });
    expect(await alice.closed()).toEqual({ code: 1001, reason: 'Going Away' });
    const early = connect('user:alice');
    expect(await early.gone()).toBe('reset');
    await live.clear();
    const back = await openClient(live.wsUrl, 'user:alice');
    back.say('{"type":"hello","clientId":"a","cursor":"1"}');
    await back.roundTrip();
    expect(back.texts).toEqual([]);
  });

  test('no-pings sends no pings, and closes nobody for a pong that cannot come', async () => {
    await disposeLive();
    live = await startFaultyServer({ heartbeatIntervalMs: 10, heartbeatTimeoutMs: 15 });
    const [alice, bob] = [
      await openClient(live.wsUrl, 'user:alice'),
      await openClient(live.wsUrl, 'user:bob'),
    ];
    await live.faults({ fault: 'no-pings', match: { namespace: 'user:alice' } });
    await alice.roundTrip();
    const { pings } = alice;
    await bob.until(() => bob.pings > 8, 'eight pings');
    expect(alice.pings).toBe(pings);
    expect(alice.isOpen).toBe(true);
  });

  test('late-heartbeat sends each ping late, later than its timeout even, and closes nobody', async () => {
    await disposeLive();
    live = await startFaultyServer({ heartbeatIntervalMs: 20, heartbeatTimeoutMs: 20 });
    await live.faults({ fault: 'late-heartbeat', delayMs: 150 });
    const startMs = performance.now();
    const alice = await openClient(live.wsUrl, 'user:alice');
    await alice.until(() => alice.pings >= 1, 'a ping');
    expect(performance.now() - startMs).toBeGreaterThan(165);
    await alice.until(() => alice.pings >= 3, 'three pings');
    expect(alice.isOpen).toBe(true);
  });
});
