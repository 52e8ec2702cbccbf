import { ABNORMAL_CLOSURE, CLOSE, NO_STATUS_RECEIVED } from './close-codes.js';

const { goingAway, heartbeatTimeout, heartbeatPingFailed, broadcastSendFailed, tokenExpired } = CLOSE;
const { connectionLimit, namespaceConnectionLimit, messageRate, helloTimeout, slowClient } = CLOSE;

/** By code and reason, where the reason says more than the code. */
const BY_REASON: ReadonlyMap<string, string> = new Map([
  [keyOf(goingAway), 'the server is shutting down'],
  [keyOf(heartbeatTimeout), 'the server got no answer to its ping in time'],
  [keyOf(heartbeatPingFailed), 'the server could not send a ping'],
  [keyOf(broadcastSendFailed), 'the server could not send a cursor'],
  [keyOf(slowClient), 'the client reads too slowly'],
  [keyOf(messageRate), 'the client sent too many messages'],
  [keyOf(helloTimeout), 'the client did not say hello in time'],
  [keyOf(tokenExpired), 'the token has expired'],
  [keyOf(connectionLimit), 'the server has as many clients as it takes'],
  [keyOf(namespaceConnectionLimit), 'the namespace has as many clients as it takes'],
]);

/** RFC 6455 section 7.4.1, the IANA registry of close codes, and the codes of DataFn servers (44xx and up). */
const BY_CODE: ReadonlyMap<number, string> = new Map([
  [1000, 'the server is done'],
  [1001, 'the server is going away'],
  [1002, 'the server saw a breach of the WebSocket protocol'],
  [1003, 'the server does not take this kind of message'],
  [NO_STATUS_RECEIVED, 'the server gave no code'],
  [ABNORMAL_CLOSURE, 'the connection was lost'],
  [1007, 'the server got text that is not UTF-8'],
  [1008, 'a message breaks a rule of the server'],
  [1009, 'a message is too large'],
  [1011, 'an error in the server'],
  [1012, 'the server restarts'],
  [1013, 'the server asks to try again later'],
  [1014, 'a gateway got no valid answer'],
  [4401, 'no token, or one that the server does not accept'],
  [4403, 'the server denies access'],
  [4409, 'the server wants clients to be routed'],
  [4429, 'too many connections or messages'],
  [4503, 'the server takes no more clients'],
  [4510, 'the namespace belongs to another region'],
  [4511, 'the route ticket has expired'],
]);

/** Returns what a close by a server means, as a clause for a person; `undefined` for a code without a known meaning. */
export function closeMeaning(code: number, reason: string): string | undefined {
  return BY_REASON.get(keyOf({ code, reason })) ?? BY_CODE.get(code);
}

function keyOf({ code, reason }: { readonly code: number; readonly reason: string }): string {
  return `${code} ${reason}`;
}
