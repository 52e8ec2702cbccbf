import type { Clock, TimerHandle } from '../../src/manager/clock.js';
import { MAX_TIMER_MS } from '../../src/text/longest-timer.js';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Immediates run in one go before a test is taken to be stuck in a loop. */
const IMMEDIATES_AT_MOST = 100_000;

/** A clock that stands still until it is told to advance. */
export class FakeClock implements Clock {
  #nowMs = 0;
  // A set keeps insertion order: timers that are due together fire in the order they were set, as in Node.js.
  readonly #timers = new Set<Timer>();
  #immediates: (() => void)[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  get pendingImmediates(): number {
    return this.#immediates.length;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    // Node.js fires such a timer at once, with a warning; here it is a mistake of the code under test.
    if (!(delayMs <= MAX_TIMER_MS)) throw new Error(`No timer can wait ${delayMs} ms`);
    const timer: Timer = { dueMs: this.#nowMs + Math.max(1, delayMs), callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    this.#timers.delete(handle as Timer);
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback);
  }

  /** Moves time on: fires what falls due, in due order, and after each timer all immediates. */
  advance(ms: number): void {
    this.drainImmediates();
    this.#advance(ms, () => this.drainImmediates());
  }

  /** Lets time pass in which nothing fires, as when the process is stopped; what has fallen due fires at the next turn. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Like {@link advance}, but leaves the immediates waiting: a turn of the event loop cut in the middle. */
  advanceTimersOnly(ms: number): void {
    this.#advance(ms, () => {});
  }

  /** Runs the immediates that wait now, and not those that they set: one turn of the event loop. */
  runImmediates(): void {
    const immediates = this.#immediates;
    this.#immediates = [];
    for (const callback of immediates) callback();
  }

  /** Runs immediates until none is left. */
  drainImmediates(): void {
    let ran = 0;
    while (this.#immediates.length > 0) {
      ran += this.#immediates.length;
      if (ran > IMMEDIATES_AT_MOST) throw new Error('The immediates never come to an end');
      this.runImmediates();
    }
  }

  #advance(ms: number, afterEachTimer: () => void): void {
    const endMs = this.#nowMs + ms;
    for (let timer = this.#nextDue(endMs); timer !== undefined; timer = this.#nextDue(endMs)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
      afterEachTimer();
    }
    this.#nowMs = endMs;
  }

  #nextDue(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }
}
