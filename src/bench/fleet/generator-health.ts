import { readFileSync } from 'node:fs';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { GeneratorSample } from './messages.js';

/** From one sample to the next. */
const SAMPLE_MS = 1000;

/** Watches how this process fares: CPU, event-loop delay, and time spent waiting for a core. */
export class GeneratorHealth {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 10 });
  #cpu = process.cpuUsage();
  #waitNs = runQueueWaitNs();
  #sinceMs = performance.now();

  start(): void {
    this.#delay.enable();
    this.#restart();
  }

  stop(): void {
    this.#delay.disable();
  }

  /** The sample since the last one, once a second; `undefined` in between. */
  sample(): GeneratorSample | undefined {
    const durationMs = performance.now() - this.#sinceMs;
    if (durationMs < SAMPLE_MS) return undefined;
    const { user, system } = process.cpuUsage(this.#cpu);
    const waitNs = runQueueWaitNs();
    const sample = {
      durationMs,
      cpu: (user + system) / 1000 / durationMs,
      delayP99Ms: Math.max(0, this.#delay.percentile(99) / 1e6 - 10),
      runQueueWait:
        waitNs === undefined || this.#waitNs === undefined
          ? undefined
          : (waitNs - this.#waitNs) / 1e6 / durationMs,
    };
    this.#restart();
    return sample;
  }

  #restart(): void {
    this.#delay.reset();
    this.#cpu = process.cpuUsage();
    this.#waitNs = runQueueWaitNs();
    this.#sinceMs = performance.now();
  }
}

/** Time this process has spent ready to run with no core to run on (Linux, `/proc/self/schedstat`). */
function runQueueWaitNs(): number | undefined {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]);
  } catch {
    return undefined;
  }
}
