import { afterEach, describe, expect, test } from 'vitest';
import { BackendCaller } from '../../support/backend-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

async function start(options: Parameters<typeof startServer>[0] = {}) {
  const live = await startServer(options);
  return { ...live, backend: new BackendCaller(live.apiUrl) };
}

const errorOf = ({ json }: { json: { result: { errors: { code: string }[] } } }) =>
  json.result.errors[0]?.code;

describe('a push', () => {
  test('says what it applied and its cursors, and no cursors per table', async () => {
    const { backend } = await start();
    const mutation = backend.mutation('insert', 'task:1', { record: { title: 'a' } });
    const { status, json } = await backend.push(mutation);
    const { cursor, cursorBefore } = json.result;
    expect([status, json]).toEqual([
      200,
      { ok: true, result: { ok: true, applied: [mutation.mutationId], errors: [], cursor, cursorBefore } },
    ]);
    expect(Number(cursor)).toBe(Number(cursorBefore) + 1);
    expect((await backend.inserts('task:2')).cursorBefore).toBe(cursor);
  });

  test('that is sent again is applied once, in one batch and in another', async () => {
    const { backend } = await start();
    await backend.inserts('task:1', { n: 0 });
    const mutation = backend.mutation('merge', 'task:1', { record: { n: 1 } });
    const first = await backend.push(mutation, mutation);
    expect(first.json.result.applied).toEqual([mutation.mutationId, mutation.mutationId]);
    await backend.push(backend.mutation('merge', 'task:1', { record: { n: 2 } }));
    const again = await backend.push(mutation);
    expect(again.json.result).toMatchObject({ ok: true, applied: [mutation.mutationId] });
    expect(again.json.result.cursor).toBe(again.json.result.cursorBefore);
    expect((await backend.pulls({ task: '0' })).records.task).toEqual([{ id: 'task:1', n: 2 }]);
  });

  test('with the ids of another namespace is not taken for that one', async () => {
    const { backend, apiUrl } = await start();
    const mutation = backend.mutation('insert', 'task:1', { record: {} });
    await backend.push(mutation);
    const bob = new BackendCaller(apiUrl, 'user:bob');
    await bob.push(mutation);
    expect((await bob.pulls({ task: '0' })).records.task).toEqual([{ id: 'task:1' }]);
  });

  test('whose mutations fail in part is 400 with the error, and with the result of the others', async () => {
    const { backend } = await start();
    await backend.inserts('task:1', { title: 'a' });
    const other = backend.mutation('insert', 'task:1', { record: { title: 'b' } });
    const fine = backend.mutation('insert', 'task:2', { record: {} });
    const { status, json } = await backend.push(other, fine);
    expect(status).toBe(400);
    expect(json).toMatchObject({
      ok: false,
      error: { code: 'CONFLICT', details: { path: 'id' } },
      result: {
        ok: false,
        applied: [fine.mutationId],
        errors: [{ mutationId: other.mutationId, code: 'CONFLICT', path: 'id', retryable: false }],
      },
    });
    expect(Number(json.result.cursor)).toBe(Number(json.result.cursorBefore) + 1);
  });

  test('inserts the same row twice, and deletes one that is not there, without a change', async () => {
    const { backend } = await start();
    await backend.inserts('task:1', { a: 1, b: { c: 2 } });
    const { json } = await backend.push(
      backend.mutation('insert', 'task:1', { record: { b: { c: 2 }, a: 1 } }),
      backend.mutation('delete', 'task:9'),
    );
    expect(json.result).toMatchObject({ ok: true, errors: [], cursor: json.result.cursorBefore });
    expect(json.result.applied).toHaveLength(2);
  });

  test('merges into a row, replaces it, and does not merge into one that is not there', async () => {
    const { backend } = await start();
    await backend.inserts('task:1', { a: 1, b: 2 });
    const rows = async () => (await backend.pulls({ task: '0' })).records.task;
    await backend.push(backend.mutation('merge', 'task:1', { record: { b: 3, c: 4 } }));
    expect(await rows()).toEqual([{ id: 'task:1', a: 1, b: 3, c: 4 }]);
    await backend.push(backend.mutation('replace', 'task:1', { record: { z: 1 } }));
    expect(await rows()).toEqual([{ id: 'task:1', z: 1 }]);
    const missing = backend.mutation('merge', 'task:2', { record: { a: 1 } });
    expect(errorOf(await backend.push(missing))).toBe('NOT_FOUND');
    await backend.inserts('task:2');
    // It may succeed later, so it is not remembered as failed.
    expect((await backend.push(missing)).json.ok).toBe(true);
  });

  test.each([
    ['an operation that needs a schema', 'trash', {}],
    ['a condition', 'merge', { record: { a: 1 }, if: { a: 0 } }],
    ['a share', 'insert', { record: {}, shareWith: ['user:bob'] }],
  ])('with %s is refused and changes nothing, rather than done in part', async (_, operation, more) => {
    const { backend } = await start();
    const { cursor } = await backend.inserts('task:1', { a: 0 });
    const answer = await backend.push(backend.mutation(operation, 'task:1', more));
    expect([answer.status, errorOf(answer)]).toEqual([400, 'NOT_SUPPORTED']);
    expect(answer.json.result.cursor).toBe(cursor);
  });

  test('beyond the size of the backend is refused so that it may be sent again, and deleting makes room', async () => {
    const { backend } = await start({ backendMaxBytes: 20_000 });
    await backend.inserts('task:1', { text: 'x'.repeat(12_000) });
    const big = backend.mutation('insert', 'task:2', { record: { text: 'y'.repeat(12_000) } });
    const { status, json } = await backend.push(big);
    expect(status).toBe(400);
    expect(json.result.errors).toEqual([
      {
        mutationId: big.mutationId,
        code: 'LIMIT_EXCEEDED',
        message: expect.stringMatching(
          /^The memory backend is full: its data takes \d+ of 20000 bytes.*--backend-max/,
        ),
        path: '$',
        retryable: true,
      },
    ]);
    await backend.push(backend.mutation('delete', 'task:1'));
    expect((await backend.push(big)).json.result.applied).toEqual([big.mutationId]);
  });

  test('as the bare array of the Swift client is taken, too', async () => {
    const { backend } = await start();
    const mutation = backend.mutation('insert', 'task:1', { record: {} });
    expect((await backend.post('push', [mutation])).json.result.applied).toEqual([mutation.mutationId]);
  });
});

describe('the cursor of a push', () => {
  const cursorsOf = (texts: readonly string[]) => texts.map((text) => JSON.parse(text).cursor);

  test('goes to every client of the namespace, to no other, and a second later once more', async () => {
    const { backend, wsUrl, server } = await start();
    const [one, two] = [await openClient(wsUrl, 'user:alice'), await openClient(wsUrl, 'user:alice')];
    const other = await openClient(wsUrl, 'user:bob');
    const { cursor } = await backend.inserts('task:1');
    expect(await one.received(2)).toEqual([...Array(2)].map(() => `{"type":"cursor","cursor":"${cursor}"}`));
    expect(cursorsOf(await two.received(2))).toEqual([cursor, cursor]);
    expect(other.texts).toEqual([]);
    expect(server.stats().broadcasts).toBe(1);
  });

  test('of a push that changes nothing is not sent', async () => {
    const { backend, wsUrl } = await start();
    const client = await openClient(wsUrl, 'user:alice');
    await backend.push(backend.mutation('delete', 'task:9'));
    const { cursor } = await backend.inserts('task:1');
    expect(cursorsOf(await client.received(1))).toEqual([cursor]);
  });

  test('is sent for a mutation and for a push that fails in part as well', async () => {
    const { backend, wsUrl } = await start();
    const client = await openClient(wsUrl, 'user:alice');
    const { json } = await backend.post('mutation', backend.mutation('insert', 'task:1', { record: {} }));
    expect(json.result).toMatchObject({ ok: true, affectedIds: ['task:1'], errors: [], deduped: false });
    await client.received(1);
    const partly = await backend.push(
      backend.mutation('merge', 'no', { record: {} }),
      backend.mutation('delete', 'task:1'),
    );
    expect(cursorsOf(await client.received(2))[1]).toBe(partly.json.result.cursor);
  });

  test('is sent to a client whose hello shows that it missed it, and not to one that has it', async () => {
    const { backend, wsUrl } = await start();
    const { cursor } = await backend.inserts('task:1');
    const [behind, upToDate] = [await openClient(wsUrl, 'user:alice'), await openClient(wsUrl, 'user:alice')];
    const hello = (held: string) => JSON.stringify({ type: 'hello', clientId: 'c', cursors: { task: held } });
    behind.say(hello('0'));
    upToDate.say(hello(cursor));
    expect((await behind.received(1)).length).toBe(1);
    const { cursor: next } = await backend.inserts('task:2');
    expect(cursorsOf(await upToDate.received(1))).toEqual([next]);
  });

  test('never restarts where clients have been: a new server counts on from the clock', async () => {
    const { backend, server } = await start();
    const { cursor } = await backend.inserts('task:1');
    await server.close();
    const { backend: next } = await start();
    expect(Number((await next.inserts('task:1')).cursorBefore)).toBeGreaterThan(Number(cursor));
  });
});

test('a mutation has the status of its error, an array of them is 200 whatever they are', async () => {
  const { backend } = await start();
  await backend.inserts('task:1', { a: 1 });
  const conflict = () => backend.mutation('insert', 'task:1', { record: { a: 2 } });
  const missing = () => backend.mutation('merge', 'task:2', { record: {} });
  expect((await backend.post('mutation', conflict())).status).toBe(409);
  expect((await backend.post('mutation', missing())).status).toBe(404);
  const { status, json } = await backend.post('mutation', [conflict(), missing()]);
  expect([status, json.result.map(({ ok }: { ok: boolean }) => ok)]).toEqual([200, [false, false]]);
});
