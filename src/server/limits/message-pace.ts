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
   * Takes one message.
   *
   * @param paidUntilMs of its client; 0 at the beginning.
   * @returns the client's new value, or `undefined` when the message is one too many.
   */
  take(paidUntilMs: number, nowMs: number): number | undefined {
    if (paidUntilMs - nowMs > this.#creditMs) return undefined;
    return Math.max(paidUntilMs, nowMs) + this.#costMs;
  }

  /** A message that the client was asked for, and that costs it nothing; the client's new value. */
  giveBack(paidUntilMs: number): number {
    return paidUntilMs - this.#costMs;
  }
}
