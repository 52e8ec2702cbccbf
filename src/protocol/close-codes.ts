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

/** By code and reason, where the reason says more than the code. */
const BY_REASON: ReadonlyMap<string, string> = new Map([
  [keyOf(CLOSE.goingAway), 'the server is shutting down'],
  [keyOf(CLOSE.heartbeatTimeout), 'the server got no answer to its ping in time'],
  [keyOf(CLOSE.heartbeatPingFailed), 'the server could not send a ping'],
  [keyOf(CLOSE.broadcastSendFailed), 'the server could not send a cursor'],
  [keyOf(CLOSE.slowClient), 'the client reads too slowly'],
  [keyOf(CLOSE.messageRate), 'the client sent too many messages'],
  [keyOf(CLOSE.helloTimeout), 'the client did not say hello in time'],
  [keyOf(CLOSE.tokenExpired), 'the token has expired'],
  [keyOf(CLOSE.connectionLimit), 'the server has reached its client limit'],
  [keyOf(CLOSE.namespaceConnectionLimit), 'the namespace has reached its client limit'],
]);

/** RFC 6455 section 7.4.1, the IANA registry of close codes, and the codes of DataFn servers (44xx and up). */
const BY_CODE: ReadonlyMap<number, string> = new Map([
  [1000, 'the server closed it normally'],
  [1001, 'the server is going away'],
  [1002, 'the server saw a WebSocket protocol error'],
  [1003, 'the server does not accept this kind of message'],
  [NO_STATUS_RECEIVED, 'the server gave no code'],
  [ABNORMAL_CLOSURE, 'the connection was lost'],
  [1007, 'the server got text that is not UTF-8'],
  [1008, 'a message violates a policy of the server'],
  [1009, 'a message is too large'],
  [1011, 'internal error of the server'],
  [1012, 'the server is restarting'],
  [1013, 'the server asks clients to retry later'],
  [1014, 'a gateway got an invalid response'],
  [4401, 'no token, or one that the server does not accept'],
  [4403, 'the server denies access'],
  [4409, 'the server requires routing'],
  [4429, 'too many connections or messages'],
  [4503, 'the server accepts no more clients'],
  [4510, 'the namespace belongs to another region'],
  [4511, 'the route ticket has expired'],
]);

/** Returns what a close by a server means, as a clause for a person; `undefined` for a code without a known meaning. */
export function closeMeaning(code: number, reason: string): string | undefined {
  return BY_REASON.get(keyOf({ code, reason })) ?? BY_CODE.get(code);
}

/** Whether a close code is one of the tables: of RFC 6455, of IANA, or of DataFn servers. */
export function hasKnownMeaning(code: number): boolean {
  return BY_CODE.has(code);
}

function keyOf({ code, reason }: { readonly code: number; readonly reason: string }): string {
  return `${code} ${reason}`;
}
