import { describe, expect, test } from 'vitest';
import { CLOSE } from '../../src/protocol/close-codes.js';
import { closeMeaning } from '../../src/protocol/close-meanings.js';

describe('what a close means', () => {
  test.each(Object.values(CLOSE))(
    'is known of every close that this package sends: %j',
    ({ code, reason }) => {
      expect(closeMeaning(code, reason)).toMatch(/^[a-z]/);
    },
  );

  test('is told from the reason before the code', () => {
    expect(closeMeaning(1001, 'Going Away')).toBe('the server is shutting down');
    expect(closeMeaning(1001, 'Heartbeat timeout')).toBe('the server got no answer to its ping in time');
    expect(closeMeaning(1001, 'another')).toBe('the server is going away');
    expect(closeMeaning(4401, 'Token expired')).toBe('the token has expired');
  });

  test.each([1000, 1005, 1006, 1009, 1011, 1013, 4403, 4409, 4429, 4510, 4511])('is known of %i', (code) => {
    expect(closeMeaning(code, '')).toBeDefined();
  });

  test.each([999, 3000, 4000, 4999])('is not guessed for %i', (code) => {
    expect(closeMeaning(code, '')).toBeUndefined();
  });
});
