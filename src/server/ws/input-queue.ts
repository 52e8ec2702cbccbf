/** What an {@link InputQueue} reads from. */
export interface InputSource {
  /** Reads a little of what waits; false when no more does. */
  readPiece(): boolean;
}

/** How long one tick of the event loop may go on reading, in milliseconds. */
const SHARE_MS = 4;

/**
 * Input that is costly, in the order in which it came, a little in each tick of the event loop: however many clients
 * send a lot, everything else has its turn in between.
 */
export class InputQueue {
  #waiting: InputSource[] = [];
  #isArmed = false;

  /** Has a source read in one of the next ticks, until nothing waits in it. */
  add(source: InputSource): void {
    this.#waiting.push(source);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(this.#read);
  }

  readonly #read = (): void => {
    this.#isArmed = false;
    const sources = this.#waiting;
    this.#waiting = [];
    const endMs = performance.now() + SHARE_MS;
    let next = 0;
    do {
      const source = sources[next++];
      // One that has more waits behind the others.
      if (source?.readPiece()) this.#waiting.push(source);
    } while (next < sources.length && performance.now() < endMs);
    if (next < sources.length) this.#waiting = [...sources.slice(next), ...this.#waiting];
    if (this.#waiting.length > 0) this.#arm();
  };
}
