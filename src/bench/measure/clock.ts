/**
 * Milliseconds on the machine's monotonic clock. Processes of one machine share it, so a time taken in one can be
 * compared with a time taken in another. Read directly each time: an offset to a cheaper clock, once measured wrong,
 * stays wrong for the life of a process.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
