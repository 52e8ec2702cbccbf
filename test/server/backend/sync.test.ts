import { afterEach, describe, expect, test } from 'vitest';
import { BackendCaller } from '../../support/backend-call.js';
import { disposeLive, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

async function start(options: Parameters<typeof startServer>[0] = {}): Promise<BackendCaller> {
  const { apiUrl } = await startServer(options);
  return new BackendCaller(apiUrl);
}

/** The results of pulls from these cursors, until there is no more. */
async function pullAll(backend: BackendCaller, cursors: Record<string, string>, more: object) {
  const results = [await backend.pulls(cursors, more)];
  while (results.at(-1).hasMore) results.push(await backend.pulls(results.at(-1).cursors, more));
  return results;
}

describe('clone', () => {
  test('has rows and a cursor for every table, those without a row included', async () => {
    const backend = await start();
    expect((await backend.post('clone', { clientId: 'c', tables: ['task', 'kv'] })).json).toEqual({
      ok: true,
      result: { ok: true, data: { task: [], kv: [] }, cursors: { task: '0', kv: '0' }, next: {} },
    });
    const { cursor } = await backend.inserts('task:1', { title: 'a' });
    expect(await backend.clones(['task', 'kv'])).toEqual({
      ok: true,
      data: { task: [{ id: 'task:1', title: 'a' }], kv: [] },
      cursors: { task: cursor, kv: '0' },
      next: {},
    });
  });

  test('comes in pages by id, and says when there is no more', async () => {
    const backend = await start();
    for (const id of ['c', 'a', 'b']) await backend.inserts(id);
    const page = (afterId: string | null) => ({ page: { table: 'task', afterId, limit: 2 } });
    const first = await backend.clones(['task', 'kv'], page(null));
    expect(first).toMatchObject({ data: { task: [{ id: 'a' }, { id: 'b' }], kv: [] }, next: { task: 'b' } });
    const last = await backend.clones(['task', 'kv'], page('b'));
    expect(last).toMatchObject({ data: { task: [{ id: 'c' }] }, next: { task: null } });
  });

  test('keeps the cursor of its first page, so that a change to that page is pulled later', async () => {
    const backend = await start();
    for (const id of ['a', 'b', 'c']) await backend.inserts(id, { done: false });
    const page = (afterId: string | null) => ({ page: { table: 'task', afterId, limit: 2 } });
    await backend.clones(['task'], page(null));
    await backend.push(
      backend.mutation('merge', 'a', { record: { done: true } }),
      backend.mutation('delete', 'b'),
    );
    const { cursors } = await backend.clones(['task'], page('b'));
    expect(await backend.pulls(cursors)).toMatchObject({
      records: { task: [{ id: 'a', done: true }] },
      deleted: { task: ['b'] },
    });
  });
});

describe('pull', () => {
  test('echoes every cursor it is sent, none lower, and has records and deleted for every table', async () => {
    const backend = await start();
    const { cursor } = await backend.inserts('task:1', { title: 'a' });
    const asked = { task: '0', kv: '7', join_task_tags_tag: '3', __datafn_actor_feed__: '9' };
    expect(await backend.pulls(asked, { includeJoins: true })).toEqual({
      ok: true,
      records: { task: [{ id: 'task:1', title: 'a' }], kv: [] },
      merged: {},
      deleted: { task: [], kv: [] },
      joins: { join_task_tags_tag: { upsert: [], delete: [] } },
      cursors: { ...asked, task: cursor },
      hasMore: false,
    });
    const beyond = { task: '99999999999999999999', kv: '0' };
    expect((await backend.pulls(beyond)).cursors).toEqual(beyond);
  });

  test('has one entry per row, its newest state, whatever happened to it in between', async () => {
    const backend = await start();
    await backend.push(
      backend.mutation('insert', 'gone', { record: {} }),
      backend.mutation('insert', 'back', { record: { n: 1 } }),
      backend.mutation('delete', 'back'),
      backend.mutation('insert', 'back', { record: { n: 2 } }),
      backend.mutation('merge', 'back', { record: { m: 3 } }),
      backend.mutation('delete', 'gone'),
    );
    expect(await backend.pulls({ task: '0' })).toMatchObject({
      records: { task: [{ id: 'back', n: 2, m: 3 }] },
      deleted: { task: ['gone'] },
    });
  });

  test('is cut at its limit across all tables, and the rest follows', async () => {
    const backend = await start();
    for (let index = 0; index < 5; index++) {
      const resource = index % 2 === 0 ? 'task' : 'note';
      await backend.push(backend.mutation('insert', `${index}`, { resource, record: {} }));
    }
    const pages = await pullAll(backend, { task: '0', note: '0' }, { limit: 2 });
    const ids = pages.map(({ records }) => [...records.task, ...records.note].map(({ id }) => id));
    expect(ids).toEqual([['0', '1'], ['2', '3'], ['4']]);
  });

  test('with one cursor lists changes of all tables, and null when there is nothing new', async () => {
    const backend = await start();
    const { cursor } = await backend.inserts('task:1', { title: 'a' });
    const { cursor: last } = (await backend.push(backend.mutation('delete', 'task:1'))).json.result;
    const since = async (from: string) =>
      (await backend.post('pull', { clientId: 'c', cursor: from })).json.result;
    const change = { serverSeq: Number(last), resource: 'task', id: 'task:1', op: 'delete', record: null };
    expect(await since('0')).toEqual({ ok: true, changes: [change], nextCursor: last });
    expect(await since(cursor)).toEqual({ ok: true, changes: [change], nextCursor: last });
    expect(await since(last)).toEqual({ ok: true, changes: [], nextCursor: null });
  });

  test('with a cursor that is no number is refused inside a 200, as by the server of DataFn', async () => {
    const backend = await start();
    const { status, json } = await backend.post('pull', { clientId: 'c', cursors: { task: 7 } });
    expect([status, json]).toEqual([
      200,
      {
        ok: true,
        result: {
          ok: false,
          records: {},
          deleted: {},
          cursors: {},
          error: {
            code: 'DFQL_INVALID',
            message: 'Expected cursors.task to be a string of digits, got 7',
            details: { path: 'cursors.task' },
          },
        },
      },
    ]);
  });
});

describe('relations', () => {
  test('are rows of their own that are pulled and cloned, changed and removed', async () => {
    const backend = await start();
    const names = { task: '0', join_task_tags_tag: '0' };
    await backend.push(
      backend.mutation('insert', 'task:1', {
        record: {},
        relations: { tags: ['tag:1', { $ref: 'tag:2', at: 1 }] },
      }),
    );
    const first = await backend.pulls(names);
    expect(first.joins.join_task_tags_tag).toEqual({
      upsert: [
        { from: 'task:1', to: 'tag:1' },
        { at: 1, from: 'task:1', to: 'tag:2' },
      ],
      delete: [],
    });
    expect((await backend.clones(['task'], { includeJoins: true })).joins).toEqual({
      join_task_tags_tag: first.joins.join_task_tags_tag.upsert,
    });
    await backend.push(
      backend.mutation('modifyRelation', 'task:1', { relations: { tags: { $ref: 'tag:2', at: 9 } } }),
      backend.mutation('unrelate', 'task:1', { relations: { tags: 'tag:1' } }),
    );
    expect((await backend.pulls(first.cursors)).joins.join_task_tags_tag).toEqual({
      upsert: [{ at: 9, from: 'task:1', to: 'tag:2' }],
      delete: [{ from: 'task:1', to: 'tag:1' }],
    });
  });

  test('of ids that do not name their table are found by the names that clients pull', async () => {
    const backend = await start();
    await backend.inserts('1');
    const relate = () => backend.push(backend.mutation('relate', '1', { relations: { owner: '77' } }));
    expect((await relate()).json).toMatchObject({ ok: false, error: { code: 'NOT_SUPPORTED' } });
    await backend.pulls({ join_task_owner_person: '0' });
    expect((await relate()).json.result.errors).toEqual([]);
    expect(
      (await backend.pulls({ join_task_owner_person: '0' })).joins.join_task_owner_person.upsert,
    ).toEqual([{ from: '1', to: '77' }]);
  });
});

test('reconcile counts rows and names the newest cursor; seed has nothing to do', async () => {
  const backend = await start();
  await backend.inserts('task:1');
  await backend.inserts('task:2');
  const { cursor } = (await backend.push(backend.mutation('delete', 'task:1'))).json.result;
  const { json } = await backend.post('reconcile', { clientId: 'c', resources: ['task', 'kv'] });
  expect(json.result).toEqual({ ok: true, counts: { task: 1, kv: 0 }, latestCursor: cursor });
  expect((await backend.post('seed', { clientId: 'c' })).json).toEqual({ ok: true, result: { ok: true } });
});
