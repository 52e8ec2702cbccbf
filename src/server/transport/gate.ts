import type { IncomingMessage } from 'node:http';

/** Why an upgrade is answered with an HTTP error instead. */
export interface Refusal {
  readonly status: number;
  /** Says what was expected, for the problem document (RFC 9457) and the log. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

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
