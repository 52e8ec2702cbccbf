import { afterEach, describe, expect, test } from 'vitest';
import { BackendCaller } from '../../support/backend-call.js';
import { disposeLive, openClient, startClient } from '../../support/live-server.js';
import { startFaultyServer } from './faulty-server.js';

afterEach(disposeLive);

const EVERY_MS = 30_000;

describe('the preset', () => {
  test('flaky-train cuts everything off half a minute after it was set, and deploy closes with 1001; both come back', async () => {
    const away = async (preset: 'flaky-train' | 'deploy') => {
      const live = await startFaultyServer();
      const client = await openClient(live.wsUrl, 'user:alice');
      live.emit('user:alice', 1);
      await client.received(1);
      // Before: the answer can be late, and the time counts from when the server set the faults.
      const startMs = performance.now();
      await live.plan({ preset });
      await client.gone(EVERY_MS + 10_000);
      const afterMs = performance.now() - startMs;
      const refused = startClient(live.wsUrl, { token: 'user:alice' });
      await refused.gone();
      let attempts = 0;
      let next = refused;
      do {
        attempts += 1;
        next = startClient(live.wsUrl, { token: 'user:alice' });
        await next.until(() => next.status !== 0 || next.ended !== undefined, 'an answer');
        if (next.status === 0) await new Promise((resolve) => setTimeout(resolve, 200));
      } while (next.status === 0);
      return {
        close: client.closeFrame?.code,
        afterMs,
        refusedStatus: refused.status,
        attempts,
        awayMs: performance.now() - startMs - afterMs,
        next: next.status,
      };
    };
    const [train, deploy] = await Promise.all([away('flaky-train'), away('deploy')]);
    expect(train).toMatchObject({ close: undefined, refusedStatus: 0, next: 101 });
    expect(deploy).toMatchObject({ close: 1001, refusedStatus: 0, next: 101 });
    for (const { afterMs } of [train, deploy]) expect(afterMs).toBeGreaterThan(EVERY_MS - 100);
    expect(train.awayMs).toBeGreaterThan(4900);
    expect(deploy.awayMs).toBeGreaterThan(1900);
    expect(train.attempts).toBeGreaterThan(2);
    expect(deploy.attempts).toBeGreaterThan(2);
  });

  test('busy-server has handshakes, answers and cursors take long, and refuses some with 503', async () => {
    const live = await startFaultyServer();
    await live.plan({ preset: 'busy-server' });
    const startMs = performance.now();
    const clients = Array.from({ length: 20 }, () => startClient(live.wsUrl, { token: 'user:alice' }));
    const answered = await Promise.all(
      clients.map(async (client) => {
        await client.until(() => client.status !== 0, 'an answer');
        return { client, status: client.status, ms: performance.now() - startMs };
      }),
    );
    expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([101, 503]));
    for (const { ms } of answered) expect(ms).toBeGreaterThan(495);
    expect(Math.max(...answered.map(({ ms }) => ms))).toBeGreaterThan(2000);

    const emittedMs = performance.now();
    live.emit('user:alice', 1);
    const { client } = answered.find(({ status }) => status === 101) as (typeof answered)[number];
    await client.received(1);
    expect(performance.now() - emittedMs).toBeGreaterThan(95);

    const alice = new BackendCaller(live.apiUrl);
    const pulls = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const askedMs = performance.now();
        const { status } = await alice.post('pull', { clientId: 'tab-a', cursors: { task: '0' } });
        return { status, ms: performance.now() - askedMs };
      }),
    );
    expect(new Set(pulls.map(({ status }) => status))).toEqual(new Set([200, 503]));
    for (const { ms } of pulls) expect(ms).toBeGreaterThan(495);
  });
});
