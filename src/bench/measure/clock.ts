import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds on the machine's monotonic clock. Processes of one machine share it, so a time taken in one can be
 * compared with a time taken in another. Read directly each time: an offset to a cheaper clock, once measured wrong,
 * stays wrong for the life of a process.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/**
 * Waits until a time on that clock; returns early only when the signal aborts. A timer of Node.js may fire up to a
 * millisecond early, and what starts before its time would seem to take less time than it does, or none.
 */
export async function waitUntil(atMs: number, signal?: AbortSignal): Promise<void> {
  for (let waitMs = atMs - monotonicMs(); waitMs > 0; waitMs = atMs - monotonicMs()) {
    if (signal?.aborted) return;
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  }
}

/**
 * A number in [0, 1) that depends on nothing but the arguments: the `draw`-th of one client under one seed. Runs
 * with the same seed choose the same, however many workers they are spread over.
 */
export function seededRandom(seed: number, client: number, draw: number): number {
  // splitmix32 over a mix of the three.
  let state = (seed ^ Math.imul(client + 1, 0x9e3779b1) ^ Math.imul(draw + 1, 0x85ebca6b)) >>> 0;
  state = (state + 0x9e3779b9) | 0;
  state = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
  state = Math.imul(state ^ (state >>> 15), 0x735a2d97);
  return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32;
}
