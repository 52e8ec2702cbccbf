/** How often it looks. */
const EVERY_MS = 50;

/** Notes when this process did not run: what it measured in that time says little about a server. */
export class StallWatch {
  /** When each stall ended, and how long it was. */
  readonly #stalls: { readonly endMs: number; readonly lateMs: number }[] = [];
  #lastMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      const lateMs = nowMs - this.#lastMs - EVERY_MS;
      this.#lastMs = nowMs;
      if (lateMs > EVERY_MS) this.#stalls.push({ endMs: nowMs, lateMs });
    }, EVERY_MS);
  }

  /** The longest stall since a moment, in milliseconds; 0 for none. */
  longestSince(startMs: number): number {
    return Math.max(0, ...this.#stalls.filter(({ endMs }) => endMs > startMs).map(({ lateMs }) => lateMs));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
