import { CLOSE, type CloseCode, closeProblem } from '../protocol/close-codes.js';
import { invalidOption } from '../protocol/errors.js';
import type { CloseOptions } from './types.js';

/**
 * Completes and checks how to close a client.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a code or a reason that no close frame can have.
 */
export function closeOf({ code, reason }: CloseOptions = {}): CloseCode {
  const { accessRevoked } = CLOSE;
  const close = {
    code: code ?? accessRevoked.code,
    reason: reason ?? (code === undefined || code === accessRevoked.code ? accessRevoked.reason : ''),
    reconnect: accessRevoked.reconnect,
  };
  const problem = closeProblem(close.code, close.reason);
  if (problem !== undefined)
    throw invalidOption(`Expected \`${problem.field}\` to be ${problem.expected}, got ${problem.got}`);
  return close;
}
