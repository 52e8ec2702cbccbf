import type { TokenGrant } from '../../server/auth/tokens.js';
import type { TlsPair } from '../../server/http/tls.js';
import type { DatafnWsServer, ListenAddress } from '../../server/server-types.js';
import type { ShutdownOutcome } from '../../server/shutdown.js';

/** How a server ended, and how many clients left with 1001. */
export interface ServerOutcome extends ShutdownOutcome {
  readonly goneAway: number;
}

/** What `serve` runs: a server in this process, or workers that act as one. */
export interface RunningServer {
  /** Clients that are connected now. */
  readonly connectionCount: number;
  /** Resolves when it has shut down, by `close()` or `POST /v1/drain`. */
  readonly closed: Promise<ServerOutcome>;
  /** @throws {DatafnWsError} `ERR_LISTEN` when the address cannot be listened on. */
  listen(): Promise<ListenAddress>;
  close(options?: { readonly drainMs?: number }): Promise<unknown>;
  updateTls(tls: TlsPair): void | Promise<void>;
  /** Takes other tokens; for `--auth tokens`. */
  replaceTokens(tokens: ReadonlyMap<string, TokenGrant>): void | Promise<void>;
}

/** A server in this process. */
export function inThisProcess(
  server: DatafnWsServer,
  replaceTokens: RunningServer['replaceTokens'],
): RunningServer {
  return {
    get connectionCount() {
      return server.websocketHandler.connectionCount;
    },
    closed: server.closed.then((outcome) => ({ ...outcome, goneAway: server.stats().goneAway })),
    listen: () => server.listen(),
    close: (options) => server.close(options),
    updateTls: (tls) => server.updateTls(tls),
    replaceTokens,
  };
}
