import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { RecentSamples } from './recent-samples.js';

/** The system's sampling interval, which is not a delay. */
const RESOLUTION_MS = 20;
/** Our own sampling interval: each sample wakes an idle process. */
const SAMPLE_MS = 50;

/** Delay of the event loop: how late it comes to what it has to do. */
export interface EventLoopDelay {
  /** Since the start. */
  readonly eventLoopDelayP99Ms: number;
  readonly eventLoopDelayMaxMs: number;
  /** The longest delay within the last second or two. */
  readonly eventLoopDelayRecentMaxMs: number;
}

/** Measures the delay of the event loop. */
export class DelayMonitor {
  readonly #whole: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  // Not a histogram that is emptied each second: that also forgets when it was there last, and with it the delay that
  // it is in. It would miss every tick of a second or more.
  readonly #recent = new RecentMax(1000);
  #lastMinute: RecentSamples | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#whole.enable();
    this.#dueMs = performance.now() + SAMPLE_MS;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.#recent.note(nowMs - this.#dueMs, nowMs);
      this.#lastMinute?.add(Math.max(0, nowMs - this.#dueMs));
      this.#dueMs = nowMs + SAMPLE_MS;
    }, SAMPLE_MS).unref();
  }

  stop(): void {
    this.#whole.disable();
    clearInterval(this.#timer);
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** The longest delay within the last second or two, that of the current tick included. */
  get recentMaxMs(): number {
    const nowMs = performance.now();
    return rounded(Math.max(this.#recent.at(nowMs), nowMs - this.#dueMs));
  }

  /** Keeps the delays of the last minute from here on, for {@link lastMinuteP99Ms}. */
  keepLastMinute(): void {
    this.#lastMinute ??= new RecentSamples(Math.round(60_000 / SAMPLE_MS));
  }

  /** The 99th percentile of the last minute, if that is kept and has begun; else since the start. */
  get lastMinuteP99Ms(): number {
    const p99 = this.#lastMinute?.percentile(99);
    return p99 === undefined ? milliseconds(this.#whole.percentile(99)) : rounded(p99);
  }

  read(): EventLoopDelay {
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

/** The largest value of the last `spanMs`, or of up to twice as long. */
export class RecentMax {
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #current = 0;
  #previous = 0;

  constructor(private readonly spanMs: number) {}

  /** @param nowMs of a clock that never goes back. */
  note(value: number, nowMs: number): void {
    this.#moveTo(nowMs);
    this.#current = Math.max(this.#current, value);
  }

  /** The largest value by now; 0 without any. */
  at(nowMs: number): number {
    this.#moveTo(nowMs);
    return Math.max(this.#current, this.#previous);
  }

  #moveTo(nowMs: number): void {
    const ageMs = nowMs - this.#startedAtMs;
    if (ageMs < this.spanMs) return;
    const isNext = ageMs < 2 * this.spanMs;
    this.#previous = isNext ? this.#current : 0;
    this.#current = 0;
    this.#startedAtMs = isNext ? this.#startedAtMs + this.spanMs : nowMs;
  }
}
