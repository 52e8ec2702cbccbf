import type { GeneratorSample } from '../fleet/messages.js';

/** A worker this busy, with callbacks this late, for this long, measures itself and not the server. */
export const SATURATED = { cpu: 0.95, ownCpu: 0.5, delayP99Ms: 250, lagP99Ms: 250, forMs: 3000 } as const;

/** Decides, sample by sample, whether the load generator was itself the bottleneck. */
export class SaturationWatch {
  #busyMs: number[] = [];
  #laggingMs = 0;
  readonly #found = new Map<string, string>();

  /** What was saturated, in words; empty for a generator that kept up. */
  get found(): readonly string[] {
    return [...this.#found.values()];
  }

  /** Takes a worker's sample of a phase that counts (emit or hold). */
  worker(index: number, { durationMs, cpu, delayP99Ms, runQueueWait = 0 }: GeneratorSample): void {
    // Time spent waiting for a core is not idle time: on a machine with more to do than cores, a worker that spins
    // gets less than a whole one. But one that does little itself and waits much is a busy machine's victim.
    const neverIdle = cpu + runQueueWait >= SATURATED.cpu && cpu >= SATURATED.ownCpu;
    const isBusy = neverIdle && delayP99Ms > SATURATED.delayP99Ms;
    this.#busyMs[index] = isBusy ? (this.#busyMs[index] ?? 0) + durationMs : 0;
    if (this.#busyMs[index] < SATURATED.forMs) return;
    const cause =
      runQueueWait > 0.2
        ? `the machine is busy: it waited for a core ${Math.round(runQueueWait * 100)} % of the time`
        : 'it needs more CPU than one core has: spread the clients with --workers, or use fewer';
    this.#found.set(
      `worker ${index}`,
      `worker ${index + 1} ran at ${Math.round(cpu * 100)} % CPU with an event-loop delay p99 of ${Math.round(delayP99Ms)} ms (${cause})`,
    );
  }

  /** Takes how far the emitter was behind its schedule in a stretch of time. */
  emitter(durationMs: number, lagP99Ms: number | undefined): void {
    const isLagging = lagP99Ms !== undefined && lagP99Ms > SATURATED.lagP99Ms;
    this.#laggingMs = isLagging ? this.#laggingMs + durationMs : 0;
    if (this.#laggingMs < SATURATED.forMs) return;
    this.#found.set('emitter', `the emitter was ${Math.round(lagP99Ms ?? 0)} ms behind its schedule (p99)`);
  }

  /** Forgets a run of bad samples: the next ones are of another phase. */
  restart(): void {
    this.#busyMs = [];
    this.#laggingMs = 0;
  }
}
