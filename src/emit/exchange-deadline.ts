import type { ClientRequest } from 'node:http';

/** How long an emit may take, from the call to the last byte of the answer. */
export const EXCHANGE_TIMEOUT_MS = 10_000;

/**
 * Fails a request that is not over within `timeoutMs` from now: sent, and its answer read to the end. A timeout of
 * the socket alone would start again with every byte, and so be put off for ever by a server that sends one now and
 * then, or `102 Processing` without end. A request that ends without an answer has failed as well: Node reports no
 * error when a server switches protocols unasked.
 *
 * @param fail called at the deadline, and for a request that ends unanswered. The request itself may report its end
 *   much later: one that waits for its connection does so only when it gets it.
 */
export function limitExchange(request: ClientRequest, timeoutMs: number, fail: (error: Error) => void): void {
  const deadline = setTimeout(() => {
    const error = new Error(`no complete answer within ${timeoutMs} ms`);
    fail(error);
    request.destroy(error);
  }, timeoutMs);
  request.once('upgrade', (_, socket) => {
    fail(new Error('it answered 101 Switching Protocols, which was not asked for'));
    socket.destroy();
  });
  let isAnswered = false;
  request.once('response', () => {
    isAnswered = true;
  });
  request.once('close', () => {
    clearTimeout(deadline);
    if (!isAnswered) fail(new Error('the connection ended without an answer'));
  });
}
