import { type CursorTargeting, PreparedMessage, TO_ALL } from '../protocol/messages.js';
import type { ClientCalls } from './client-calls.js';
import { principalsAsked } from './principals.js';
import type { Registry } from './registry.js';
import type { BroadcastResult, BroadcastTargeting, DatafnLogger, WsManagerConfig } from './types.js';

/** Hands cursors to the clients that they concern. */
export class Broadcaster {
  #deliveries = 0;

  constructor(
    private readonly registry: Registry,
    private readonly calls: ClientCalls,
    private readonly logger: DatafnLogger,
    private readonly config: Pick<WsManagerConfig, 'cursorTargeting'>,
  ) {}

  /** Clients that were handed a cursor, summed over all broadcasts so far. */
  get deliveries(): number {
    return this.#deliveries;
  }

  messageOf(cursor: string, targeting: CursorTargeting = TO_ALL): PreparedMessage {
    return new PreparedMessage(cursor, this.config.cursorTargeting ? targeting : undefined);
  }

  /** @param lastSerial serial number of the last client that gets it: one added during the broadcast does not. */
  broadcast(
    cursor: string,
    namespace: string,
    lastSerial: number,
    asked: BroadcastTargeting | undefined,
  ): BroadcastResult {
    const all = this.registry.of(namespace);
    if (all.size === 0) return { delivered: 0, failed: 0, ...TO_ALL, wokenClients: 0 };
    const principals = principalsAsked(asked);
    const index = this.registry.principals;
    const isTargeted = principals.length > 0 && index.sizeOf(namespace) === all.size;
    const records = isTargeted ? index.any(namespace, principals, lastSerial) : all;
    const targeting: CursorTargeting = isTargeted
      ? { mode: 'targeted', degraded: false, principals }
      : { mode: 'namespace-broadcast', degraded: principals.length > 0 };
    const message = this.messageOf(cursor, targeting);
    let delivered = 0;
    let failed = 0;
    for (const record of records) {
      if (record.serial > lastSerial) break;
      const outcome = this.calls.send(record, message);
      if (outcome === 'delivered') delivered += 1;
      else if (outcome === 'failed') failed += 1;
    }
    this.#deliveries += delivered;
    this.logger.debug('Cursor broadcast', { namespace, cursor, delivered, failed });
    const { mode, degraded } = targeting;
    return { delivered, failed, mode, degraded, wokenClients: isTargeted ? delivered : 'all-in-namespace' };
  }
}
