import type { IncomingHttpHeaders } from 'node:http';
import { describe, namespaceProblem } from '../../protocol/identifiers.js';

/** What a namespace provider is given to find out who connects. */
export interface ConnectRequest {
  /** The token from wherever the client put it, see `token-source.ts`; `undefined` when there is none. */
  readonly token: string | undefined;
  /** Path and query as they were asked for. The query may hold the token: keep it out of logs. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
}

/** A namespace, and until when its client may stay. */
export interface NamespaceGrant {
  /** Non-empty, at most 255 characters, no control characters; anything else is a mistake and lets nobody in. */
  readonly namespace: string;
  /**
   * When the client is closed with 4401 `Token expired`, in milliseconds since 1970 as `Date.now()` counts them.
   * Left out: never. One that is past lets nobody in, and so does the mistake of one that is no finite number.
   */
  readonly expiresAtMs?: number | undefined;
}

/** What a provider says of a client: its namespace, bare or with an end, or nothing for one that is not to be let in. */
export type NamespaceAnswer = string | NamespaceGrant | undefined | null;

/**
 * The server-side source of a client's namespace (DataFn reference, `namespaceProvider`).
 *
 * It is asked before the upgrade is answered. Returning nothing, throwing, rejecting and taking longer than
 * `authTimeoutMs` mean the same: the client is closed with 4401. So does an answer of another kind, of which the log warns.
 */
export type NamespaceProvider = (request: ConnectRequest) => NamespaceAnswer | PromiseLike<NamespaceAnswer>;

/**
 * Reads what a provider answered, whatever that is: a grant that holds at `nowMs`, or `undefined` for a refusal.
 *
 * @throws {Error} for an answer that is neither, with what was expected.
 */
export function readGrant(answer: unknown, nowMs: number): NamespaceGrant | undefined {
  if (answer === undefined || answer === null) return undefined;
  if (typeof answer === 'string') return validGrant(answer, undefined, nowMs);
  if (typeof answer !== 'object' || Array.isArray(answer))
    throw new Error(
      `expected the answer to be a namespace, { namespace, expiresAtMs } or nothing, got ${describe(answer)}`,
    );
  // Each is read once: what is checked is what is used, whatever getters there are.
  const { namespace, expiresAtMs } = answer as Partial<Record<keyof NamespaceGrant, unknown>>;
  return validGrant(namespace, expiresAtMs, nowMs);
}

function validGrant(namespace: unknown, expiresAtMs: unknown, nowMs: number): NamespaceGrant | undefined {
  const wrong = namespaceProblem(namespace);
  if (wrong !== undefined) throw new Error(`expected the namespace of the answer to be ${wrong}`);
  if (expiresAtMs === undefined) return { namespace: namespace as string };
  if (!Number.isFinite(expiresAtMs))
    throw new Error(
      `expected the expiresAtMs of the answer to be a finite number of milliseconds, got ${describe(expiresAtMs)}`,
    );
  if ((expiresAtMs as number) <= nowMs) return undefined;
  return { namespace: namespace as string, expiresAtMs: expiresAtMs as number };
}
