import { getHeapStatistics } from 'node:v8';

/** Memory of this process, in bytes. */
export interface ProcessMemory {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
}

let rssBytes = 0;

/**
 * What `process.memoryUsage()` says. That throws when no file descriptor is left to read the resident size with; this
 * gives the last one that was read, so a server that is full of clients still answers.
 */
export function processMemory(): ProcessMemory {
  const { used_heap_size: heapUsedBytes, external_memory: externalBytes } = getHeapStatistics();
  try {
    rssBytes = process.memoryUsage.rss();
  } catch {
    // The last one stands.
  }
  return { rssBytes, heapUsedBytes, externalBytes };
}
