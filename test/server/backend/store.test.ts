import { expect, test } from 'vitest';
import { ChangeStream } from '../../../src/server/backend/change-stream.js';
import {
  MAX_REMEMBERED_MUTATIONS,
  type MutationOutcome,
  NamespaceData,
  Store,
} from '../../../src/server/backend/store.js';

test('of more than 50,000 mutations the oldest is forgotten', () => {
  const store = new Store(1_000_000, () => 0);
  for (let count = 0; count <= MAX_REMEMBERED_MUTATIONS; count++)
    store.remember(`m${count}`, {} as MutationOutcome);
  expect(store.outcomes.size).toBe(MAX_REMEMBERED_MUTATIONS);
  expect([store.outcomes.has('m0'), store.outcomes.has('m1')]).toEqual([false, true]);
});

test('a namespace that there is no room for is refused with 413, and those that are there stay', () => {
  const store = new Store(10_000, () => 0);
  const open: string[] = [];
  const openAll = () => {
    for (let count = 1; count <= 100; count++) {
      store.open(`n${count}`);
      open.push(`n${count}`);
    }
  };
  expect(openAll).toThrow(expect.objectContaining({ status: 413, code: 'LIMIT_EXCEEDED' }));
  expect(open.length).toBeGreaterThan(0);
  expect([...store.namespaces.keys()]).toEqual(open);
  expect(store.open('n1')).toBe(store.namespaces.get('n1'));
});

test('the cursors of 100 clones in pages are kept: with more, the oldest goes on from the newest cursor', () => {
  const data = new NamespaceData(1);
  const table = new ChangeStream();
  data.streams.set('task', table);
  const put = (seq: number) => table.put({ key: `${seq}`, seq, data: {}, bytes: 0 });
  put(5);
  for (let client = 0; client < 100; client++) expect(data.pageCursor(`c${client}`, 'task', true)).toBe(5);
  put(9);
  expect(data.pageCursor('c0', 'task', false)).toBe(5);
  data.pageCursor('c100', 'task', true);
  expect([data.pageCursor('c1', 'task', false), data.pageCursor('c0', 'task', false)]).toEqual([5, 9]);
});
