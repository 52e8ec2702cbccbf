import { stackOf } from '../../protocol/errors.js';
import { formatAmount, formatCount, formatDuration } from '../../text/units.js';
import type { Io, StopSignal } from '../io.js';
import { version } from '../version.js';
import type { Log, LogEvent } from './log.js';
import type { ServerOutcome } from './running-server.js';

/** Makes the log line of each request to stop: what it starts, or what is left of a shutdown under way. */
export class StopLines {
  #beganAtMs: number | undefined;

  /**
   * @param drainMs time over which the closes are spread.
   * @param countClients returns how many clients are connected now.
   */
  constructor(
    private readonly drainMs: number,
    private readonly countClients: () => number,
  ) {}

  /** @param signal the signal; `undefined` for a call of the HTTP API. */
  asked(signal?: StopSignal): LogEvent {
    const hasBegun = this.#beganAtMs !== undefined;
    this.#beganAtMs ??= performance.now();
    const clients = this.countClients();
    const drainMs = Math.max(0, Math.round(this.#beganAtMs + this.drainMs - performance.now()));
    const closing = this.drainMs === 0 ? 'closing' : 'draining';
    const over = this.drainMs === 0 ? '' : ` over ${hasBegun ? 'the next ' : ''}${formatDuration(drainMs)}`;
    const doing = hasBegun ? `already ${closing}` : closing;
    const again = signal === undefined ? '' : '; send it again to stop at once';
    const what = `${doing} ${formatAmount(clients, 'client')} with 1001${over}${again}`;
    return {
      level: 'info',
      event: 'server.stopping',
      text: `${signal ?? 'POST /v1/drain'}: ${clients === 0 ? 'stopping (no clients connected)' : what}`,
      fields: { signal, connections: clients, drainMs },
    };
  }
}

/** The last line of the log. */
export function stoppedLine({ left, cut, goneAway }: ServerOutcome): LogEvent {
  const sockets = [
    ...(left > 0 ? [`${formatAmount(left, 'socket')} ended`] : []),
    ...(cut > 0 ? [`${formatCount(cut)} terminated`] : []),
  ].join(', ');
  const clients = goneAway > 0 ? `${formatAmount(goneAway, 'client')} left with 1001` : '';
  const parts = [sockets, clients].filter((part) => part !== '').join('; ');
  return {
    level: cut > 0 ? 'warn' : 'info',
    event: 'server.stopped',
    text: parts === '' ? 'stopped' : `stopped: ${parts}`,
    fields: { left, goneAway, cut },
  };
}

/** Logs an uncaught error, in datafn-ws or in an auth module. It ends the server. */
export function watchStrayErrors(io: Io, log: Log): { readonly crash: Promise<void>; dispose(): void } {
  let crashed: () => void;
  const crash = new Promise<void>((resolve) => {
    crashed = resolve;
  });
  const dispose = io.onStrayError((error) => {
    crashed();
    const stack = stackOf(error);
    log.add({
      level: 'error',
      event: 'server.crashed',
      text: `uncaught error in datafn-ws ${version}, closing all clients with 1001; please report it unless the stack shows your own code`,
      fields: { stack },
      details: stack.split('\n'),
    });
  });
  return { crash, dispose };
}
