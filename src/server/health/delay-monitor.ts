import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { RecentMax } from './recent-max.js';
import type { ServerStats } from './stats.js';

/** From one look at the event loop to the next, by the system. Its own resolution is no delay. */
const RESOLUTION_MS = 20;
/** The same, by a timer: each look wakes an idle process. */
const LOOK_MS = 50;

/** Watches how late the event loop comes to what it has to do. */
export class DelayMonitor {
  readonly #whole: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  // Not a histogram that is emptied each second: that also forgets when it was there last, and with it the delay that
  // it is in. Of turns that take a second and more it would never see one.
  readonly #recent = new RecentMax(1000);
  #dueMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#whole.enable();
    this.#dueMs = performance.now() + LOOK_MS;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.#recent.note(nowMs - this.#dueMs, nowMs);
      this.#dueMs = nowMs + LOOK_MS;
    }, LOOK_MS).unref();
  }

  stop(): void {
    this.#whole.disable();
    clearInterval(this.#timer);
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** The longest delay within the last second or two, that of the turn under way included. */
  get recentMaxMs(): number {
    const nowMs = performance.now();
    return rounded(Math.max(this.#recent.at(nowMs), nowMs - this.#dueMs));
  }

  read(): Pick<
    ServerStats['process'],
    'eventLoopDelayP99Ms' | 'eventLoopDelayMaxMs' | 'eventLoopDelayRecentMaxMs'
  > {
    return {
      eventLoopDelayP99Ms: milliseconds(this.#whole.percentile(99)),
      eventLoopDelayMaxMs: milliseconds(this.#whole.max),
      eventLoopDelayRecentMaxMs: this.recentMaxMs,
    };
  }
}

/** A reading of the histogram, which has its own resolution in it. */
function milliseconds(nanoseconds: number): number {
  return rounded(nanoseconds / 1e6 - RESOLUTION_MS);
}

function rounded(ms: number): number {
  return Math.max(0, Math.round(ms * 100) / 100);
}
