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
