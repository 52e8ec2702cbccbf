import type { ClusterCursor } from '../../backplane/backplane.js';
import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import type { ServerEvents } from '../events/events.js';

/** The clients of a server, as its cluster sees them. */
export interface ClusterClients {
  readonly connectionCount: number;
  /** Hands cursors of other servers to the clients here; how many get each. */
  deliver(items: readonly ClusterCursor[]): readonly number[];
}

/** The clients of a manager. */
export function clientsOfManager(
  manager: Pick<WebSocketManager, 'connectionCount' | 'deliverCursor'>,
  events: ServerEvents,
): ClusterClients {
  return {
    get connectionCount() {
      return manager.connectionCount;
    },
    deliver: (items) =>
      items.map(({ namespace, cursor, epoch, affectedPrincipals }) => {
        const targeting = affectedPrincipals && { affectedPrincipals };
        const { delivered } = manager.deliverCursor(cursor, namespace, epoch, targeting);
        if (delivered > 0) events.broadcast?.(namespace, cursor, delivered);
        return delivered;
      }),
  };
}
