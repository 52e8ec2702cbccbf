/** A histogram: how many values are at most each upper bound, and more than the one before. */
export class Buckets {
  /** One more than there are bounds. */
  readonly counts: Float64Array;
  sum = 0;

  /** @param bounds in increasing order. */
  constructor(private readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    const { bounds, counts } = this;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index += 1;
    counts[index] = (counts[index] as number) + 1;
    this.sum += value;
  }
}
