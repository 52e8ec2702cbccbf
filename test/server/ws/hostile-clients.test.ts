import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ServerSocket } from '../../../src/server/ws/server-socket.js';
import { within } from '../../support/deadline.js';
import { connectClient, disposeLive, openClient, startServer } from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';

const [TEXT, PING, PONG] = [0x1, 0x9, 0xa];
const TOO_MANY = { code: 1008, reason: 'Message rate exceeded' };
/** Far more than a client can have under way when it is closed. */
const WITHOUT_END_BYTES = 1024 * 1024;
/** Empty frames in what may be parsed before the close and after it, 4 KiB each. */
const FRAMES_AT_MOST = 1400;

afterEach(async () => {
  vi.restoreAllMocks();
  await disposeLive();
});

const until = (isMet: () => boolean, what: string) =>
  within(
    (async () => {
      while (!isMet()) await turn();
    })(),
    what,
  );

/** A hello of `bytes` bytes, with a cursor for each of many tables or with nested arrays. */
function hello(bytes: number, kind: 'flat' | 'nested' = 'flat'): string {
  const [start, end] = ['{"type":"hello","x":"', '"}'];
  const depth = Math.floor((bytes - start.length - end.length) / 2);
  return kind === 'flat'
    ? `${start}${'x'.repeat(bytes - start.length - end.length)}${end}`
    : `{"type":"hello","x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
}

/** Sends the same empty frame again and again, as fast as it is read. */
function flood(client: RawClient, opcode: number): void {
  const frame = Buffer.from([0x80 | opcode, 0x80, 0, 0, 0, 0]);
  client.socket.write(Buffer.concat(Array(Math.ceil(WITHOUT_END_BYTES / frame.length)).fill(frame)));
}

describe('a long message', () => {
  test.each(['flat', 'nested'] as const)(
    'counts as one for each KiB that it has begun: a client that sends %s ones is closed with 1008',
    async (kind) => {
      const { wsUrl, server } = await startServer({ maxMessageRate: 0.001, maxMessageBurst: 100 });
      const [client, calm] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a')];
      // 64 + 64 messages: the second finds room, and there is none after it.
      for (let count = 0; count < 2; count++) client.say(hello(64 * 1024, kind));
      await until(() => server.stats().limited.messageRate === 0 && client.isOpen, 'both to be read');
      client.say('x');
      expect(await client.closed()).toEqual(TOO_MANY);
      expect(server.stats().limited.messageRate).toBe(1);
      expect(calm.isOpen).toBe(true);
    },
  );

  test('is no hardship for clients that come back with a cursor for each of a hundred tables', async () => {
    const { wsUrl, server } = await startServer({ resume: true });
    server.websocketHandler.broadcastCursor('9', 'a');
    const cursors = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`a-table-with-a-long-name-${index}`, '1700000000000']),
    );
    for (let visit = 0; visit < 5; visit++) {
      const client = await openClient(wsUrl, 'a');
      client.say(JSON.stringify({ type: 'hello', clientId: 'c', cursors }));
      await client.roundTrip();
      expect(client.isOpen).toBe(true);
    }
  });

  test('is parsed once, and one that cannot be a hello not at all', async () => {
    // A log of what is ignored would look at why, some times a second.
    const { wsUrl, server } = await startServer({ resume: true, helloTimeoutMs: 60_000, logger: undefined });
    server.websocketHandler.broadcastCursor('9', 'a');
    const client = await openClient(wsUrl, 'a');
    const parse = vi.spyOn(JSON, 'parse');
    client.say('{"type":"hello","clientId":"c","cursor":"1"}');
    client.say('{"type":"other"}');
    client.say('x'.repeat(10_000));
    await client.roundTrip();
    expect(parse.mock.calls).toHaveLength(1);
    expect(await client.received(1)).toHaveLength(1);
  });
});

describe('a client that was closed', () => {
  /** How many frames of its clients a server looks at. */
  const watchFrames = () => vi.spyOn(ServerSocket.prototype, 'emit');

  test.each([
    ['pings', PING],
    ['pongs', PONG],
    ['texts', TEXT],
  ])(
    'and sends %s without end has them thrown away, and is then terminated and counted',
    async (_, opcode) => {
      const { wsUrl, server } = await startServer({ closeTimeoutMs: 0 });
      const frames = watchFrames();
      const stranger = await connectClient(wsUrl, { answersClose: false });
      expect((await stranger.closed()).code).toBe(4401);
      flood(stranger, opcode);
      await stranger.gone();
      expect(frames.mock.calls.length).toBeLessThan(FRAMES_AT_MOST);
      await until(() => server.stats().sockets === 0, 'the end of the connection');
      expect(server.stats()).toMatchObject({ refused: { 4401: 1 }, limited: { bytesAfterClose: 1 } });
    },
  );

  test.each([
    ['by its rate', (client: RawClient) => flood(client, PING)],
    ['for a breach of the protocol', (client: RawClient) => client.socket.write(Buffer.from([0x83, 0x80]))],
    ['by itself', (client: RawClient) => client.close(1000)],
  ])('%s and sends on is terminated, too', async (_, end) => {
    const { wsUrl, server } = await startServer({ closeTimeoutMs: 0 });
    const frames = watchFrames();
    const client = await openClient(wsUrl, 'a', { answersClose: false });
    end(client);
    flood(client, PING);
    await client.gone();
    expect(frames.mock.calls.length).toBeLessThan(FRAMES_AT_MOST);
    await until(() => server.stats().sockets === 0, 'the end of the connection');
    expect(server.stats().limited.bytesAfterClose).toBe(1);
  });

  test('and had a long message under way is told why, and its connection ends without a timeout', async () => {
    const { wsUrl, server } = await startServer({ closeTimeoutMs: 0 });
    const stranger = await connectClient(wsUrl);
    stranger.say(hello(64 * 1024));
    expect((await stranger.closed()).code).toBe(4401);
    expect(await stranger.gone()).toBe('end');
    await until(() => server.stats().sockets === 0, 'the end of the connection');
    expect(server.stats()).toMatchObject({ cut: 0, limited: { bytesAfterClose: 0 } });
  });

  test('is one of a thousand at most that have never been let in: the oldest makes room', async () => {
    const { wsUrl, server } = await startServer({ closeTimeoutMs: 0 });
    const admitted = await openClient(wsUrl, 'a');
    const strangers: RawClient[] = [];
    const come = async (count: number) => {
      for (let index = 0; index < count; index++) {
        const stranger = await connectClient(wsUrl, { answersClose: false });
        strangers.push(stranger);
        await stranger.closed();
      }
    };
    await come(2);
    await Promise.all(Array.from({ length: 40 }, () => come(25)));
    await Promise.all(strangers.slice(0, 2).map((stranger) => stranger.gone()));
    expect(strangers.slice(2).every(({ ended }) => ended === undefined)).toBe(true);
    expect(admitted.isOpen).toBe(true);
    expect(server.stats()).toMatchObject({ connections: 1, limited: { refusedClients: 2 } });
  });
});

describe('a client that does not read', () => {
  /** Its server, once the client is backed up. */
  async function startBlocked(options: Parameters<typeof startServer>[0]) {
    const live = await startServer(options);
    const slow = await openClient(live.wsUrl, 'a');
    slow.pause();
    for (let cursor = 1; live.server.stats().blocked === 0; cursor++) {
      live.server.websocketHandler.broadcastCursor(`${cursor}${'x'.repeat(10_000)}`, 'a');
      await turn();
    }
    return { ...live, slow };
  }

  test('and ends its half of the connection frees its slot, and is cut', async () => {
    const { server, slow } = await startBlocked({ closeTimeoutMs: 50 });
    slow.socket.end();
    await until(() => server.stats().sockets === 0, 'the end of the connection');
    expect(server.stats()).toMatchObject({ connections: 0, blocked: 0, cut: 1, closed: { 1006: 1 } });
  });

  test('and sends pongs has one ping wait for it, however many were due', async () => {
    const { server, slow } = await startBlocked({ heartbeatIntervalMs: 20, heartbeatTimeoutMs: 5000 });
    const ping = vi.spyOn(ServerSocket.prototype, 'ping');
    const queued = vi.spyOn(slow.socket.constructor.prototype, 'write');
    const isPing = ([bytes]: unknown[]) => Buffer.isBuffer(bytes) && bytes[0] === (0x80 | PING);
    await until(() => ping.mock.calls.length > 20, 'twenty pings to be due');
    expect(queued.mock.calls.filter(isPing).length).toBeLessThanOrEqual(1);
    expect(server.stats().blocked).toBe(1);
    // It is asked once it reads, and answers for all of them.
    slow.resume();
    await slow.until(() => slow.pings > 1, 'pings again');
  });
});
