/** A message that is longer counts as several: one for each KiB that it has begun. */
const BYTES_OF_A_MESSAGE = 1024;

/**
 * How many messages a client may send: a token bucket, kept as one number for each client, the time until which its
 * messages are paid for (the generic cell rate algorithm of ITU-T I.371). An idle client costs nothing, and no timer
 * runs.
 */
export class MessagePace {
  readonly #costMs: number;
  readonly #creditMs: number;

  /**
   * @param perSecond messages a second in the long run.
   * @param burst messages that may come at once, after a pause.
   */
  constructor(perSecond: number, burst: number) {
    this.#costMs = 1000 / perSecond;
    this.#creditMs = (burst - 1) * this.#costMs;
  }

  /**
   * Takes one message. It passes when there is room for one, whatever its size: a longer one delays those after it.
   *
   * @param paidUntilMs of its client; 0 at the beginning.
   * @returns the client's new value, or `undefined` when the message is one too many.
   */
  take(paidUntilMs: number, nowMs: number, bytes: number): number | undefined {
    if (paidUntilMs - nowMs > this.#creditMs) return undefined;
    const count = Math.max(1, Math.ceil(bytes / BYTES_OF_A_MESSAGE));
    return Math.max(paidUntilMs, nowMs) + count * this.#costMs;
  }

  /** Whether a client has used up more than half of its burst. */
  isStrained(paidUntilMs: number, nowMs: number): boolean {
    return paidUntilMs - nowMs > this.#creditMs / 2;
  }

  /** A message that the client was asked for, and that costs it nothing; the client's new value. */
  giveBack(paidUntilMs: number): number {
    return paidUntilMs - this.#costMs;
  }
}
