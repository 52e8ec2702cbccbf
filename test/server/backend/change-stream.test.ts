import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChangeStream, mergedChanges, type Row } from '../../../src/server/backend/change-stream.js';

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const step = fc.record({ key, isDelete: fc.boolean(), gap: fc.integer({ min: 1, max: 3 }) });

test('has the state of each row after any cursor, in the order of the last changes, whatever happened before', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.nat(900), (steps, after) => {
      const stream = new ChangeStream();
      const model = new Map<string, Row>();
      let seq = 0;
      for (const { key, isDelete, gap } of steps) {
        seq += gap;
        const row = { key, seq, data: isDelete ? undefined : { id: key, seq }, bytes: 0 };
        stream.put(row);
        model.set(key, row);
      }
      const rows = [...model.values()].sort((one, other) => one.seq - other.seq);
      const live = rows.filter(({ data }) => data !== undefined).map(({ key }) => key);
      expect([...stream.changesAfter(after)]).toEqual(rows.filter((row) => row.seq > after));
      expect(stream.newest).toBe(seq);
      expect(stream.liveCount).toBe(live.length);
      expect(stream.page('b', 2).map(({ id }) => id)).toEqual(
        live
          .sort()
          .filter((one) => one > 'b')
          .slice(0, 2),
      );
    }),
  );
});

test('loses no row when it forgets the changes that were followed by others of the same row', () => {
  const stream = new ChangeStream();
  const put = (key: string, seq: number) => stream.put({ key, seq, data: { seq }, bytes: 0 });
  put('a', 1);
  for (let seq = 2; seq <= 1000; seq++) put('b', seq);
  expect([...stream.changesAfter(0)].map(({ key, seq }) => `${key} ${seq}`)).toEqual(['a 1', 'b 1000']);
  expect([...stream.changesAfter(999)]).toHaveLength(1);
});

test('merges streams into the order of their changes', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 50 }), (names) => {
      const streams = new Map(['x', 'y', 'z'].map((name) => [name, new ChangeStream()]));
      for (const [seq, name] of names.entries())
        streams.get(name)?.put({ key: String(seq), seq: seq + 1, data: {}, bytes: 0 });
      const changes = [...streams].map(([name, stream]) => ({ name, changes: stream.changesAfter(0) }));
      expect([...mergedChanges(changes)].map(({ name }) => name)).toEqual(names);
    }),
  );
});
