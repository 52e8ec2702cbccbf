/**
 * Collects messages and sends those of one tick of the event loop together: a message costs two system calls and a
 * wake-up, whatever is in it. While a batch is not written yet, the next one grows.
 */
export class Batches<Message> {
  #waiting: Message[] = [];
  #isScheduled = false;
  #isWriting = false;

  /** @param write sends a batch, and calls back when it is written. */
  constructor(private readonly write: (batch: readonly Message[], done: () => void) => void) {}

  /** Messages that wait to be written: more than a few mean that the other end is slow. */
  get waiting(): number {
    return this.#waiting.length;
  }

  send(message: Message): void {
    this.#waiting.push(message);
    this.#schedule();
  }

  /** Sends what waits now, in order, without waiting for the end of the tick. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#isWriting = true;
    this.write(batch, () => {
      this.#isWriting = false;
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isWriting) this.flush();
    });
  }
}
