import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { call, postCursors } from '../../support/http-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';

const message = (cursor: string) => `{"type":"cursor","cursor":"${cursor}"}`;
const NDJSON = { 'content-type': 'application/x-ndjson' };

afterEach(disposeLive);

describe('POST /v1/cursors', () => {
  test('one object is broadcast to its namespace and to no other, and `delivered` counts who was handed it', async () => {
    const { wsUrl, apiUrl, server, events } = await startServer();
    const alice = [await openClient(wsUrl, 'user:alice'), await openClient(wsUrl, 'user:alice')];
    const bob = await openClient(wsUrl, 'user:bob');
    const answer = await postCursors(apiUrl, { namespace: 'user:alice', cursor: '42' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.json).toEqual({ results: [{ namespace: 'user:alice', cursor: '42', delivered: 2 }] });
    for (const client of alice) expect(await client.received(1)).toEqual([message('42')]);
    await bob.roundTrip();
    expect(bob.texts).toEqual([]);
    expect(events.of('broadcast')).toMatchObject([{ namespace: 'user:alice', cursor: '42', delivered: 2 }]);
    expect(server.stats()).toMatchObject({ broadcasts: 1, deliveries: 2, conflated: 0 });
  });

  test.each<[string, string, Record<string, string>]>([
    [
      'an array',
      '[{"namespace":"a","cursor":"1"},{"namespace":"b","cursor":"2"},{"namespace":"a","cursor":"3"}]',
      {},
    ],
    [
      'NDJSON, blank lines and CRLF included',
      '{"namespace":"a","cursor":"1"}\r\n\n{"namespace":"b","cursor":"2"}\n{"namespace":"a","cursor":"3"}',
      NDJSON,
    ],
    [
      'NDJSON under its other name',
      '{"namespace":"a","cursor":"1"}\n{"namespace":"b","cursor":"2"}\n{"namespace":"a","cursor":"3"}\n',
      { 'content-type': 'application/ndjson; charset=utf-8' },
    ],
  ])('%s is broadcast in order, with a result for each item', async (_, body, headers) => {
    const { wsUrl, apiUrl } = await startServer();
    const [a, b] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'b')];
    const answer = await postCursors(apiUrl, body, headers);
    expect(answer.status).toBe(200);
    expect(answer.json.results).toEqual([
      { namespace: 'a', cursor: '1', delivered: 1 },
      { namespace: 'b', cursor: '2', delivered: 1 },
      { namespace: 'a', cursor: '3', delivered: 1 },
    ]);
    expect(await a.received(2)).toEqual([message('1'), message('3')]);
    expect(await b.received(1)).toEqual([message('2')]);
  });

  test('fields that mean nothing to it are ignored', async () => {
    const { apiUrl } = await startServer();
    const answer = await postCursors(apiUrl, { namespace: 'a', cursor: '1', delayMs: 5, extra: null });
    expect(answer.json.results).toEqual([{ namespace: 'a', cursor: '1', delivered: 0 }]);
  });

  test('1,000 items in one request are taken and delivered, every one', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const items = Array.from({ length: 1000 }, (_, index) => ({ namespace: 'a', cursor: String(index) }));
    const answer = await postCursors(apiUrl, items);
    expect(answer.status).toBe(200);
    expect(answer.json.results).toHaveLength(1000);
    expect(answer.json.results[999]).toEqual({ namespace: 'a', cursor: '999', delivered: 1 });
    expect(await client.received(1000)).toEqual(items.map(({ cursor }) => message(cursor)));
  });

  test('a body of more than 1 MiB is taken by default', async () => {
    const { apiUrl } = await startServer();
    const line = JSON.stringify({ namespace: 'n'.repeat(255), cursor: 'c'.repeat(256) });
    const body = Array.from({ length: 2000 }, () => line).join('\n');
    expect(body.length).toBeGreaterThan(1024 * 1024);
    const answer = await postCursors(apiUrl, body, NDJSON);
    expect([answer.status, answer.json.results.length]).toEqual([200, 2000]);
  });

  const bad: [string, unknown, string, RegExp][] = [
    ['no namespace', { cursor: '1' }, '.namespace', /`namespace` of item 2 to be a string, got undefined/],
    ['an empty namespace', { namespace: '', cursor: '1' }, '.namespace', /non-empty/],
    [
      'a namespace of 256 characters',
      { namespace: 'n'.repeat(256), cursor: '1' },
      '.namespace',
      /at most 255/,
    ],
    ['a namespace with a newline', { namespace: 'a\nb', cursor: '1' }, '.namespace', /control characters/],
    ['no cursor', { namespace: 'a' }, '.cursor', /`cursor` of item 2 to be a string, got undefined/],
    ['an empty cursor', { namespace: 'a', cursor: '' }, '.cursor', /non-empty/],
    ['a cursor of 257 characters', { namespace: 'a', cursor: 'c'.repeat(257) }, '.cursor', /at most 256/],
    ['a cursor with an escape', { namespace: 'a', cursor: '\u001b[2J' }, '.cursor', /control characters/],
    ['a cursor that is a number', { namespace: 'a', cursor: 42 }, '.cursor', /a string, got 42/],
    ['a cursor that is half a character', { namespace: 'a', cursor: '\ud800' }, '.cursor', /surrogate/],
    ['null', null, '', /item 2 to be an object, got null/],
    ['a string', '42', '', /item 2 to be an object, got "42"/],
    ['an array in the array', [], '', /item 2 to be an object, got an array/],
  ];
  test.each(bad)(
    'one item with %s refuses all, names the index, and nothing is broadcast',
    async (_, item, field, detail) => {
      const { wsUrl, apiUrl, server } = await startServer();
      const client = await openClient(wsUrl, 'a');
      const good = { namespace: 'a', cursor: '1' };
      const answer = await postCursors(apiUrl, [good, good, item, good]);
      expect(answer.status).toBe(400);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.json).toMatchObject({ status: 400, field: `[2]${field}` });
      expect(answer.json.detail).toMatch(detail);
      expect(answer.json.fix).toEqual(expect.any(String));
      await client.roundTrip();
      expect(client.texts).toEqual([]);
      expect(server.stats().broadcasts).toBe(0);
    },
  );

  test('a cursor that is a number is told how to be sent', async () => {
    const { apiUrl } = await startServer();
    const answer = await postCursors(apiUrl, { namespace: 'a', cursor: 42 });
    expect(answer.json).toMatchObject({ field: '[0].cursor', fix: 'Send it as a string: "42".' });
  });

  test('identifiers as long as they may be are taken', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const [namespace, cursor] = ['é'.repeat(255), '9'.repeat(256)];
    const client = await openClient(wsUrl, namespace);
    expect((await postCursors(apiUrl, { namespace, cursor })).json.results[0].delivered).toBe(1);
    expect(await client.received(1)).toEqual([message(cursor)]);
  });

  test.each<[string, string, Record<string, string>, string]>([
    ['text that is no JSON', '{"namespace":', {}, 'body'],
    ['an empty body', '', {}, 'body'],
    ['an empty array', '[]', {}, 'body'],
    ['NDJSON of nothing but blank lines', '\n\n', NDJSON, 'body'],
    ['NDJSON with a broken line', '{"namespace":"a","cursor":"1"}\n\n{nope', NDJSON, 'line 3'],
  ])('%s is 400 and names %s', async (_, body, headers, field) => {
    const { apiUrl, server } = await startServer();
    const answer = await postCursors(apiUrl, body, headers);
    expect([answer.status, answer.json.field]).toEqual([400, field]);
    expect(server.stats().broadcasts).toBe(0);
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '__proto__',
    'constructor',
    '',
  ])('a body of type "%s" is 415, so that no web page can post one', async (type) => {
    const { apiUrl, server } = await startServer();
    const answer = await call('POST', `${apiUrl}/v1/cursors`, {
      headers: type === '' ? {} : { 'content-type': type },
      body: '{"namespace":"a","cursor":"1"}',
    });
    expect([answer.status, answer.json.field]).toEqual([415, 'Content-Type']);
    expect(answer.json.fix).toContain('application/json');
    expect(server.stats().broadcasts).toBe(0);
  });

  test.each<[string, Record<string, string>, Buffer, number, string]>([
    ['bytes that are no UTF-8', {}, Buffer.from('{"namespace":"\xff","cursor":"1"}', 'latin1'), 400, 'body'],
    [
      'UTF-16',
      { 'content-type': 'application/json; charset=utf-16le' },
      Buffer.from('{}', 'utf16le'),
      415,
      'Content-Type',
    ],
    [
      'gzip',
      { 'content-encoding': 'gzip' },
      gzipSync('{"namespace":"a","cursor":"1"}'),
      415,
      'Content-Encoding',
    ],
  ])('a body in %s is refused, and not guessed at', async (_, headers, body, status, field) => {
    const { apiUrl, server } = await startServer();
    const answer = await call('POST', `${apiUrl}/v1/cursors`, {
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    expect([answer.status, answer.json.field]).toEqual([status, field]);
    expect(server.stats().broadcasts).toBe(0);
  });

  test.each([{}, NDJSON])('a byte-order mark at the start does not matter', async (headers) => {
    const { apiUrl } = await startServer();
    const answer = await postCursors(apiUrl, '\ufeff{"namespace":"a","cursor":"1"}', headers);
    expect([answer.status, answer.json.results.length]).toEqual([200, 1]);
  });

  test('a body over the limit is 413 with the limit, and so is a batch over the most items', async () => {
    const { apiUrl, server } = await startServer({ maxBodySizeBytes: 1000, maxBatchItems: 2 });
    const large = await postCursors(apiUrl, [{ namespace: 'a', cursor: '1', padding: 'x'.repeat(1000) }]);
    expect([large.status, large.json.detail]).toEqual([413, 'Expected a body of at most 1000 bytes']);
    const many = await postCursors(
      apiUrl,
      ['1', '2', '3'].map((cursor) => ({ namespace: 'a', cursor })),
    );
    expect([many.status, many.json.field]).toEqual([413, 'body']);
    expect(many.json.detail).toContain('at most 2 cursors');
    expect(server.stats().broadcasts).toBe(0);
  });

  test('a client that is gone does not count as delivered', async () => {
    const { wsUrl, apiUrl, events } = await startServer();
    const [leaver] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a')];
    leaver?.reset();
    await events.until('closed');
    expect((await postCursors(apiUrl, { namespace: 'a', cursor: '1' })).json.results[0].delivered).toBe(1);
  });
});
