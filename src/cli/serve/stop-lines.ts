import { formatAmount, formatDuration } from '../../text/units.js';
import type { StopSignal } from '../io.js';
import type { LogEvent } from './log.js';

/** What a log says of each request to stop: what the first has begun, and what is left of it when another joins. */
export class StopLines {
  #beganAtMs: number | undefined;

  /**
   * @param drainMs time over which the closes are spread.
   * @param countClients how many are connected now.
   */
  constructor(
    private readonly drainMs: number,
    private readonly countClients: () => number,
  ) {}

  /** @param signal what asked for it; `undefined` for a call of the HTTP API. */
  asked(signal?: StopSignal): LogEvent {
    const hasBegun = this.#beganAtMs !== undefined;
    this.#beganAtMs ??= performance.now();
    const clients = this.countClients();
    const drainMs = Math.max(0, Math.round(this.#beganAtMs + this.drainMs - performance.now()));
    const closing = this.drainMs === 0 ? 'closing' : 'draining';
    const over = this.drainMs === 0 ? '' : ` over ${hasBegun ? 'the next ' : ''}${formatDuration(drainMs)}`;
    const doing = hasBegun ? `${closing} already,` : closing;
    const again = signal === undefined ? '' : '; once more to stop at once';
    const what = `${doing} ${formatAmount(clients, 'client')} with 1001${over}${again}`;
    return {
      level: 'info',
      event: 'server.stopping',
      text: `${signal ?? 'POST /v1/drain'}: ${clients === 0 ? 'stopping, no client is connected' : what}`,
      fields: { signal, connections: clients, drainMs },
    };
  }
}
