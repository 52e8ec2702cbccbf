/**
 * Bytes that come piece by piece. Takes memory for what has come, not for what is announced, and copies each byte a
 * bounded number of times, however small the pieces are.
 */
export class GrowingBytes {
  #buffer: Buffer | undefined;
  #length = 0;

  /** @param maxBytes how many it will be at most. */
  constructor(readonly maxBytes: number) {}

  get length(): number {
    return this.#length;
  }

  /** Copies the bytes of `source` from `start` to `end`. */
  append(source: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    const held = this.#buffer?.length ?? 0;
    if (length > held) {
      // Of its own, not of Node's pool: a few bytes that are kept would keep all of that.
      const larger = Buffer.allocUnsafeSlow(Math.min(this.maxBytes, Math.max(length, held * 2)));
      this.#buffer?.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    if (this.#buffer !== undefined) source.copy(this.#buffer, this.#length, start, end);
    this.#length = length;
  }

  /** What has come so far; valid until the next call of {@link append}. */
  get bytes(): Buffer {
    return this.#buffer?.subarray(0, this.#length) ?? Buffer.alloc(0);
  }
}
