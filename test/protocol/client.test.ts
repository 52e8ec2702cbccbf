import { expect, test } from 'vitest';
import { cursorNumber, isBehind } from '../../src/protocol/client.js';

test.each([
  ['42', 42],
  ['0042', 42],
  [' 42', 42],
  ['42abc', 42],
  ['42.9', 42],
  ['-1', -1],
  ['1e9', 1],
])('clients take the cursor %j for %d', (cursor, number) => {
  expect(cursorNumber(cursor)).toBe(number);
});

test.each([['abc'], [''], ['Infinity'], ['x42']])('clients take the cursor %j for no number', (cursor) => {
  expect(cursorNumber(cursor)).toBeNaN();
});

test.each([
  [{ cursor: '0' }, true],
  [{ cursor: '41' }, true],
  [{ cursor: '42' }, false],
  [{ cursor: '43' }, false],
  // As numbers, not as texts.
  [{ cursor: '5' }, true],
  [{ cursor: '100' }, false],
  [{ cursor: 'junk' }, true],
  [{ cursor: '' }, true],
  // It says nothing of where it is.
  [{}, false],
  [{ clientId: 'c-1' }, false],
  // It has nothing at all.
  [{ cursors: {} }, true],
  [{ cursors: { todos: '42' } }, false],
  [{ cursors: { todos: '41', notes: '7' } }, true],
  // The highest counts, as it does for the client: a resource without changes keeps a low one.
  [{ cursors: { todos: '42', notes: '41' } }, false],
  [{ cursors: { todos: '0', notes: '43', tags: '0' } }, false],
  [{ cursors: { todos: '5', notes: '41' } }, true],
  [{ cursors: { todos: '42', notes: '' } }, false],
  [{ cursors: { todos: 'junk', notes: '' } }, true],
  [{ cursor: '42', cursors: { todos: '41' } }, false],
  [{ cursor: '41', cursors: { todos: '42' } }, false],
  [{ cursor: '41', cursors: { todos: '40' } }, true],
  [{ cursor: '42', cursors: {} }, false],
])('with 42 the newest, the hello %j is behind: %j', (hello, behind) => {
  expect(isBehind(hello, 42)).toBe(behind);
});
