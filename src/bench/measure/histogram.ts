/** Linear buckets in each power of two: values are kept with an error of at most 1/128, under 0.8%. */
const SUB_BUCKETS = 128;
const SUB_BITS = 7;
/** Microseconds up to 2^36, some 19 hours; longer ones are counted in the last bucket. */
const MAX_BITS = 36;
const BUCKETS = SUB_BUCKETS * (MAX_BITS - SUB_BITS + 2);

/** A histogram as it travels between processes and into reports: only the buckets that hold something. */
export interface HistogramData {
  readonly count: number;
  readonly sumMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Bucket, count, bucket, count, … in rising order. */
  readonly buckets: readonly number[];
}

/**
 * Durations in milliseconds, in memory that does not grow with their number. Histograms of several processes add
 * up to one without loss, which percentiles do not.
 */
export class Histogram {
  #counts: Uint32Array | undefined;
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  /** Counts one duration; a negative one (a clock read out of order) as 0. */
  record(ms: number): void {
    const value = Math.max(ms, 0);
    // Most histograms of most cohorts stay empty: the buckets are made when there is something to put in.
    this.#counts ??= new Uint32Array(BUCKETS);
    const bucket = bucketOf(value);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += value;
    if (value < this.#minMs) this.#minMs = value;
    if (value > this.#maxMs) this.#maxMs = value;
  }

  add(other: Histogram): void {
    if (other.#count === 0) return;
    this.#counts ??= new Uint32Array(BUCKETS);
    const counts = this.#counts;
    other.#counts?.forEach((count, bucket) => {
      counts[bucket] = (counts[bucket] as number) + count;
    });
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  get minMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#minMs;
  }

  get maxMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#maxMs;
  }

  get meanMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#sumMs / this.#count;
  }

  /** The duration that `percent` of all do not exceed (nearest rank), or `undefined` without samples. */
  percentileMs(percent: number): number | undefined {
    if (this.#count === 0 || this.#counts === undefined) return undefined;
    // Multiplied first, and without the last digits: 99.9% of 1,000 are 999, and not a hair more.
    const rank = Math.max(1, Math.ceil((percent * this.#count) / 100 - 1e-6));
    if (rank >= this.#count) return this.#maxMs;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(this.#maxMs, Math.max(this.#minMs, middleOf(bucket)));
    }
    return this.#maxMs;
  }

  toData(): HistogramData {
    const buckets: number[] = [];
    this.#counts?.forEach((count, bucket) => {
      if (count > 0) buckets.push(bucket, count);
    });
    return {
      count: this.#count,
      sumMs: this.#sumMs,
      minMs: this.#count === 0 ? 0 : this.#minMs,
      maxMs: this.#maxMs,
      buckets,
    };
  }

  static from({ count, sumMs, minMs, maxMs, buckets }: HistogramData): Histogram {
    const histogram = new Histogram();
    if (count === 0) return histogram;
    const counts = new Uint32Array(BUCKETS);
    for (let index = 0; index + 1 < buckets.length; index += 2) {
      const bucket = buckets[index] ?? 0;
      counts[bucket] = (counts[bucket] ?? 0) + (buckets[index + 1] ?? 0);
    }
    histogram.#counts = counts;
    histogram.#count = count;
    histogram.#sumMs = sumMs;
    histogram.#minMs = minMs;
    histogram.#maxMs = maxMs;
    return histogram;
  }
}

function bucketOf(ms: number): number {
  const us = Math.floor(ms * 1000);
  if (us < SUB_BUCKETS) return us;
  // A bit scan where the number has 32 bits, which is to say below half an hour.
  const exponent = us < 2 ** 32 ? 31 - Math.clz32(us) : Math.floor(Math.log2(us));
  if (exponent > MAX_BITS) return BUCKETS - 1;
  const shift = exponent - SUB_BITS;
  return SUB_BUCKETS * (shift + 1) + (Math.floor(us / 2 ** shift) - SUB_BUCKETS);
}

/** The middle of a bucket, in milliseconds. */
export function middleOf(bucket: number): number {
  if (bucket < SUB_BUCKETS) return (bucket + 0.5) / 1000;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return ((bucket % SUB_BUCKETS) + SUB_BUCKETS + 0.5) * 2 ** shift * 1e-3;
}
