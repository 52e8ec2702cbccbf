/** The largest value of a span that ends now: of the last `spanMs` at least, and of twice that at most. */
export class RecentMax {
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #current = 0;
  #previous = 0;

  /** @param spanMs how long a value counts at least. */
  constructor(private readonly spanMs: number) {}

  /** @param nowMs of a clock that never goes back. */
  note(value: number, nowMs: number): void {
    this.#turnTo(nowMs);
    this.#current = Math.max(this.#current, value);
  }

  /** The largest value by now; 0 without any. */
  at(nowMs: number): number {
    this.#turnTo(nowMs);
    return Math.max(this.#current, this.#previous);
  }

  #turnTo(nowMs: number): void {
    const ageMs = nowMs - this.#startedAtMs;
    if (ageMs < this.spanMs) return;
    const isNext = ageMs < 2 * this.spanMs;
    this.#previous = isNext ? this.#current : 0;
    this.#current = 0;
    this.#startedAtMs = isNext ? this.#startedAtMs + this.spanMs : nowMs;
  }
}
