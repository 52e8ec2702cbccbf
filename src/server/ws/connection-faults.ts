import type { CloseCode } from '../../protocol/close-codes.js';
import type { Refusal } from '../http/problem.js';
import type { ServerSocket } from './server-socket.js';

/** What goes wrong with one handshake. */
export interface HandshakeFault {
  /** Calls back when the handshake goes on: at once, later or never. */
  wait(goOn: () => void): void;
  /** How it ends then: refused, closed after the upgrade, reset; `undefined` is as if nothing had happened. */
  readonly end: Refusal | CloseCode | 'reset' | undefined;
}

/** What makes connections go wrong on request. It is there only while it has something to do. */
export interface ConnectionFaults {
  /** Called for each upgrade whose namespace has been looked for; `undefined` for a client without one. */
  handshake(namespace: string | undefined): HandshakeFault | undefined;
  /** A client was admitted. */
  admitted(client: ServerSocket): void;
  /** A client said who it is; the manager does not know yet. */
  hello(client: ServerSocket, clientId: string): void;
  /** A connection is gone. */
  gone(client: ServerSocket): void;
}
