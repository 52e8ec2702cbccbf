import { CLOSE, type CloseCode } from '../protocol/close-codes.js';
import { messageOf } from '../protocol/errors.js';
import type { PreparedMessage } from '../protocol/messages.js';
import type { ClientRecord } from './registry.js';
import type { DatafnLogger, WebSocketClient } from './types.js';

/** Calls the methods of clients. A client whose method throws is removed; others are unaffected. */
export class ClientCalls {
  /**
   * @param logger must not throw.
   * @param drop removes a client and closes it.
   */
  constructor(
    private readonly logger: DatafnLogger,
    private readonly drop: (record: ClientRecord, reason: CloseCode) => unknown,
  ) {}

  send(record: ClientRecord, message: PreparedMessage): 'delivered' | 'not taken' | 'failed' {
    const { client } = record;
    try {
      if (client.sendPrepared === undefined) client.send(message.text);
      else if (client.sendPrepared(message) === false) return 'not taken';
      return 'delivered';
    } catch (error) {
      this.logger.warn('Broadcast send failed', {
        namespace: record.namespace,
        clientId: record.clientId,
        error: messageOf(error),
      });
      this.drop(record, CLOSE.broadcastSendFailed);
      return 'failed';
    }
  }

  /** False for a client that cannot be pinged, or is gone now. */
  ping(record: ClientRecord): boolean {
    if (typeof record.client.ping !== 'function') return false;
    try {
      record.client.ping();
      return true;
    } catch (error) {
      this.logger.warn('Heartbeat ping failed', { namespace: record.namespace, error: messageOf(error) });
      this.drop(record, CLOSE.heartbeatPingFailed);
      return false;
    }
  }

  close(client: WebSocketClient, { code, reason }: Pick<CloseCode, 'code' | 'reason'>): void {
    try {
      client.close?.(code, reason);
    } catch (error) {
      this.logger.warn('Closing a client failed', { code, reason, error: messageOf(error) });
    }
  }
}
