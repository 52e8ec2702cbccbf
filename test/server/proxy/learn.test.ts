import { describe, expect, test } from 'vitest';
import { BodyView, type Seen } from '../../../src/server/proxy/body-view.js';
import { cursorOf, type DatafnRoute, datafnRoute, learn } from '../../../src/server/proxy/learn.js';

function seen(body: unknown) {
  const view = new BodyView(undefined, 1024 * 1024);
  view.write(Buffer.from(JSON.stringify(body)));
  let skimmed: Seen;
  view.end((one) => {
    skimmed = one;
  });
  return skimmed === 'unseen' ? undefined : skimmed;
}

function learned(route: DatafnRoute, status: number, answer: unknown, asked?: unknown) {
  const skimmed = seen(answer);
  if (skimmed === undefined) throw new Error('not an object');
  return learn(route, status, asked === undefined ? undefined : seen(asked), skimmed);
}

const push = (result: object) => ({ ok: true, result: { ok: true, ...result } });

describe('a push', () => {
  test('is news from the cursor before it on', () => {
    expect(learned('push', 200, push({ cursor: '17', cursorBefore: '16' }))).toEqual({
      cursor: 17,
      isNews: true,
      isFresh: true,
    });
  });

  test.each([
    ['lower than the cursor before it', { cursor: '15', cursorBefore: '16' }],
    ['0', { cursor: '0', cursorBefore: '0' }],
    ['no number', { cursor: 'abc', cursorBefore: '1' }],
    ['an object', { cursor: {}, cursorBefore: '1' }],
    ['missing', {}],
  ])('whose cursor is %s is none', (_, result) => {
    expect(learned('push', 200, push(result))).toBeUndefined();
  });

  test('whose cursor is that before it changed nothing: it raises what is remembered', () => {
    expect(learned('push', 200, push({ cursor: '16', cursorBefore: '16' }))).toMatchObject({
      cursor: 16,
      isNews: false,
    });
  });

  test('counts with the highest of its cursors where it has none of its own', () => {
    expect(learned('push', 200, push({ cursors: { task: '7', kv: '12' } }))?.cursor).toBe(12);
  });

  test('may have its cursor as a number, and no cursor before it', () => {
    expect(learned('push', 200, push({ cursor: 17 }))).toEqual({ cursor: 17, isNews: true, isFresh: false });
  });

  test('that was refused in part is news: its 400 carries a result', () => {
    const body = {
      ok: false,
      error: { code: 'CONFLICT' },
      result: { ok: false, applied: ['m1'], errors: [{}], cursor: '18', cursorBefore: '16' },
    };
    expect(learned('push', 400, body)?.cursor).toBe(18);
    expect(learned('push', 500, body)).toBeUndefined();
  });

  test('that was refused as a whole is not', () => {
    expect(learned('push', 400, { ok: false, error: { code: 'DFQL_INVALID' } })).toBeUndefined();
  });

  test('is not read by what its records are called', () => {
    const body = { ok: true, result: { ok: true, rows: [{ result: { cursor: '99' }, cursor: '99' }] } };
    expect(learned('push', 200, body)).toBeUndefined();
  });
});

describe('a pull', () => {
  const answer = (cursors: object, more = {}) => push({ records: {}, cursors, ...more });

  test('is news where a cursor is higher than the one that was asked with', () => {
    const asked = { clientId: 'a', cursors: { task: '12', kv: '0' } };
    expect(learned('pull', 200, answer({ task: '15', kv: '0' }), asked)).toEqual({
      cursor: 15,
      isNews: true,
      isFresh: false,
    });
    expect(learned('pull', 200, answer({ task: '12', kv: '3' }), asked)?.cursor).toBe(3);
  });

  test('is none where it echoes, however high the client asked', () => {
    const asked = { cursors: { task: '999999999', kv: '999999998' } };
    expect(learned('pull', 200, answer({ task: '999999999', kv: '999999998' }), asked)).toBeUndefined();
  });

  test.each([
    ['was not asked for', {}],
    ['was asked for with no number', { kv: '1', task: 'x' }],
    ['was asked for with a negative number', { task: '-1' }],
    ['was asked for with an object', { task: { a: 1 } }],
  ])('is none where its cursor %s', (_, cursors) => {
    expect(learned('pull', 200, answer({ task: '15' }), { cursors })).toBeUndefined();
  });

  test('is none where the request was not seen', () => {
    expect(learned('pull', 200, answer({ task: '15' }))).toBeUndefined();
  });

  test('of all tables has one cursor', () => {
    const body = push({ changes: [], nextCursor: '15' });
    expect(learned('pull', 200, body, { cursor: '12' })?.cursor).toBe(15);
    expect(learned('pull', 200, body, { cursor: '15' })).toBeUndefined();
    expect(learned('pull', 200, push({ changes: [], nextCursor: null }), { cursor: '12' })).toBeUndefined();
  });
});

test('a clone raises what is remembered, and is no news', () => {
  expect(learned('clone', 200, push({ data: {}, cursors: { task: '12', kv: '0' } }))).toEqual({
    cursor: 12,
    isNews: false,
    isFresh: false,
  });
  expect(learned('clone', 200, push({ data: {}, cursors: { kv: '0' } }))).toBeUndefined();
});

test('a reconcile is news', () => {
  expect(learned('reconcile', 200, push({ counts: {}, latestCursor: '44' }))?.cursor).toBe(44);
  expect(learned('reconcile', 400, push({ latestCursor: '44' }))).toBeUndefined();
});

test('a cursor is a whole number from 1 on', () => {
  expect(['1', 17, '9007199254740991'].map(cursorOf)).toEqual([1, 17, Number.MAX_SAFE_INTEGER]);
  for (const value of [
    '0',
    0,
    '',
    '1.5',
    1.5,
    '-1',
    '1e3',
    '0x1',
    ' 1',
    '9007199254740992',
    true,
    null,
    undefined,
  ])
    expect(cursorOf(value), String(value)).toBeUndefined();
});

test.each([
  ['POST', '/push', 'push'],
  ['POST', '/push/', 'push'],
  ['POST', '/pull', 'pull'],
  ['POST', '/clone', 'clone'],
  ['POST', '/reconcile', 'reconcile'],
  ['POST', '/mutation', 'write'],
  ['POST', '/transact', 'write'],
  ['POST', '/seed', 'write'],
  ['POST', '/resources/task', 'write'],
  ['PATCH', '/resources/task/1', 'write'],
  ['DELETE', '/resources/task/1', 'write'],
  ['PUT', '/rest/task/1', 'write'],
  ['GET', '/resources/task', undefined],
  ['GET', '/push', undefined],
  ['OPTIONS', '/push', undefined],
  ['POST', '/push/more', undefined],
  ['POST', '/query', undefined],
  ['POST', '/constructor', undefined],
  ['POST', '', undefined],
])('%s %s is the route %s', (method, path, route) => {
  expect(datafnRoute(method, path)).toBe(route);
});
