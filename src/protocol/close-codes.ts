import { describe, type Mismatch } from './identifiers.js';

/** What a close code means to the two ends of a connection. */
export interface CloseCode {
  /** The number in the close frame (RFC 6455 section 7.4, 4000 to 4999 are private). */
  readonly code: number;
  /** The reason text sent with it, byte for byte. */
  readonly reason: string;
  /** Whether a client is expected to come back (with backoff), or to stop trying. */
  readonly reconnect: boolean;
}

/**
 * Every close that this package sends, in one table.
 *
 * Source: the DataFn reference (1001, 4401, 4503) and RFC 6455 section 7.4.1 (1001, 1008, 1009);
 * 1013 is of the IANA registry of close codes ("Try Again Later").
 */
export const CLOSE = {
  /** The server shuts down. */
  goingAway: { code: 1001, reason: 'Going Away', reconnect: true },
  /** No pong within `heartbeatTimeoutMs` of a ping. */
  heartbeatTimeout: { code: 1001, reason: 'Heartbeat timeout', reconnect: true },
  /** The client's `ping` threw. */
  heartbeatPingFailed: { code: 1001, reason: 'Heartbeat ping failed', reconnect: true },
  /** The client's `send` threw during a broadcast. */
  broadcastSendFailed: { code: 1001, reason: 'Broadcast send failed', reconnect: true },
  /** The client has been backed up for `slowClientTimeoutMs`. It is caught up by coming back. */
  slowClient: { code: 1013, reason: 'Client too slow', reconnect: true },
  /** The client sent more messages, pings included, than `maxMessageRate` allows. */
  messageRate: { code: 1008, reason: 'Message rate exceeded', reconnect: true },
  /** The client did not say hello within `helloTimeoutMs`. */
  helloTimeout: { code: 1008, reason: 'Hello timeout', reconnect: true },
  /** No token, a bad one, or one that yields no namespace. Coming back with the same token will not help. */
  unauthorized: { code: 4401, reason: 'Unauthorized', reconnect: false },
  /** What let the client in holds no longer. It may come back at once, with a token that does. */
  tokenExpired: { code: 4401, reason: 'Token expired', reconnect: true },
  /** The default of `closeClient` and the like: the client must lose access. */
  accessRevoked: { code: 4403, reason: 'Access revoked', reconnect: false },
  /** `maxConnections` is reached. */
  connectionLimit: { code: 4503, reason: 'Connection limit reached', reconnect: true },
  /** `maxConnectionsPerNamespace` is reached. */
  namespaceConnectionLimit: { code: 4503, reason: 'Namespace connection limit reached', reconnect: true },
} as const satisfies Record<string, CloseCode>;

const REFUSAL_CODES: ReadonlySet<number> = new Set([CLOSE.unauthorized.code, CLOSE.connectionLimit.code]);

/**
 * Whether a close refuses a client that was never accepted. A client whose token has expired was accepted.
 */
export function isRefusal(code: number, reason: string): boolean {
  return REFUSAL_CODES.has(code) && reason !== CLOSE.tokenExpired.reason;
}

/** RFC 6455 section 7.1.5: what an endpoint reports when the peer's close frame carried no code. */
export const NO_STATUS_RECEIVED = 1005;
/** RFC 6455 section 7.1.5: what an endpoint reports when the connection ended without a close frame. */
export const ABNORMAL_CLOSURE = 1006;

/** RFC 6455 section 7.4.1: the peer broke the protocol. */
export const PROTOCOL_ERROR = 1002;
/** RFC 6455 section 7.4.1: a text that is not UTF-8. */
export const INVALID_PAYLOAD = 1007;

/** Whether a close frame may carry a code (RFC 6455 section 7.4; 1012 to 1014 are of the IANA registry). */
export function mayBeSent(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return (
    code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_STATUS_RECEIVED && code !== ABNORMAL_CLOSURE
  );
}

/** Bytes of a reason: a control frame has 125, two of which are the code (RFC 6455 section 5.5). */
const MAX_REASON_BYTES = 123;

/** Why a close frame with this code and reason cannot be sent, in words that follow "Expected … to be", else `undefined`. */
export function closeProblem(
  code: unknown,
  reason: unknown,
): ({ readonly field: 'code' | 'reason' } & Mismatch) | undefined {
  if (typeof code !== 'number' || !Number.isInteger(code) || !mayBeSent(code))
    return {
      field: 'code',
      expected: 'a close code from 3000 to 4999, or 1000 and the like',
      got: describe(code),
    };
  if (typeof reason !== 'string' || !reason.isWellFormed())
    return { field: 'reason', expected: 'a text', got: describe(reason) };
  const bytes = new TextEncoder().encode(reason).length;
  if (bytes <= MAX_REASON_BYTES) return undefined;
  return { field: 'reason', expected: `at most ${MAX_REASON_BYTES} bytes of UTF-8`, got: `${bytes}` };
}
