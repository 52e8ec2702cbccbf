import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StallWatch } from '../../../src/verify/trial/stall-watch.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

test('a stall is as long as its timer is late, and is over for what begins later', () => {
  const watch = new StallWatch();
  try {
    vi.advanceTimersByTime(500);
    expect(watch.longestSince(0)).toBe(0);
    // The clock goes on, and the timer does not run.
    const nowMs = performance.now();
    vi.spyOn(performance, 'now').mockImplementationOnce(() => nowMs + 750);
    vi.advanceTimersByTime(50);
    expect(watch.longestSince(0)).toBe(700);
    expect(watch.longestSince(nowMs + 750)).toBe(0);
  } finally {
    watch.close();
  }
});
