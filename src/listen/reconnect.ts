import { CLOSE } from '../protocol/close-codes.js';
import type { ConnectionEnd } from './connection.js';

/** Failures of a network, or of a server that is not there yet, which pass without anybody changing the command. */
const PASSING =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN)|EAI_AGAIN)$/;
/** HTTP statuses of 400 to 499 that are about time. */
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 425, 429]);
/** Access was denied, by the server or by a router in front of it. */
const DENIED: ReadonlySet<number> = new Set([CLOSE.unauthorized.code, 4403]);
/** After these closes, current DataFn clients do not start again from the shortest wait. */
const THROTTLING: ReadonlySet<number> = new Set([CLOSE.slowClient.code, CLOSE.connectionLimit.code]);

/** Whether a close leaves the backoff where it is, although the connection was open. */
export function keepsBackoff(code: number): boolean {
  return THROTTLING.has(code);
}

/**
 * Whether another try may go better.
 *
 * A DataFn client tries for ever. A person is better off with an error when the token, the URL or the certificate is
 * wrong; once a client has been let in, only a refused token is such an error.
 *
 * @param hasConnected whether the server has let this client in before.
 */
export function mayPass(end: ConnectionEnd, hasConnected: boolean): boolean {
  if (end.kind === 'closed') return !DENIED.has(end.code) || end.reason === CLOSE.tokenExpired.reason;
  if (hasConnected) return true;
  if (end.kind === 'breach') return false;
  if (end.kind === 'answered') return end.status >= 500 || PASSING_STATUS.has(end.status);
  const { code } = end.error as { code?: unknown };
  return typeof code === 'string' && PASSING.test(code);
}
