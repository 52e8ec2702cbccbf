import { retryAfter, type UpgradeGate } from '../ws/gate.js';
import type { DelayMonitor } from './delay-monitor.js';

/** How long a client is asked to stay away. The delay is that of the last second or two, so it may be over by then. */
const COME_BACK_MS = 2000;

/**
 * Turns new clients away while the event loop is late by more than `thresholdMs`: those that are in have first claim
 * on it.
 *
 * @param thresholdMs 0 turns nobody away.
 * @param onShed called for each.
 */
export function shedLoad(thresholdMs: number, delay: DelayMonitor, onShed: () => void): UpgradeGate {
  return () => {
    if (thresholdMs === 0 || delay.recentMaxMs <= thresholdMs) return undefined;
    onShed();
    return {
      status: 503,
      detail: 'The server is too busy for new clients: try again in a moment',
      headers: retryAfter(COME_BACK_MS),
    };
  };
}
