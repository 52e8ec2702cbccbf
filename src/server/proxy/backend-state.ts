import type { DatafnLogger } from '../../manager/types.js';
import { formatAmount, formatDuration } from '../../text/units.js';

/** Logs that the backend is away, and that it is back: one line each, however many requests fail in between. */
export class BackendState {
  #awaySinceMs: number | undefined;
  #failed = 0;

  constructor(
    private readonly origin: string,
    private readonly logger: DatafnLogger,
  ) {}

  /** A request got no response. */
  failed(why: string): void {
    this.#failed += 1;
    if (this.#awaySinceMs !== undefined) return;
    this.#awaySinceMs = performance.now();
    this.logger.warn(
      `The backend at ${this.origin} does not respond: requests get 502 or 504 until it does; WebSocket clients stay connected (${why})`,
    );
  }

  responded(): void {
    if (this.#awaySinceMs === undefined) return;
    const awayMs = performance.now() - this.#awaySinceMs;
    const failed = formatAmount(this.#failed, 'request');
    this.#awaySinceMs = undefined;
    this.#failed = 0;
    this.logger.warn(
      `The backend at ${this.origin} responds again after ${formatDuration(awayMs)}: ${failed} got 502 or 504`,
    );
  }
}
