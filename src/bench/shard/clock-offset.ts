/** The range that certainly holds the difference between two clocks, the other minus ours. */
export interface OffsetRange {
  readonly lowMs: number;
  readonly highMs: number;
}

/** One request: when it went out and when its answer came, on our clock, and what the other clock said between. */
export interface ClockSample {
  readonly sentMs: number;
  readonly theirMs: number;
  readonly receivedMs: number;
}

/**
 * What requests say of the difference. The other clock was read between sending and receiving, so each request gives
 * a range as wide as its round trip, and the truth is in all of them. Clocks that drifted meanwhile may share no range:
 * then it is in one of them.
 */
export function offsetOf(samples: readonly ClockSample[]): OffsetRange | undefined {
  if (samples.length === 0) return undefined;
  const lows = samples.map(({ theirMs, receivedMs }) => theirMs - receivedMs);
  const highs = samples.map(({ theirMs, sentMs }) => theirMs - sentMs);
  const [lowMs, highMs] = [Math.max(...lows), Math.min(...highs)];
  if (lowMs <= highMs) return { lowMs, highMs };
  return { lowMs: Math.min(...lows), highMs: Math.max(...highs) };
}

export function middleOf({ lowMs, highMs }: OffsetRange): number {
  return (lowMs + highMs) / 2;
}

/** How far the difference may have been from an assumed one, at any of several times. */
export function uncertaintyOf(assumedMs: number, ranges: readonly OffsetRange[]): number {
  return Math.max(
    0,
    ...ranges.flatMap(({ lowMs, highMs }) => [Math.abs(lowMs - assumedMs), Math.abs(highMs - assumedMs)]),
  );
}
