import type { BroadcastResult } from '../../manager/types.js';
import { WebSocketManager } from '../../manager/web-socket-manager.js';
import type { ServerEvents } from '../events/events.js';

/** The manager of a server: it reports how long each cursor takes, if somebody listens. */
export class TimedManager extends WebSocketManager {
  readonly #events: ServerEvents;

  constructor(events: ServerEvents, ...rest: ConstructorParameters<typeof WebSocketManager>) {
    super(...rest);
    this.#events = events;
  }

  /** Every broadcast comes here, by whatever way. */
  override deliverCursor(cursor: string, namespace: string, epoch?: number | 'next'): BroadcastResult {
    if (this.#events.broadcastTook === undefined) return super.deliverCursor(cursor, namespace, epoch);
    const startMs = performance.now();
    const result = super.deliverCursor(cursor, namespace, epoch);
    this.#events.broadcastTook(performance.now() - startMs, result.delivered);
    return result;
  }
}
