import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { ServerStats } from './stats.js';

/** From one look at the event loop to the next. Its own resolution is no delay. */
const RESOLUTION_MS = 20;

/** Watches how late the event loop comes to what it has to do. */
export class DelayMonitor {
  readonly #whole: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #second: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #recentMax = 0;
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#whole.enable();
    this.#second.enable();
    this.#timer = setInterval(() => {
      this.#recentMax = this.#second.max;
      this.#second.reset();
    }, 1000).unref();
  }

  stop(): void {
    this.#whole.disable();
    this.#second.disable();
    clearInterval(this.#timer);
  }

  /** The longest delay within the last second or two. */
  get recentMaxMs(): number {
    return milliseconds(Math.max(this.#recentMax, this.#second.max));
  }

  read(): Pick<
    ServerStats['process'],
    'eventLoopDelayP99Ms' | 'eventLoopDelayMaxMs' | 'eventLoopDelayRecentMaxMs'
  > {
    return {
      eventLoopDelayP99Ms: milliseconds(this.#whole.percentile(99)),
      eventLoopDelayMaxMs: milliseconds(this.#whole.max),
      eventLoopDelayRecentMaxMs: milliseconds(this.#recentMax),
    };
  }
}

/** A reading of the monitor, which has its own resolution in it. */
function milliseconds(nanoseconds: number): number {
  return Math.max(0, Math.round(nanoseconds / 1e4) / 100 - RESOLUTION_MS);
}
