import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { createCursorEmitter } from '../../src/emit/cursor-emitter.js';
import { disposeLive, startServer } from '../support/live-server.js';

afterEach(disposeLive);

const OUTAGE_MS = 30_000;
const PER_SECOND = 1000;
const NAMESPACES = 500;

test('a server that is away for 30 s under 1,000 emits/s over 500 namespaces gets the newest of each when it is back', async () => {
  const before = await startServer();
  await before.server.close();
  const errors: string[] = [];
  const emitter = createCursorEmitter({ url: before.apiUrl, onError: ({ code }) => errors.push(code) });
  const newest = new Map<string, string>();
  const heapBytes: number[] = [];
  let slowestMs = 0;
  let emitted = 0;
  const startMs = performance.now();
  while (performance.now() - startMs < OUTAGE_MS) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * PER_SECOND);
    for (; emitted < due; emitted++) {
      const namespace = `tenant:${emitted % NAMESPACES}`;
      const cursor = String(1_000_000 + emitted);
      const callMs = performance.now();
      emitter.emit(namespace, cursor);
      slowestMs = Math.max(slowestMs, performance.now() - callMs);
      newest.set(namespace, cursor);
    }
    if (heapBytes.length < (performance.now() - startMs) / 1000)
      heapBytes.push(process.memoryUsage().heapUsed);
    await sleep(5);
  }
  expect(emitted).toBeGreaterThan((OUTAGE_MS / 1000) * PER_SECOND * 0.95);
  expect(emitter.pending).toBe(NAMESPACES);
  expect(errors).toEqual(['ERR_UNREACHABLE']);
  const back = await startServer({ port: before.port });
  const backMs = performance.now();
  expect(await emitter.flush()).toBe(true);
  const tookMs = performance.now() - backMs;
  const arrived = new Map(back.events.of('broadcast').map(({ namespace, cursor }) => [namespace, cursor]));
  expect(arrived).toEqual(newest);
  expect(emitter.dropped).toBe(0);
  expect(errors).toHaveLength(1);
  const mib = (bytes: number) => Math.round(bytes / 1024 / 1024);
  process.stdout.write(
    `${emitted} emits; slowest ${slowestMs.toFixed(2)} ms; heap ${mib(Math.min(...heapBytes))} to ${mib(Math.max(...heapBytes))} MiB; ${NAMESPACES} cursors ${Math.round(tookMs)} ms after the server was back, in ${back.events.of('broadcast').length} broadcasts\n`,
  );
  // Kept are 500 cursors, however many were emitted: what grows is garbage.
  expect(Math.max(...heapBytes) - Math.min(...heapBytes)).toBeLessThan(100 * 1024 * 1024);
});
