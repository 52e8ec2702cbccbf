import type { CursorMemory } from '../../manager/newest-cursors.js';
import { cursorNumber, isBehind } from '../../protocol/client.js';

/**
 * A memory of cursors that also knows what a backend has: a client that comes back is sent the newest cursor of its data,
 * since an older DataFn client does not pull by itself then.
 *
 * @param remembered what is remembered of broadcasts, where the server does that.
 * @param newestOf the newest cursor of the data of a namespace.
 */
export function withBackendCursors(
  remembered: CursorMemory | undefined,
  newestOf: (namespace: string) => string | undefined,
): CursorMemory {
  return {
    note(...broadcast) {
      remembered?.note(...broadcast);
    },
    missedBy(hello, client) {
      const missed = remembered?.missedBy(hello, client);
      if (missed !== undefined) return missed;
      const newest = newestOf(client.namespace);
      return newest !== undefined && isBehind(hello, cursorNumber(newest)) ? newest : undefined;
    },
  };
}
