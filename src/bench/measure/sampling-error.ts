import type { Histogram } from './histogram.js';

/** A number's neighbourhood: within it, a difference says nothing. */
export interface ValueSpread {
  readonly low: number;
  readonly high: number;
}

/**
 * As how many independent samples the samples of a run count at most. The receipts of one broadcast, or the
 * handshakes of one storm, share their fate: ten thousand of them do not tell ten thousand times as much as one.
 */
const INDEPENDENT = 100;
/** Fewer samples than these say too little of how far off they may be. */
const FEWEST = 20;
/** Within so many standard errors on either side lie 95 % of a normal distribution. */
const STANDARD_ERRORS = 1.96;

/**
 * Where a percentile may as well have been, given the samples of one run (95 %): between two order statistics,
 * whose ranks follow from the binomial distribution, here in its normal approximation. What differs from one run to
 * the next for other reasons (a busy machine) is not in it: that takes several runs.
 *
 * @returns `undefined` with too few samples to tell.
 */
export function percentileSpread(histogram: Histogram, percent: number): ValueSpread | undefined {
  if (histogram.count < FEWEST) return undefined;
  const share = percent / 100;
  const error = STANDARD_ERRORS * Math.sqrt((share * (1 - share)) / Math.min(histogram.count, INDEPENDENT));
  const low = histogram.percentileMs(Math.max(0, percent - 100 * error));
  const high = histogram.percentileMs(Math.min(100, percent + 100 * error));
  return low === undefined || high === undefined ? undefined : { low, high };
}
