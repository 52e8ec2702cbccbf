const FIRST_MS = 100;
const LONGEST_MS = 10_000;
/** A worker that has lived for so long was not ended by how it was started. */
const SETTLED_MS = 30_000;

/** When to start another worker in place of one that died: soon, and later each time it dies young. */
export class Restarts {
  #failures = 0;

  /**
   * @param livedMs how long it had lived.
   * @returns milliseconds to wait.
   */
  delayMs(livedMs: number): number {
    if (livedMs >= SETTLED_MS) this.#failures = 0;
    const delayMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    return delayMs;
  }
}
