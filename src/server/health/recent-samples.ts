/** The newest samples of something, in a fixed amount of memory. */
export class RecentSamples {
  readonly #samples: Float32Array;
  #added = 0;

  /** @param size how many samples are kept. */
  constructor(size: number) {
    this.#samples = new Float32Array(size);
  }

  add(sample: number): void {
    this.#samples[this.#added % this.#samples.length] = sample;
    this.#added += 1;
  }

  /** The smallest sample that `percent` of the samples do not exceed; `undefined` without any. */
  percentile(percent: number): number | undefined {
    const sorted = this.#samples.slice(0, this.#added).sort();
    return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
  }
}
