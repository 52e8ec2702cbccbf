import { afterEach, expect } from 'vitest';
import { redisBackplane } from '../../src/backplane/redis.js';
import { postCursors } from '../support/http-call.js';
import { disposeLive, type LiveServer, openClient, startServer } from '../support/live-server.js';
import { disposeRedis, startRedis, withRedis } from '../support/redis-server.js';
import { eventually } from './recorded-node.js';

afterEach(async () => {
  await disposeLive();
  await disposeRedis();
});

const numbers = (texts: readonly string[]) => texts.map((text) => Number(JSON.parse(text).cursor));

/** Emits to a namespace until it is stopped; the last cursor that a server has taken. */
function emitting(target: () => LiveServer, everyMs: number) {
  let cursor = 0;
  let slowestMs = 0;
  let isStopped = false;
  const done = (async () => {
    while (!isStopped) {
      const startedAtMs = performance.now();
      cursor += 1;
      await postCursors(target().apiUrl, { namespace: 'x', cursor: String(cursor) }).catch(() => {});
      slowestMs = Math.max(slowestMs, performance.now() - startedAtMs);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await done;
      return { newest: cursor, slowestMs };
    },
  };
}

withRedis(
  'SIGSTOP for 20 s under load: emits are answered, nobody hears a cursor twice, all end at the newest',
  async () => {
    const redis = await startRedis();
    const start = () => startServer({ backplane: redisBackplane({ url: redis.url }) });
    const servers = [await start(), await start(), await start()] as const;
    const clients = await Promise.all(servers.map(({ wsUrl }) => openClient(wsUrl, 'x')));
    const load = emitting(() => servers[0], 20);
    await eventually(() => clients.every(({ texts }) => texts.length > 5), 'load');
    redis.stop();
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    redis.continue();
    await eventually(
      () => servers.every(({ logger }) => logger.warnings.length === 2),
      'the engine is back for all',
    );
    const { newest, slowestMs } = await load.stop();
    await eventually(
      () => clients.every(({ texts }) => numbers(texts).includes(newest)),
      'all at the newest',
    );
    for (const { texts } of clients) {
      const heard = numbers(texts);
      expect(new Set(heard).size).toBe(heard.length);
    }
    // A second for the engine, and what a busy machine adds.
    expect(slowestMs).toBeLessThan(5000);
  },
);

withRedis('a rolling restart of three servers under load leaves nobody behind', async () => {
  const redis = await startRedis();
  const start = () => startServer({ backplane: redisBackplane({ url: redis.url }), resume: true });
  const servers = [await start(), await start(), await start()];
  const emitter = await start();
  const load = emitting(() => emitter, 5);
  for (let index = 0; index < servers.length; index++) {
    await servers[index]?.server.close();
    servers[index] = await start();
  }
  const clients = await Promise.all(servers.map(({ wsUrl }) => openClient(wsUrl, 'x')));
  await eventually(() => clients.every(({ texts }) => texts.length > 3), 'cursors at each');
  const { newest } = await load.stop();
  await eventually(() => clients.every(({ texts }) => numbers(texts).includes(newest)), 'all at the newest');
  for (const { texts } of clients) {
    const heard = numbers(texts);
    expect(heard).toEqual(heard.toSorted((a, b) => a - b));
    expect(new Set(heard).size).toBe(heard.length);
  }
});
