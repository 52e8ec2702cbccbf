import { expect, test } from 'vitest';
import { ABNORMAL_CLOSURE, CLOSE, isRefusal, NO_STATUS_RECEIVED } from '../../src/protocol/close-codes.js';

test('the codes and reasons are those of the contract, byte for byte', () => {
  expect(Object.values(CLOSE).map(({ code, reason }) => `${code} ${reason}`)).toEqual([
    '1001 Going Away',
    '1001 Heartbeat timeout',
    '1001 Heartbeat ping failed',
    '1001 Broadcast send failed',
    '1013 Client too slow',
    '1008 Message rate exceeded',
    '1008 Hello timeout',
    '4401 Unauthorized',
    '4401 Token expired',
    '4403 Access revoked',
    '4503 Connection limit reached',
    '4503 Namespace connection limit reached',
  ]);
});

test('every code may be sent in a close frame, and every reason fits in one', () => {
  for (const { code, reason } of Object.values(CLOSE)) {
    // RFC 6455 section 7.4: 1004, 1005, 1006 and 1015 are never sent; 4000 to 4999 are private.
    expect(
      (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 4000 && code <= 4999),
    ).toBe(true);
    // RFC 6455 section 5.5: 125 bytes of payload, two of which are the code.
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
  }
});

test('only a client without valid authentication, or whose access was revoked, is told not to come back', () => {
  const final = Object.values(CLOSE).filter(({ reconnect }) => !reconnect);
  expect(final).toEqual([CLOSE.unauthorized, CLOSE.accessRevoked]);
});

test('what refuses a client is 4401 and 4503, but for a token that has expired: that client was in', () => {
  const refusals = Object.values(CLOSE).filter(({ code, reason }) => isRefusal(code, reason));
  expect(refusals).toEqual([CLOSE.unauthorized, CLOSE.connectionLimit, CLOSE.namespaceConnectionLimit]);
  // Servers of others give reasons of their own, or none.
  expect(isRefusal(4401, '')).toBe(true);
  expect(isRefusal(4503, 'full')).toBe(true);
  expect(isRefusal(1008, 'Unauthorized')).toBe(false);
});

test('the codes that are only reported are those of RFC 6455', () => {
  expect([NO_STATUS_RECEIVED, ABNORMAL_CLOSURE]).toEqual([1005, 1006]);
});
