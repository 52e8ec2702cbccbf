import type { IncomingMessage } from 'node:http';
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
