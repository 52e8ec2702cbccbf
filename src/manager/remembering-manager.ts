import { isBehind } from '../protocol/cursor-order.js';
import type { Hello } from '../protocol/messages.js';
import { PreparedMessage } from '../protocol/prepared-message.js';
import type { Clock } from './clock.js';
import type { NewestCursors } from './newest-cursors.js';
import type { BroadcastResult, DatafnLogger, WebSocketClient, WsManagerConfig } from './types.js';
import { WebSocketManager } from './web-socket-manager.js';

/**
 * A manager that remembers the newest cursor of each namespace and, when it resumes, sends it to a client whose hello
 * shows that it is behind: what was broadcast while the client was away need not wait for the next broadcast.
 *
 * Not in the DataFn reference, where a client that comes back hears of the next change only.
 */
export class RememberingManager extends WebSocketManager {
  #resumed = 0;

  /**
   * @param newest where the cursors are kept.
   * @param resumes whether clients that are behind are sent theirs.
   */
  constructor(
    config: WsManagerConfig | undefined,
    logger: DatafnLogger | undefined,
    readonly newest: NewestCursors,
    private readonly resumes: boolean,
    clock?: Clock,
  ) {
    super(config, logger, clock);
  }

  /** How often the newest cursor was sent in answer to a hello. */
  get resumed(): number {
    return this.#resumed;
  }

  override broadcastCursor(cursor: string, namespace: string): BroadcastResult {
    // A client added during the broadcast is not part of it.
    const { lastSerial } = this;
    const result = super.broadcastCursor(cursor, namespace);
    this.newest.note(namespace, cursor, lastSerial);
    return result;
  }

  override handleHello(client: WebSocketClient, hello: Hello): void {
    super.handleHello(client, hello);
    if (this.resumes) this.#resume(client, hello);
  }

  #resume(client: WebSocketClient, hello: Hello): void {
    const { namespace } = this.describeClient(client) ?? {};
    const newest = namespace === undefined ? undefined : this.newest.get(namespace);
    // One that was there when it was broadcast has been handed it, before its hello or since.
    if (newest === undefined || (this.serialOf(client) ?? 0) <= newest.heardUpTo) return;
    if (!isBehind(hello, newest.number)) return;
    if (this.sendTo(client, new PreparedMessage(newest.cursor))) this.#resumed += 1;
  }
}
