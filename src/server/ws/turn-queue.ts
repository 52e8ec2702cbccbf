/**
 * Work that comes in bursts, done a little in each turn of the event loop, so that others have theirs between. What is
 * over the share of a turn waits, in order, and so much may wait and no more.
 */
export class TurnQueue {
  readonly #waiting: (() => void)[] = [];
  #doneThisTurn = 0;
  #isTurning = false;

  /**
   * @param perTurn what is done in one turn.
   * @param limit how much may wait.
   */
  constructor(
    private readonly perTurn: number,
    private readonly limit: number,
  ) {}

  /** Does it now, or in one of the next turns. False when too much waits: it will not be done. */
  add(work: () => void): boolean {
    if (this.#doneThisTurn < this.perTurn && this.#waiting.length === 0) {
      this.#doneThisTurn += 1;
      this.#turn();
      work();
      return true;
    }
    if (this.#waiting.length >= this.limit) return false;
    this.#waiting.push(work);
    return true;
  }

  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#isTurning = false;
    const share = this.#waiting.splice(0, this.perTurn);
    this.#doneThisTurn = share.length;
    if (share.length > 0) this.#turn();
    for (const work of share) work();
  };
}
