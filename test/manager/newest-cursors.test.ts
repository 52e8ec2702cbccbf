import { expect, test } from 'vitest';
import { NewestCursors } from '../../src/manager/newest-cursors.js';

test('keeps the highest cursor of each namespace, as clients compare them', () => {
  const newest = new NewestCursors(10, false);
  for (const cursor of ['9', '10', '9', 'junk', '']) newest.note('a', cursor, 0);
  newest.note('b', '7', 0);
  expect([newest.get('a')?.cursor, newest.get('b')?.cursor, newest.get('c')]).toEqual(['10', '7', undefined]);
  expect(newest.size).toBe(2);
});

test('a namespace that has had nothing but junk is not remembered', () => {
  const newest = new NewestCursors(10, false);
  newest.note('a', 'junk', 0);
  expect([newest.size, newest.get('a')]).toEqual([0, undefined]);
});

test('the same cursor again counts as heard by those who are there now', () => {
  const newest = new NewestCursors(10, false);
  newest.note('a', '5', 1);
  newest.note('a', '5', 3);
  newest.note('a', '4', 9);
  expect(newest.get('a')).toEqual({ cursor: '5', number: 5, epoch: 0, heardUpTo: 3 });
});

test('a later epoch is newer, however low its cursor; one that is not named is the one that is known', () => {
  const newest = new NewestCursors(10, false);
  newest.note('a', '1000', 1);
  newest.note('a', '3', 2, 'next');
  newest.note('a', '1001', 3, 0);
  expect(newest.get('a')).toMatchObject({ cursor: '3', epoch: 1 });
  newest.note('a', '4', 4);
  newest.note('a', '2', 5, 5);
  newest.note('a', '9', 6, 4);
  expect(newest.get('a')).toMatchObject({ cursor: '2', epoch: 5, heardUpTo: 5 });
});

test('beyond the limit the namespace that was unused for longest goes, and a use is a broadcast or a look', () => {
  const newest = new NewestCursors(3, false);
  for (const namespace of ['a', 'b', 'c']) newest.note(namespace, '1', 0);
  newest.get('a');
  newest.note('b', '2', 0);
  newest.note('d', '1', 0);
  expect(newest.size).toBe(3);
  expect(newest.get('c')).toBeUndefined();
  for (const namespace of ['a', 'b', 'd']) expect(newest.get(namespace), namespace).toBeDefined();
});
