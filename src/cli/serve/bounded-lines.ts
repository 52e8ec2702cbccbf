import type { Writable } from 'node:stream';

/** Bytes that may wait for who reads a log; a reader that hangs is not to fill the memory. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Writes lines to a stream, and drops those for which nobody makes room. */
export class BoundedLines {
  #dropped = 0;

  /** @param onDropped called with how many lines were dropped, once all that waited has been read. */
  constructor(
    private readonly stream: Writable,
    private readonly onDropped: (count: number) => void,
  ) {}

  write(line: string): void {
    if (this.#dropped > 0 || this.stream.writableLength > MAX_WAITING_BYTES) this.#drop();
    else this.stream.write(line);
  }

  #drop(): void {
    this.#dropped += 1;
    if (this.#dropped > 1) return;
    this.stream.once('drain', () => {
      const count = this.#dropped;
      this.#dropped = 0;
      this.onDropped(count);
    });
  }
}
