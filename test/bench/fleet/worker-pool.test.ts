import { afterEach, expect, test, vi } from 'vitest';
import { WorkerPool } from '../../../src/bench/fleet/worker-pool.js';
import { deferred, within } from '../../support/deadline.js';

const pools: WorkerPool[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(pools.splice(0).map((pool) => pool.stop()));
});

/** Workers that were given nothing to do yet, and the first error that ends them all. */
function startWorkers(size: number, silentMs = 30_000) {
  const { promise: death, resolve } = deferred<Error>();
  const deaths: Error[] = [];
  const onDeath = (error: Error) => {
    deaths.push(error);
    resolve(error);
  };
  const pool = new WorkerPool(size, () => {}, onDeath, silentMs);
  pools.push(pool);
  return { pool, deaths, death: () => within(death, 'the end of the workers') };
}

test('an error of a call in a worker is that of the call, with where it came from, and the worker lives on', async () => {
  const { pool, deaths } = startWorkers(1);
  // Which cohort is to connect is left out.
  await expect(pool.call('connect')).rejects.toThrow(/^in a worker: TypeError: .*\n\s+at /);
  expect(await pool.call('takeCounts')).toHaveLength(1);
  expect(deaths).toEqual([]);
});

test('a worker that reports nothing is given up after a while, and no call to any of them waits longer', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const { pool, deaths } = startWorkers(2, 5000);
  const call = pool.call('takeCounts').catch((error: Error) => error);
  vi.advanceTimersByTime(5000);
  expect(deaths).toEqual([]);
  vi.advanceTimersByTime(1000);
  const [death] = deaths as [Error];
  expect(deaths).toHaveLength(1);
  expect(death).toMatchObject({
    code: 'ERR_WORKER',
    message: expect.stringMatching(/^Worker 1 \(process \d+\) has not reported for 5 s$/),
  });
  expect(await call).toBe(death);
  await expect(pool.call('end')).rejects.toBe(death);
});

test('an error that nobody caught in a worker is a bug, not a death of the worker, and ends the run once', async () => {
  const module = `
    const on = process.on.bind(process);
    process.on = (event, listener) =>
      on(event, event === 'message' ? () => { throw new Error('ouch'); } : listener);`;
  const before = process.env.NODE_OPTIONS;
  process.env.NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(module)}`;
  const { pool, deaths, death } = startWorkers(1);
  if (before === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = before;
  const call = pool.call('takeCounts').catch(() => {});
  const error = await death();
  await call;
  expect(error).not.toHaveProperty('code');
  expect(error.message).toMatch(/^in worker 1: Error: ouch\n\s+at /);
  await pool.stop();
  expect(deaths).toEqual([error]);
});
