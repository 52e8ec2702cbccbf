/** Requests are counted per slot of this length, so that those of several processes can be added up. */
const SLOT_MS = 10;

/** How many requests were under way, over time. Of several processes the sum is at most a slot off. */
export class InFlight {
  #now = 0;
  readonly #most = new Map<number, number>();

  /** A request begins at a time on the machine's monotonic clock. */
  begin(atMs: number): void {
    this.#now += 1;
    this.#note(atMs);
  }

  end(atMs: number): void {
    // Until now there were as many.
    this.#note(atMs);
    this.#now -= 1;
  }

  #note(atMs: number): void {
    const slot = Math.floor(atMs / SLOT_MS);
    this.#most.set(slot, Math.max(this.#most.get(slot) ?? 0, this.#now));
  }

  /** Slot and the most in it, in order. */
  toData(): readonly (readonly [number, number])[] {
    return [...this.#most].sort(([a], [b]) => a - b);
  }
}

/** The most requests that were under way at a time in all processes together. */
export function peakOf(processes: readonly ReturnType<InFlight['toData']>[]): number {
  const slots = [...new Set(processes.flatMap((one) => one.map(([slot]) => slot)))].sort((a, b) => a - b);
  const cursors = processes.map(() => 0);
  let peak = 0;
  for (const slot of slots) {
    let sum = 0;
    for (const [index, one] of processes.entries()) {
      const next = one[cursors[index] as number];
      if (next?.[0] !== slot) continue;
      sum += next[1];
      cursors[index] = (cursors[index] as number) + 1;
    }
    peak = Math.max(peak, sum);
  }
  return peak;
}
