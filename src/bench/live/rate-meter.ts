/** The stretch of time that a live rate is of. */
const RATE_MS = 1000;

/** How fast a number that only grows has grown of late. */
export class RateMeter {
  #samples: { readonly atMs: number; readonly value: number }[] = [];

  /** Takes the number as it is now; its growth a second, over the last second or what there is of it. */
  record(atMs: number, value: number): number {
    // One from before the stretch is kept, so that the stretch is a whole one.
    const second = this.#samples.findIndex((sample) => atMs - sample.atMs < RATE_MS);
    this.#samples.splice(0, Math.max(0, second === -1 ? this.#samples.length - 1 : second - 1));
    this.#samples.push({ atMs, value });
    const [first] = this.#samples;
    if (first === undefined || first.atMs === atMs) return 0;
    return Math.round(Math.max(0, value - first.value) / ((atMs - first.atMs) / 1000));
  }
}
