const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/**
 * Milliseconds on the machine's monotonic clock. Processes of one machine share it, so a time taken in one can be
 * compared with a time taken in another.
 */
export function monotonicMs(): number {
  return offsetMs + performance.now();
}
