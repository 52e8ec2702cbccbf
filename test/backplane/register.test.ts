import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CursorRegister, type RankedCursor } from '../../src/backplane/register.js';

const cursor = fc.record({
  cursor: fc.oneof(
    fc.nat(20).map(String),
    fc.constantFrom('7-a', '7-B', '7-é', '7-😀', '7-\uffee', '07', 'none'),
  ),
  epoch: fc.nat(2),
});

const merged = (cursors: readonly RankedCursor[]) => {
  const register = new CursorRegister(10);
  for (const one of cursors) register.merge('x', one);
  return register.get('x');
};

test('in whatever order, and however often, cursors are merged, the result is the same', () => {
  fc.assert(
    fc.property(
      fc
        .array(cursor)
        .chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
        ),
      ([all, shuffled]) => {
        expect(merged(shuffled)).toEqual(merged(all));
      },
    ),
  );
});

test('an epoch goes before a number, a number before a text, and a text by its bytes', () => {
  const newest = (...cursors: RankedCursor[]) => merged(cursors)?.cursor;
  expect(newest({ cursor: '1000', epoch: 0 }, { cursor: '3', epoch: 1 })).toBe('3');
  expect(newest({ cursor: '10', epoch: 0 }, { cursor: '9', epoch: 0 })).toBe('10');
  // By code units of UTF-16 it would be the other way round.
  expect(newest({ cursor: '7\u{1f600}', epoch: 0 }, { cursor: '7\uffee', epoch: 0 })).toBe('7\u{1f600}');
  expect(newest({ cursor: 'none', epoch: 5 })).toBeUndefined();
});

test('it says whether a cursor is newer, and keeps no more namespaces than it may', () => {
  const register = new CursorRegister(2);
  expect(register.merge('a', { cursor: '1', epoch: 0 })).toBe(true);
  expect(register.merge('a', { cursor: '1', epoch: 0 })).toBe(false);
  register.merge('b', { cursor: '1', epoch: 0 });
  register.merge('a', { cursor: '2', epoch: 0 });
  register.merge('c', { cursor: '1', epoch: 0 });
  expect([...register.entries()].map(([namespace]) => namespace)).toEqual(['a', 'c']);
});
