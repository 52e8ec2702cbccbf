/** Closes that are due in less time than this of each other are done together. */
const TICK_MS = 20;

/** What a drain does next: close so many clients now, then wait. */
export interface DrainStep {
  readonly closes: number;
  readonly waitMs: number;
}

/**
 * How to spread the closes of `open` clients evenly over the `leftMs` that are left. Asked again after each step, it
 * makes good for clients that left by themselves and for timers that came late.
 */
export function drainStep(open: number, leftMs: number): DrainStep {
  if (leftMs <= 0) return { closes: open, waitMs: 0 };
  const closes = Math.min(open, Math.max(1, Math.ceil((open * TICK_MS) / leftMs)));
  return { closes, waitMs: closes === open ? 0 : (leftMs * closes) / open };
}
