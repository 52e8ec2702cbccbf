import { CLOSE, type CloseCode } from '../protocol/close-codes.js';
import type { WsManagerConfig } from './types.js';

/** How full the place is that a new client asks to enter. */
export interface Occupancy {
  /** Clients in all. */
  readonly total: number;
  /** Clients of the namespace in question. */
  readonly ofNamespace: number;
}

/** Decides whether one more client fits: nothing when it does, else how to close it. The global limit speaks first. */
export function refusalFor(
  { total, ofNamespace }: Occupancy,
  limits: Pick<Required<WsManagerConfig>, 'maxConnections' | 'maxConnectionsPerNamespace'>,
): CloseCode | undefined {
  if (total >= limits.maxConnections) return CLOSE.connectionLimit;
  if (ofNamespace >= limits.maxConnectionsPerNamespace) return CLOSE.namespaceConnectionLimit;
  return undefined;
}
