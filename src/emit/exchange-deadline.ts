import type { ClientRequest } from 'node:http';

/** How long an emit may take, from the call to the last byte of the answer. */
export const EXCHANGE_TIMEOUT_MS = 10_000;

/**
 * Fails a request that is not over within `timeoutMs` from now: sent, and its answer read to the end. A timeout of
 * the socket alone would start again with every byte, and so be put off for ever by a server that sends one now and
 * then, or `102 Processing` without end.
 *
 * @param fail called at the deadline. The request itself may report its end much later: one that waits for its
 *   connection does so only when it gets it.
 */
export function limitExchange(request: ClientRequest, timeoutMs: number, fail: (error: Error) => void): void {
  const deadline = setTimeout(() => {
    const error = new Error(`no complete answer within ${timeoutMs} ms`);
    fail(error);
    request.destroy(error);
  }, timeoutMs);
  request.once('close', () => clearTimeout(deadline));
}
