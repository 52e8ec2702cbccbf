import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryBackend } from '../../../src/server/backend/memory-backend.js';
import { StateFile } from '../../../src/server/backend/state-file.js';
import { restore } from '../../../src/server/backend/state-text.js';
import { Store } from '../../../src/server/backend/store.js';
import { BackendCaller } from '../../support/backend-call.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';
import { RecordingLogger } from '../../support/recording-logger.js';

afterEach(async () => {
  await disposeLive();
  rmSync(folder, { recursive: true });
});

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datafn-ws-state-'));
  file = join(folder, 'state.json');
});

async function start(backendFile = file) {
  const live = await startServer({ backendFile });
  return { ...live, backend: new BackendCaller(live.apiUrl) };
}

describe('a server with a file for its backend', () => {
  test('goes on from its last cursor, even where the clock has gone back', async () => {
    const before = await start();
    const { cursor } = await before.backend.inserts('task:1');
    await before.server.close();
    const ahead = Number(cursor) + 1e12;
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(`"seq":${cursor}`, `"seq":${ahead}`));
    const after = new BackendCaller((await start()).apiUrl, 'user:alice', 'tab-b');
    expect(await after.inserts('task:2')).toMatchObject({ cursor: String(ahead + 1) });
  });

  test('has after a restart what it had: rows, deletions, relations, cursors, and what was pushed', async () => {
    const before = await start();
    const insert = before.backend.mutation('insert', 'task:1', {
      record: { title: 'ä' },
      relations: { tags: 'tag:1' },
    });
    await before.backend.push(insert, before.backend.mutation('insert', 'task:2', { record: {} }));
    const { cursor } = (await before.backend.push(before.backend.mutation('delete', 'task:2'))).json.result;
    const names = { task: '0', join_task_tags_tag: '0' };
    const had = await before.backend.pulls(names);
    await before.server.close();

    const after = await start();
    expect(await after.backend.pulls(names)).toEqual(had);
    const again = (await after.backend.push(insert)).json.result;
    expect(again.applied).toEqual([insert.mutationId]);
    expect(Number((await after.backend.inserts('task:3')).cursor)).toBeGreaterThan(Number(cursor));
  });

  test('tells a client that comes back what it missed, before anyone pushes again', async () => {
    const before = await start();
    const { cursor } = await before.backend.inserts('task:1');
    await before.server.close();
    const { wsUrl } = await start();
    const client = await openClient(wsUrl, 'user:alice');
    client.say(JSON.stringify({ type: 'hello', clientId: 'c', cursors: { task: '0' } }));
    expect(await client.received(1)).toEqual([`{"type":"cursor","cursor":"${cursor}"}`]);
  });

  test('writes the file at once, so that one that cannot be written is found at the start', async () => {
    await start();
    expect(existsSync(file)).toBe(true);
    await expect(start(join(folder, 'missing', 'state.json'))).rejects.toThrow(
      /^Expected --backend-file .* to be a file that can be read and written: ENOENT/,
    );
    await expect(start(folder)).rejects.toThrow(/EISDIR/);
  });

  test('refuses data that takes more than it may, and leaves it alone', async () => {
    const { backend, server } = await start();
    await backend.inserts('task:1', { text: 'x'.repeat(10_000) });
    await server.close();
    const text = readFileSync(file, 'utf8');
    await expect(startServer({ backendFile: file, backendMaxBytes: 5000 })).rejects.toThrow(
      /to take at most --backend-max .* 5000 bytes, got 1\d{4}/,
    );
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});

describe('a store that changes', () => {
  const store = () => new Store(1_000_000, Date.now);
  const insert = (into: Store, id: string) =>
    new MemoryBackend(into, Date.now).answer({
      method: 'POST',
      route: 'push',
      namespace: 'a',
      body: [{ clientId: 'c', mutationId: id, resource: 'task', operation: 'insert', id, record: {} }],
    });

  test('is saved soon after the first change, with those that have come by then', async () => {
    const [from, into] = [store(), store()];
    const state = await StateFile.load(file, from, new RecordingLogger(), 20);
    from.onChange = () => state.changed();
    const empty = readFileSync(file, 'utf8');
    insert(from, '1');
    insert(from, '2');
    expect(readFileSync(file, 'utf8')).toBe(empty);
    await expect.poll(() => readFileSync(file, 'utf8')).not.toBe(empty);
    await state.stop();
    expect(restore(readFileSync(file, 'utf8'), into)).toBeUndefined();
    expect([...(into.namespaces.get('a')?.streams.get('task')?.live() ?? [])]).toHaveLength(2);
    expect([into.bytes, readdirSync(folder)]).toEqual([from.bytes, ['state.json']]);
  });

  test('is whole in the file whenever that is read, while it is saved again and again', async () => {
    const from = store();
    const state = await StateFile.load(file, from, new RecordingLogger(), 0);
    from.onChange = () => state.changed();
    for (let index = 0; index < 300; index++) {
      insert(from, `${index}`);
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(restore(readFileSync(file, 'utf8'), store())).toBeUndefined();
    }
    await state.stop();
  });

  test('of more than fits into one write is whole in the file', async () => {
    const [from, into] = [store(), store()];
    const state = await StateFile.load(file, from, new RecordingLogger(), 0);
    from.onChange = () => state.changed();
    for (let index = 0; index < 2000; index++) insert(from, `${index}${'x'.repeat(100)}`);
    await state.stop();
    const text = readFileSync(file, 'utf8');
    expect(text.length).toBeGreaterThan(512 * 1024);
    expect(restore(text, into)).toBeUndefined();
    expect([into.bytes, into.outcomes.size]).toEqual([from.bytes, 2000]);
  });

  test('whose file cannot be saved any more is said once, and saved when that is over', async () => {
    const logger = new RecordingLogger();
    const from = store();
    const state = await StateFile.load(file, from, logger, 0);
    from.onChange = () => state.changed();
    mkdirSync(`${file}.tmp`);
    insert(from, '1');
    await expect.poll(() => logger.entries.length).toBe(1);
    insert(from, '2');
    await state.stop();
    expect(logger.entries).toMatchObject([
      { level: 'error', message: 'The data of the backend could not be saved' },
    ]);
    rmSync(`${file}.tmp`, { recursive: true });
    await state.stop();
    expect(readFileSync(file, 'utf8')).toContain('["2",');
  });
});

describe('a broken file is refused with its place', () => {
  const rows = (text: string) =>
    `{"format":"datafn-ws backend","version":1,"namespaces":{\n"a":{"seq":9,"tables":{\n"task":[\n${text}\n]}}},"mutations":[]}`;
  test.each([
    ['cut off', rows('["1",5,{}]').slice(0, 90), '4:1'],
    ['a comma too many', rows('["1",5,{}],'), '5:1'],
    ['a stray word', rows('["1",5,{]'), '4:9'],
    ['not a row', rows('["1",5,{}],\n7'), '5:1'],
    ['a number that falls', rows('["1",5,{}],\n["2",5,{}]'), '5:6'],
    ['a row that is text', rows('["1",5,"x"]'), '4:8'],
    [
      'a mutation without an outcome',
      rows('["1",5,{}]').replace('"mutations":[]', '"mutations":\n[["m1",{"ok":true}],\n["m2",{}]]'),
      '7:1',
    ],
    ['another JSON', '{\n"name": "datafn-ws"}', '1:1'],
    ['another version', '{"format":"datafn-ws backend",\n"version":2}', '2:11'],
    ['empty', '', '1:1'],
  ])('%s', async (_, text, place) => {
    writeFileSync(file, text);
    await expect(start()).rejects.toThrow(
      new RegExp(
        `^${file.replaceAll('.', '\\.')}:${place}: expected [^\\n]+\\nThe backend's data is not read from a broken file`,
      ),
    );
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});
