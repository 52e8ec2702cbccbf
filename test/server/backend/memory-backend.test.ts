import { expect, test } from 'vitest';
import { MemoryBackend } from '../../../src/server/backend/memory-backend.js';
import { Store } from '../../../src/server/backend/store.js';

function created() {
  const store = new Store(1_000_000, () => 1000);
  const backend = new MemoryBackend(store, () => 1234);
  const ask = (route: string, body: unknown, method = 'POST') =>
    backend.answer({ method, route, namespace: 'a', body });
  let pushed = 0;
  const push = (...mutations: object[]) =>
    ask('push', {
      clientId: 'c',
      mutations: mutations.map((one) => ({
        ...{ clientId: 'c', mutationId: `m${++pushed}`, resource: 'task', id: 'task:1' },
        ...one,
      })),
    });
  return { store, ask, push };
}

test('says what it can do, and how much room there is', () => {
  const { store, ask, push } = created();
  push({ operation: 'insert', record: {} });
  expect(ask('status', undefined, 'GET')).toMatchObject({
    status: 200,
    body: {
      result: {
        capabilities: expect.arrayContaining(['clone', 'pull', 'push']),
        limits: { maxBytes: 1_000_000, usedBytes: store.bytes },
        serverTimeMs: 1234,
      },
    },
  });
  expect(store.bytes).toBeGreaterThan(0);
});

test('has no other route', () => {
  const { ask } = created();
  expect(() => ask('dance', {})).toThrow(expect.objectContaining({ status: 404, code: 'NOT_FOUND' }));
});

test.each([
  ['a limit of none', { cursors: { task: '0' }, limit: 0 }, 'limit', 'a whole number of at least 1, got 0'],
  ['cursors in a list', { cursors: ['0'] }, 'cursors', 'Expected cursors to be an object'],
])('a pull with %s is refused inside a 200, with the field', (_, body, path, message) => {
  const { ask } = created();
  expect(ask('pull', { clientId: 'c', ...body })).toMatchObject({
    status: 200,
    body: {
      result: {
        ...{ ok: false, records: {}, cursors: {} },
        error: { code: 'DFQL_INVALID', message: expect.stringContaining(message), details: { path } },
      },
    },
  });
});

test('an insert needs a record, or relations', () => {
  const { push } = created();
  expect(() => push({ operation: 'insert' })).toThrow('Expected mutations[0].record to be an object');
  expect(push({ operation: 'insert', relations: { tags: 'tag:1' } }).status).toBe(200);
});

test('a relation that is not there cannot be modified, and one that is there keeps what it had', () => {
  const { ask, push } = created();
  const relation = (operation: string, meta: object) => ({
    operation,
    relations: { tags: { $ref: 'tag:1', ...meta } },
  });
  const insert = { operation: 'insert', record: {} };
  const { status, body } = push(insert, relation('modifyRelation', { rank: 2 }));
  expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining('is not related to')]);
  push(relation('relate', { color: 'red' }), relation('modifyRelation', { rank: 2 }));
  expect(ask('pull', { clientId: 'c', cursors: { join_task_tags_tag: '0' } })).toMatchObject({
    body: {
      result: {
        joins: { join_task_tags_tag: { upsert: [{ from: 'task:1', to: 'tag:1', color: 'red', rank: 2 }] } },
      },
    },
  });
});

test('reconcile counts relations where that is asked for', () => {
  const { ask, push } = created();
  push({ operation: 'insert', record: {}, relations: { tags: 'tag:1' } });
  const counted = (body: object) => (ask('reconcile', body).body as { result: object }).result;
  expect(counted({ resources: ['task'], includeJoins: true })).toMatchObject({
    counts: { task: 1 },
    joinCounts: { join_task_tags_tag: 1 },
  });
  expect(counted({ resources: ['task'] })).not.toHaveProperty('joinCounts');
});
