import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DescriptorWatch } from '../../src/server/descriptor-watch.js';
import { within } from '../support/deadline.js';
import { call, postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../support/live-server.js';
import { RecordingLogger } from '../support/recording-logger.js';

afterEach(async () => {
  vi.useRealTimers();
  await disposeLive();
});

/** Keeps the event loop from everybody, and lets the monitor see it. */
async function stall(ms: number): Promise<void> {
  // Two turns of its clock before, so that it knows when it was there last.
  await sleep(50);
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
  await sleep(1);
}

async function statusOf(wsUrl: string) {
  const client = await connectClient(wsUrl, { token: 'a' });
  await (client.status === 101 ? client.destroy() : client.gone());
  return client;
}

describe('shedAboveMs', () => {
  test('turns new clients away with 503 while the event loop is late, and lets them in when it is not any more', async () => {
    const { wsUrl, apiUrl, server } = await startServer({ shedAboveMs: 800 });
    const inside = await openClient(wsUrl, 'a');
    await stall(1100);
    const refused = await statusOf(wsUrl);
    expect(refused.status).toBe(503);
    expect(refused.head).toMatch(/^Retry-After: 2\r?$/m);
    expect(JSON.parse(refused.body).detail).toContain('too busy');
    // Those that are in, and the API, are served meanwhile.
    await postCursors(apiUrl, { namespace: 'a', cursor: '42' });
    await inside.received(1);
    const { limited, refused: byStatus } = (await call('GET', `${apiUrl}/v1/stats`)).json;
    expect([limited.eventLoopDelay, byStatus]).toEqual([1, { 503: 1 }]);
    await within(
      (async () => {
        while ((await statusOf(wsUrl)).status !== 101) await sleep(50);
      })(),
      'the end of the shedding',
    );
    expect(server.stats().limited.eventLoopDelay).toBeGreaterThan(0);
  });

  test('is off by default, however late the event loop is', async () => {
    const { wsUrl, server } = await startServer();
    await stall(300);
    expect((await statusOf(wsUrl)).status).toBe(101);
    expect(server.stats().limited.eventLoopDelay).toBe(0);
  });
});

test('an error of the listening socket is logged, a shortage of descriptors once, and ends nothing', () => {
  vi.useFakeTimers();
  const logger = new RecordingLogger();
  const onShort = vi.fn();
  const watch = new DescriptorWatch(logger, onShort);
  const server = new EventEmitter();
  watch.start(server as Server);
  const failWith = (code: string) =>
    server.emit('error', Object.assign(new Error(`accept ${code}`), { code, syscall: 'accept' }));
  for (let again = 0; again < 3; again++) failWith('EMFILE');
  expect(logger.entries).toEqual([
    { level: 'error', message: expect.stringContaining('Out of file descriptors'), context: undefined },
  ]);
  expect(onShort).toHaveBeenCalledOnce();
  // There are enough here.
  vi.advanceTimersByTime(5000);
  expect(logger.warnings).toHaveLength(1);
  failWith('ENFILE');
  failWith('ENOBUFS');
  expect(onShort).toHaveBeenCalledTimes(2);
  expect(logger.entries.at(-1)).toMatchObject({ level: 'error', context: { error: 'accept ENOBUFS' } });
  watch.stop();
  expect(vi.getTimerCount()).toBe(0);
});
