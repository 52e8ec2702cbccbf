/** Work that comes in bursts, done a little in each tick of the event loop, in order, so that others run in between. */
export class TickQueue {
  readonly #waiting: (() => void)[] = [];
  /** Done in this tick, and in those since the last one that was armed. */
  #done = 0;
  #isArmed = false;

  /**
   * @param perTick how much is done in one tick, at most; at least half of it, where nothing waits.
   * @param limit how much may wait.
   */
  constructor(
    private readonly perTick: number,
    private readonly limit: number,
  ) {}

  /** Does it now, or in one of the next ticks. False when too much waits: it will not be done. */
  add(work: () => void): boolean {
    if (this.#done < this.perTick && this.#waiting.length === 0) {
      this.#done += 1;
      // The end of a tick costs as much as a tenth of a handshake to wait for, so only each few of them are.
      if (this.#done * 2 >= this.perTick) this.#arm();
      work();
      return true;
    }
    if (this.#waiting.length >= this.limit) return false;
    this.#waiting.push(work);
    return true;
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(this.#nextTick);
  }

  readonly #nextTick = (): void => {
    this.#isArmed = false;
    const share = this.#waiting.splice(0, this.perTick);
    this.#done = share.length;
    if (share.length > 0) this.#arm();
    for (const work of share) work();
  };
}

/** What an {@link InputQueue} reads from. */
export interface InputSource {
  /** Reads a little of what waits; false when no more does. */
  readPiece(): boolean;
}

/** Milliseconds that one tick may go on reading. */
const READ_MS = 4;

/**
 * Input that is costly to read, in the order in which it came, a little in each tick of the event loop: however many
 * clients send a lot, everything else runs in between.
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
    const endMs = performance.now() + READ_MS;
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
