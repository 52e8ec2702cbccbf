import type { Tally } from '../measure/tally.js';

/** A pong that may have been later than this proves nothing about a server that closes its client. */
const MAX_PONG_LATE_MS = 250;

/** The pings of one connection: how far apart they are, and how long they stay unanswered. */
export class HeartbeatWatch {
  lastPingMs = 0;
  /** How late the last ping, and the one before it, may have been read. */
  #lastLateMs = 0;
  #earlierLateMs = 0;
  #unansweredSinceMs = 0;
  #unansweredLateMs = 0;

  /** @param lateMs for how long, at most, the ping has been there to be read. */
  onPing(nowMs: number, lateMs: number, isAnswered: boolean, { counters, histograms }: Tally): void {
    counters.pings += 1;
    if (this.lastPingMs > 0) {
      const intervalMs = nowMs - this.lastPingMs;
      histograms.pingInterval.record(intervalMs);
      histograms.pingIntervalLeast.record(intervalMs - lateMs);
      histograms.pingIntervalMost.record(intervalMs + this.#lastLateMs);
    }
    this.lastPingMs = nowMs;
    this.#earlierLateMs = this.#lastLateMs;
    this.#lastLateMs = lateMs;
    if (isAnswered || this.#unansweredSinceMs > 0) return;
    this.#unansweredSinceMs = nowMs;
    this.#unansweredLateMs = lateMs;
  }

  /** A late pong answers all pings before it. */
  onPong(): void {
    this.#unansweredSinceMs = 0;
  }

  /** The server closed a client that answers pings: was bench late to read one? */
  isInDoubt(lateMs: number): boolean {
    return Math.max(lateMs, this.#lastLateMs, this.#earlierLateMs) > MAX_PONG_LATE_MS;
  }

  /** The server closed a client that does not answer. */
  onTimeout(nowMs: number, lateMs: number, { histograms }: Tally): void {
    if (this.#unansweredSinceMs === 0) return;
    const timeoutMs = nowMs - this.#unansweredSinceMs;
    histograms.pongTimeout.record(timeoutMs);
    histograms.pongTimeoutLeast.record(timeoutMs - lateMs);
    histograms.pongTimeoutMost.record(timeoutMs + this.#unansweredLateMs);
  }
}
