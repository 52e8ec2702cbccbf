import { ABNORMAL_CLOSURE, CLOSE, NO_STATUS_RECEIVED } from './close-codes.js';

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
  [keyOf(CLOSE.accessRevoked), 'an operator of the server has revoked access'],
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
