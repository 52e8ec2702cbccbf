import type { IncomingHttpHeaders } from 'node:http';

/** What a namespace provider is given to find out who connects. */
export interface ConnectRequest {
  /** The token from wherever the client put it, see `token-source.ts`; `undefined` when there is none. */
  readonly token: string | undefined;
  /** Path and query as they were asked for. The query may hold the token: keep it out of logs. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
}

/**
 * The server-side source of a client's namespace (DataFn reference, `namespaceProvider`).
 *
 * @returns the namespace, or nothing for a client that is not to be let in. Throwing means the same.
 */
export type NamespaceProvider = (
  request: ConnectRequest,
) => string | undefined | null | Promise<string | undefined | null>;
