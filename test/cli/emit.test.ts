import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { MemoryEngine, memoryBackplane } from '../../src/backplane/memory.js';
import { eventually } from '../backplane/recorded-node.js';
import { EVENT_WITHIN_MS } from '../support/deadline.js';
import { call } from '../support/http-call.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';

const message = (cursor: string | number) => `{"type":"cursor","cursor":"${cursor}"}`;
const line = (namespace: string, cursor: string, delayMs = 0) =>
  JSON.stringify({ namespace, cursor, delayMs });
const folders: string[] = [];

/** A script in a file of its own. */
async function scriptFile(...lines: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'datafn-ws-test-'));
  folders.push(folder);
  const file = join(folder, 'script.ndjson');
  await writeFile(file, lines.join('\n'));
  return file;
}

afterEach(async () => {
  await disposeLive();
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

describe('emit', () => {
  test('into several namespaces reaches each, and sums up', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const [a, b, c] = [
      await openClient(wsUrl, 'a'),
      await openClient(wsUrl, 'b'),
      await openClient(wsUrl, 'c'),
    ];
    const { code, stdout, stderr } = await runWith(['emit', '42', '-n', 'a', '-n', 'b', '--url', apiUrl]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^2 emits, 2 deliveries, 0 failures in .+\n$/);
    expect(await a.received(1)).toEqual([message(42)]);
    expect(await b.received(1)).toEqual([message(42)]);
    await c.roundTrip();
    expect(c.texts).toEqual([]);
  });

  test('on a terminal shows how far it has come, in a line that it clears', async () => {
    const { apiUrl } = await startServer();
    const cursor = '1'.repeat(40);
    const { code, stderr } = await runWith(['emit', cursor, '-n', 'a', '--url', apiUrl], {}, true);
    expect(code).toBe(0);
    expect(stderr).toBe(`\r\x1b[K1 emit, 0 deliveries, now at ${'1'.repeat(24)}\r\x1b[K`);
  });

  test('shows what cannot be seen and what a CI system obeys, in words and in JSON, whose values stay the same', async () => {
    const { apiUrl } = await startServer();
    const [cursor, namespace] = ['4\u202e2\u200b', 'a\u{e0001}##[error]x'];
    const args = ['emit', cursor, '-n', namespace, '--url', apiUrl];
    const [words, json] = [await runWith(args), await runWith([...args, '--json'])];
    expect(words.stdout).toContain('cursor 4\\u202e2\\u200b to a\\udb40\\udc01#\\u0023[error]x: 0 clients');
    for (const { code, stdout } of [words, json]) {
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/\p{Cf}|##\[/u);
    }
    expect(JSON.parse(json.stdout.split('\n')[0] as string)).toMatchObject({
      event: 'emitted',
      cursor,
      namespace,
    });
  });

  test.each([
    ['stdout', ['--from', '1', '--to', '500', '-n', 'a', '--json']],
    ['stderr', ['--file', 'SCRIPT', '--keep-going']],
  ] as const)(
    'whose %s is not read holds back after a line, and goes on when it is read',
    async (name, flags) => {
      const { apiUrl, events } = await startServer();
      const script = await scriptFile(...Array.from({ length: 500 }, () => '{nope'), line('a', 'last'));
      const held: (() => void)[] = [];
      let isRead = false;
      const unread = new Writable({
        highWaterMark: 1,
        write: (_, __, done) => void (isRead ? done() : held.push(done)),
      });
      const args = flags.map((word) => (word === 'SCRIPT' ? script : word));
      const running = runWith(['emit', ...args, '--url', apiUrl], {}, false, '', { [name]: unread });
      await vi.waitFor(() => expect(held).toHaveLength(1), { timeout: EVENT_WITHIN_MS });
      // What is not held back would have been emitted by now.
      for (let count = 0; count < 50; count++) await runWith(['emit', '42', '-n', 'b', '--url', apiUrl]);
      const emitted = () => events.of('broadcast').filter(({ namespace }) => namespace === 'a').length;
      expect(emitted()).toBeLessThan(2);
      expect(unread.writableLength).toBeLessThan(1000);
      isRead = true;
      for (const done of held) done();
      expect((await running).code).toBe(name === 'stdout' ? 0 : 1);
      expect(emitted()).toBe(name === 'stdout' ? 500 : 1);
    },
  );

  test('to nobody says so, and is no failure', async () => {
    const { apiUrl } = await startServer();
    const { code, stdout } = await runWith(['emit', '42', '-n', 'a', '--url', apiUrl]);
    expect([code, stdout]).toEqual([
      0,
      'cursor 42 to a: 0 clients (no clients are connected in that namespace, or a fault is on)\n',
    ]);
  });

  test('of several cursors to nobody says so as well', async () => {
    const { apiUrl } = await startServer();
    const { code, stdout } = await runWith(['emit', '--from', '1', '--to', '7', '-n', 'a', '--url', apiUrl]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^7 emits, 0 deliveries, 0 failures in .+ \(no clients are connected in these namespaces, or a fault is on; to list namespaces with clients: npx datafn-ws who\)\n$/,
    );
  });

  test('of a range at a rate emits every cursor in order, in the time that it takes', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const { code, stdout } = await runWith([
      'emit',
      ...['--from', '8', '--to', '12', '--rate', '20/s', '-n', 'a', '--url', apiUrl, '--json'],
    ]);
    expect(code).toBe(0);
    expect(await client.received(5)).toEqual([8, 9, 10, 11, 12].map(message));
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(lines.slice(0, -1)).toEqual(
      ['8', '9', '10', '11', '12'].map((cursor) => ({
        event: 'emitted',
        namespace: 'a',
        cursor,
        delivered: 1,
      })),
    );
    expect(lines.at(-1)).toMatchObject({
      event: 'summary',
      cursors: 5,
      deliveries: 5,
      failures: 0,
      aborted: false,
    });
    // Four intervals of 50 ms; a timer may fire a millisecond early.
    expect(lines.at(-1).elapsedMs).toBeGreaterThan(195);
  });

  test('--reset makes the first cursor of each namespace its newest, and no other', async () => {
    const { apiUrl } = await startServer({ monotonic: true });
    const emit = (...args: string[]) => runWith(['emit', ...args, '--url', apiUrl]);
    await emit('1000', '-n', 'a');
    expect((await emit('3', '-n', 'a')).code).toBe(1);
    expect((await emit('--from', '3', '--to', '5', '-n', 'a', '-n', 'b', '--reset')).code).toBe(0);
    expect((await emit('4', '-n', 'a')).stderr).toContain('at least 5');
    const file = await scriptFile(
      line('a', '2'),
      'junk',
      line('a', '1'),
      '{"namespace":"b","cursor":"1","reset":true}',
    );
    const { code, stderr } = await emit('--file', file, '--reset', '--keep-going');
    expect(code).toBe(1);
    expect(stderr).toMatch(/Line 2.*at least 2/s);
    expect((await emit('1', '-n', 'b')).code).toBe(0);
    const wrong = await emit('--file', await scriptFile('{"namespace":"a","cursor":"1","reset":1}'));
    expect(wrong.stderr).toContain('Line 1: expected `reset` to be true or false, got 1');
  });

  test('of a script emits each line, from a file and from stdin', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const [a, b] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'b')];
    const lines = [line('a', '1'), '', line('b', '2', 20), line('a', '3')];
    const file = await scriptFile(...lines);
    const fromFile = await runWith(['emit', '--file', file, '--url', apiUrl]);
    expect([fromFile.code, fromFile.stdout]).toEqual([
      0,
      expect.stringMatching(/^3 emits, 3 deliveries, 0 f/),
    ]);
    const fromStdin = await runWith(['emit', '--file', '-', '--url', apiUrl], {}, false, lines.join('\r\n'));
    expect(fromStdin.code).toBe(0);
    expect(await a.received(4)).toEqual(['1', '3', '1', '3'].map(message));
    expect(await b.received(2)).toEqual(['2', '2'].map(message));
  });

  test('of a script with a bad line stops there with its number, exit 1; with --keep-going it goes on', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const file = await scriptFile(line('a', '1'), '{nope', line('a', '\u001b'), line('a', '4'));
    const stopped = await runWith(['emit', '--file', file, '--url', apiUrl]);
    expect([stopped.code, stopped.stdout]).toEqual([1, '']);
    expect(stopped.stderr).toMatch(/^error: Line 2: expected JSON such as [^\n]*\n$/m);
    expect(await client.received(1)).toEqual([message('1')]);

    const wentOn = await runWith(['emit', '--file', file, '--url', apiUrl, '--keep-going']);
    expect(wentOn.code).toBe(1);
    expect(wentOn.stdout).toMatch(/^2 emits, 2 deliveries, 2 failures in /);
    expect(wentOn.stderr).toMatch(/^error: Line 2: [^\n]*\nerror: Line 3: [^\n]*control characters[^\n]*\n$/);
    expect(await client.received(3)).toEqual(['1', '1', '4'].map(message));
  });

  test('with an admin token is let in; without, or with a wrong one, it is exit 1 with the flag, and no token shows', async () => {
    const { apiUrl } = await startServer({ adminToken: 'sesame-right' });
    const args = ['emit', '1', '-n', 'a', '--url', apiUrl];
    const fromEnv = await runWith(args, { DATAFN_WS_ADMIN_TOKEN: 'sesame-right' });
    const flagFirst = await runWith([...args, '--admin-token', 'sesame-right'], {
      DATAFN_WS_ADMIN_TOKEN: 'sesame-wrong',
    });
    expect([fromEnv.code, flagFirst.code]).toEqual([0, 0]);
    const refused = [await runWith(args), await runWith([...args, '--admin-token', 'sesame-wrong'])];
    for (const { code, stdout, stderr } of refused) {
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^error: http:[^\n]* refused: 401 [^\n]*--admin-token[^\n]*\n$/);
    }
    expect(JSON.stringify([fromEnv, flagFirst, refused])).not.toContain('sesame');
  });

  test('the URL and the namespaces may come from the environment', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const { code } = await runWith(['emit', '42'], { DATAFN_WS_URL: apiUrl, DATAFN_WS_NAMESPACE: 'a' });
    expect(code).toBe(0);
    expect(await client.received(1)).toEqual([message(42)]);
  });
});

describe('emit to a server of a cluster', () => {
  test('says whose clients it counts, and whether the others get the cursor now or later', async () => {
    const engine = new MemoryEngine();
    let isAway = false;
    const connect: typeof engine.connect = (...args) =>
      isAway ? Promise.reject(new Error('refused')) : engine.connect(...args);
    const [a, b] = await Promise.all(
      [1, 2].map(() => startServer({ backplane: memoryBackplane(engine, { connect }) })),
    );
    const { apiUrl } = a as NonNullable<typeof a>;
    await openClient((b as NonNullable<typeof b>).wsUrl, 'a');
    await eventually(
      async () => (await call('GET', `${apiUrl}/v1/cluster`)).json.nodes.length === 2,
      'both servers',
    );
    const emit = (...flags: string[]) => runWith(['emit', ...flags, '-n', 'a', '--url', apiUrl]);
    expect(await emit('42')).toMatchObject({
      code: 0,
      stdout: 'cursor 42 to a: 0 clients of this server, and sent to 1 other server\n',
    });
    const { stdout } = await emit('43', '--json');
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({
      delivered: 0,
      replicated: true,
      nodes: 2,
    });
    isAway = true;
    engine.disconnect('pulled');
    expect(await emit('44')).toMatchObject({
      code: 0,
      stdout:
        'cursor 44 to a: 0 clients of this server (the rest of the cluster gets it later: its engine did not answer)\n',
    });
  });
});

describe('emit without a server of ours', () => {
  test('where nobody listens is exit 3, with a hint, and without a stack; --json changes nothing', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
    const { code, stdout, stderr } = await runWith(['emit', '1', '-n', 'a', '--url', url, '--json']);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^error: Cannot reach http:[^\n]*ECONNREFUSED[^\n]*datafn-ws serve\n$/);
  });

  test('where somebody else answers is exit 1, and says so', async () => {
    const server = createHttpServer((_, response) => response.end('{"results":[null]}')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stderr } = await runWith(['emit', '1', '-n', 'a', '--url', url]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]*is it a datafn-ws server\?\n$/);
  });
});
