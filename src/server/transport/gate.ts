import type { IncomingMessage } from 'node:http';
import type { DatafnLogger } from '../../manager/types.js';
import { messageOf } from '../../protocol/errors.js';
import type { Refusal } from '../api/raw-problem.js';

/** Looks at an upgrade before anybody is asked who it is; what it returns refuses it. Must not throw. */
export type UpgradeGate = (request: IncomingMessage) => Refusal | undefined;

/** The refusal of the first gate that has one. */
export function firstRefusal(gates: readonly UpgradeGate[], request: IncomingMessage): Refusal | undefined {
  for (const gate of gates) {
    const refusal = gate(request);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Wraps a user's gate: one that throws lets nobody in, and harms nobody else. */
export function guardGate(gate: UpgradeGate, logger: DatafnLogger): UpgradeGate {
  return (request) => {
    try {
      return gate(request);
    } catch (error) {
      logger.error('Screening an upgrade failed', { error: messageOf(error) });
      return { status: 500, detail: 'Something went wrong in the server' };
    }
  };
}

/** Tells a client to come back in so long, in whole seconds and at least one (RFC 9110 section 10.2.3). */
export function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1000))) };
}
