import { expect, test } from 'vitest';
import { DatafnWsError, messageOf, stackOf } from '../../src/protocol/errors.js';

test('a DatafnWsError is an Error with a name, a stable code, a message and a cause', () => {
  const cause = new Error('the reason');
  const error = new DatafnWsError('ERR_LISTEN', 'Port 1 is taken', { cause });
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code, error.message]).toEqual(['DatafnWsError', 'ERR_LISTEN', 'Port 1 is taken']);
  expect(error.cause).toBe(cause);
  expect(String(error)).toBe('DatafnWsError: Port 1 is taken');
});

test.each([
  [new Error('plain'), 'plain'],
  [new TypeError('typed'), 'typed'],
  ['text', 'text'],
  [42, '42'],
  [null, 'null'],
  [undefined, 'undefined'],
  [Symbol('s'), 'Symbol(s)'],
  [Object.create(null), 'a value that cannot be shown'],
])('the message of %o is %s', (thrown, message) => {
  expect(messageOf(thrown)).toBe(message);
});

test('an error whose message cannot be read has a message all the same', () => {
  const error = Object.defineProperty(new Error(), 'message', {
    get() {
      throw new Error('no message for you');
    },
  });
  expect(messageOf(error)).toBe('a value that cannot be shown');
});

test('what has no stack that can be read has its message in place of it', () => {
  const error = Object.defineProperty(new Error('the message'), 'stack', {
    get() {
      throw new Error('no stack for you');
    },
  });
  expect([error, 'text', undefined].map(stackOf)).toEqual(['the message', 'text', 'undefined']);
  expect(stackOf(new Error('with a stack'))).toMatch(/^Error: with a stack\n +at /);
});
