import { Histogram } from './histogram.js';

/** Cursors of one plan whose spread is followed; those beyond are not. */
const MAX_FOLLOWED = 200_000;

/** First and last receipt by index in the plan, as they travel between processes. */
export interface SpreadData {
  readonly first: Float64Array;
  readonly last: Float64Array;
}

/** When each broadcast reached its first and its last receiver. */
export class Spread {
  #first: Float64Array = new Float64Array(64);
  #last: Float64Array = new Float64Array(64);
  #length = 0;

  record(index: number, atMs: number): void {
    if (index >= this.#first.length) {
      if (index >= MAX_FOLLOWED) return;
      this.#grow(index + 1);
    }
    if (index >= this.#length) this.#length = index + 1;
    const first = this.#first[index] as number;
    if (first === 0 || atMs < first) this.#first[index] = atMs;
    if (atMs > (this.#last[index] as number)) this.#last[index] = atMs;
  }

  add({ first, last }: SpreadData): void {
    for (let index = 0; index < first.length; index++) {
      if ((first[index] as number) === 0) continue;
      this.record(index, first[index] as number);
      this.record(index, last[index] as number);
    }
  }

  toData(): SpreadData {
    return { first: this.#first.slice(0, this.#length), last: this.#last.slice(0, this.#length) };
  }

  /** From the first receiver to the last, for each broadcast that anybody received. */
  toHistogram(): Histogram {
    const histogram = new Histogram();
    for (let index = 0; index < this.#length; index++) {
      const first = this.#first[index] as number;
      if (first > 0) histogram.record((this.#last[index] as number) - first);
    }
    return histogram;
  }

  #grow(length: number): void {
    const size = Math.min(MAX_FOLLOWED, Math.max(length, this.#first.length * 2));
    const [first, last] = [new Float64Array(size), new Float64Array(size)];
    first.set(this.#first);
    last.set(this.#last);
    this.#first = first;
    this.#last = last;
  }
}
