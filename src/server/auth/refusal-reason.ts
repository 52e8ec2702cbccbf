import type { ConnectRequest } from './provider.js';

const reasons = new WeakMap<ConnectRequest, string>();

/**
 * Refuses a client for a reason that is meant for the log alone. It must not hold a part of the token.
 *
 * @returns the answer of a provider that refuses.
 */
export function refuse(request: ConnectRequest, reason: string): undefined {
  reasons.set(request, reason);
}

/** Why a provider refused, as far as it said so. */
export function refusalReason(request: ConnectRequest): string | undefined {
  return reasons.get(request);
}
