import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { DatafnWsServer, DatafnWsServerOptions } from '../../../src/server/server-types.js';
import { within } from '../../support/deadline.js';
import { closeReaders, readEvents } from '../../support/event-reader.js';
import { call } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';
import type { RawClient } from '../../support/raw-client.js';

afterEach(async () => {
  vi.useRealTimers();
  closeReaders();
  await disposeLive();
});

// Less than a socket's own high-water mark, so that the small buffers below stay under it.
const FILLER = 'x'.repeat(10_000);

/** Broadcasts large cursors, one a turn, until so many clients are backed up; the number of the last. */
async function flood(server: DatafnWsServer, blocked: number, from = 0): Promise<number> {
  let cursor = from;
  while (server.stats().blocked < blocked) {
    cursor += 1;
    server.websocketHandler.broadcastCursor(`${cursor}${FILLER}`, 'a');
    await turn();
  }
  return cursor;
}

const until = (isMet: () => boolean, what: string) =>
  within(
    (async () => {
      while (!isMet()) await turn();
    })(),
    what,
  );

const newest = (client: RawClient) => Number.parseInt(JSON.parse(client.texts.at(-1) ?? '{}').cursor, 10);

/** A server with a client in namespace `a` that has stopped reading. */
async function startPaused(options: DatafnWsServerOptions) {
  const live = await startServer(options);
  const slow = await openClient(live.wsUrl, 'a');
  slow.pause();
  return { ...live, slow };
}

describe('clientBufferBytes', () => {
  test.each([0, 1, 1000, 64 * 1024, 1024 * 1024])(
    'of %i: a client that was backed up converges on the newest cursor and then hears all that follow',
    async (clientBufferBytes) => {
      const { server, slow } = await startPaused({ clientBufferBytes });
      const last = await flood(server, 1);
      server.websocketHandler.broadcastCursor(`${last + 1}`, 'a');
      await until(() => server.stats().conflated > 0, 'a superseded cursor');
      slow.resume();
      await slow.until(() => newest(slow) === last + 1, 'the newest cursor');
      await until(() => server.stats().blocked === 0, 'nobody to be backed up');
      // All of them, since nothing waits any more.
      const before = slow.texts.length;
      for (const more of [2, 3, 4]) server.websocketHandler.broadcastCursor(`${last + more}`, 'a');
      await slow.until(() => newest(slow) === last + 4, 'the cursors of a burst');
      expect(slow.texts.length).toBe(before + 3);
    },
  );
});

test('a client that is backed up has not heard the cursor that waits for it, is reported, and has when it reads on', async () => {
  const { server, apiUrl, slow } = await startPaused({ clientBufferBytes: 0, monotonic: true });
  const reader = await readEvents(apiUrl, '?kind=behind');
  const last = await flood(server, 1);
  const listed = async () => (await call('GET', `${apiUrl}/v1/clients`)).json.clients[0];
  const { heard, newest: known } = await listed();
  expect(Number.parseInt(known, 10)).toBe(last);
  expect(Number.parseInt(heard, 10)).toBeLessThan(last);
  const [event] = await reader.until('behind');
  expect(event?.data).toMatchObject({ connection: { id: 1 }, heard, newest: known });
  slow.resume();
  await slow.until(() => newest(slow) === last, 'the newest cursor');
  expect((await listed()).heard).toBe(known);
});

describe('slowClientTimeoutMs', () => {
  test('closes a client that stays backed up with 1013, which frees its slot and is counted', async () => {
    const { server, events, slow, wsUrl } = await startPaused({
      slowClientTimeoutMs: 100,
      maxConnections: 1,
    });
    await flood(server, 1);
    const [closed] = await events.until('closed');
    expect(closed).toMatchObject({ code: 1013, reason: 'Client too slow', by: 'server' });
    expect(server.stats()).toMatchObject({
      connections: 0,
      blocked: 0,
      slowClosed: 1,
      closed: { 1013: 1 },
    });
    // What waits for it is still there to be read, and the close behind it.
    slow.resume();
    expect(await slow.closed()).toEqual({ code: 1013, reason: 'Client too slow' });
    expect((await openClient(wsUrl, 'a')).isOpen).toBe(true);
  });

  test('leaves alone a client that catches up in time, and then a second time', async () => {
    const { server, slow } = await startPaused({ slowClientTimeoutMs: 3000 });
    let last = 0;
    for (const _ of [1, 2]) {
      last = await flood(server, 1, last);
      slow.resume();
      await slow.until(() => newest(slow) === last, 'the newest cursor');
      slow.pause();
    }
    expect(server.stats()).toMatchObject({ connections: 1, blocked: 0, slowClosed: 0, closed: {} });
  });

  test('does not touch the clients that read, however much is sent', async () => {
    const { server, wsUrl } = await startPaused({ slowClientTimeoutMs: 50 });
    const healthy = await openClient(wsUrl, 'a');
    const last = await flood(server, 1);
    await until(() => server.stats().slowClosed === 1, 'the end of the slow one');
    server.websocketHandler.broadcastCursor(`${last + 1}`, 'a');
    await healthy.until(() => newest(healthy) === last + 1, 'the newest cursor');
    expect(healthy.texts).toHaveLength(last + 1);
    expect(server.stats().connections).toBe(1);
  });
});

test('without a timeout a client that does not read stays, until it fails to answer a ping', async () => {
  // Its time alone passes here, and the sockets are real.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  const { server, events } = await startPaused({ heartbeatIntervalMs: 300, heartbeatTimeoutMs: 200 });
  await flood(server, 1);
  vi.advanceTimersByTime(300 + 199);
  await turn();
  expect(server.stats()).toMatchObject({ connections: 1, blocked: 1 });
  vi.advanceTimersByTime(1);
  const [closed] = await events.until('closed');
  expect(closed).toMatchObject({ code: 1001, reason: 'Heartbeat timeout' });
  expect(server.stats()).toMatchObject({ blocked: 0, slowClosed: 0 });
});

test('a client that vanishes while it is backed up is not counted as such any more', async () => {
  const { server, slow } = await startPaused({});
  await flood(server, 1);
  slow.reset();
  await until(() => server.stats().blocked === 0, 'the end of the slow client');
  expect(server.stats()).toMatchObject({ connections: 0, sockets: 0, closed: { 1006: 1 } });
});
