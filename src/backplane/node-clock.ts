import { systemClock } from '../manager/clock.js';
import type { NodeClock } from './engine.js';

/** The real clock. Its timers do not keep the process alive. */
export const nodeClock: NodeClock = {
  get nowMs() {
    return performance.now();
  },
  setTimeout: systemClock.setTimeout,
  clearTimeout: systemClock.clearTimeout,
};
