/** A handle that {@link Clock.clearTimeout} takes. */
export type TimerHandle = unknown;

/** The flow of time, as far as the manager needs it. Injected in tests. */
export interface Clock {
  /** Calls back once after `delayMs`. The timer must not keep the process alive. */
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
  /** Calls back after the input that is waiting now has been read. */
  setImmediate(callback: () => void): void;
}

const realSetTimeout = globalThis.setTimeout;

/**
 * The real clock. It looks the timers up at each call, so that a test that fakes the global ones is obeyed.
 */
export const systemClock: Clock = {
  setTimeout(callback, delayMs) {
    const handle = globalThis.setTimeout(callback, delayMs);
    handle.unref?.();
    return handle;
  },
  clearTimeout(handle) {
    globalThis.clearTimeout(handle as NodeJS.Timeout);
  },
  setImmediate(callback) {
    // A test that moves its own time on expects all that is due to be done then; no input waits in between.
    if (globalThis.setTimeout !== realSetTimeout || 'clock' in globalThis.setTimeout) callback();
    else if (typeof globalThis.setImmediate === 'function') globalThis.setImmediate(callback);
    // Browsers have none.
    else globalThis.setTimeout(callback, 0);
  },
};
