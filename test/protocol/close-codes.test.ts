import { expect, test } from 'vitest';
import {
  ABNORMAL_CLOSURE,
  CLOSE,
  NO_STATUS_RECEIVED,
  REFUSAL_CODES,
} from '../../src/protocol/close-codes.js';

test('the codes and reasons are those of the contract, byte for byte', () => {
  expect(Object.values(CLOSE).map(({ code, reason }) => `${code} ${reason}`)).toEqual([
    '1001 Going Away',
    '1001 Heartbeat timeout',
    '1001 Heartbeat ping failed',
    '1001 Broadcast send failed',
    '1013 Client too slow',
    '4401 Unauthorized',
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

test('only a client without valid authentication is told not to come back', () => {
  const final = Object.values(CLOSE).filter(({ reconnect }) => !reconnect);
  expect(final).toEqual([CLOSE.unauthorized]);
});

test('the codes that refuse a client are 4401 and 4503, and no accepted client is closed with one', () => {
  expect([...REFUSAL_CODES].sort()).toEqual([4401, 4503]);
});

test('the codes that are only reported are those of RFC 6455', () => {
  expect([NO_STATUS_RECEIVED, ABNORMAL_CLOSURE]).toEqual([1005, 1006]);
});
