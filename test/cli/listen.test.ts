import { Writable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Listener } from '../../src/listen/listener.js';
import { accepting, close, cursor, disposeUpgradeServers, upgradeServer } from '../listen/upgrade-server.js';
import { disposeLive, startServer } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';

afterEach(async () => {
  vi.restoreAllMocks();
  await disposeLive();
  await disposeUpgradeServers();
});

describe('listen', () => {
  test.each<[string, string[], string]>([
    ['', [], 'user:alice'],
    ['/datafn', ['--token', 'user:bob'], 'user:bob'],
  ])(
    'takes the HTTP URL of a server%s, and variables of the environment: %j',
    async (path, flags, namespace) => {
      const { apiUrl, events, server } = await startServer();
      const env = { DATAFN_WS_URL: `${apiUrl}${path}`, DATAFN_WS_NAMESPACE: 'user:alice' };
      const listening = runWith(['listen', '--no-reconnect', ...flags], env);
      const [hello] = await events.until('hello');
      server.websocketHandler.broadcastCursor('1', namespace);
      expect(hello?.connection).toMatchObject({ namespace });
      await server.close();
      expect(await listening).toMatchObject({ code: 0, stdout: expect.stringContaining('cursor 1 ') });
    },
  );

  test.each<[string, string[], number, RegExp]>([
    [
      'no token',
      [],
      1,
      /^error: Refused with 4401 Unauthorized: .* or a namespace if the server has --auth dev: -n user:alice\n$/,
    ],
    [
      'another path',
      ['-n', 'a', '--path'],
      1,
      /^error: Refused with HTTP 404: No WebSocket at "\/datafn\/ws\/x"; it is at \/datafn\/ws\. [^\n]*--path\n$/,
    ],
  ])('that is refused for %s ends with what to do', async (_, flags, code, message) => {
    const serve = await startServer();
    const url = flags.includes('--path') ? `${serve.wsUrl}/x` : serve.wsUrl;
    const given = flags.filter((flag) => flag !== '--path');
    expect(await runWith(['listen', '--url', url, ...given])).toEqual({
      code,
      stdout: '',
      stderr: expect.stringMatching(message),
    });
  });

  test('whose output is not read holds the server off, and has every cursor once it is read', async () => {
    const { wsUrl, events, server } = await startServer();
    const [lines, taken] = [[] as string[], [] as (() => void)[]];
    let isRead = false;
    const stdout = new Writable({
      highWaterMark: 1,
      write(chunk, _, done) {
        lines.push(String(chunk));
        if (isRead) done();
        else taken.push(done);
      },
    });
    const [held, released] = (['pause', 'resume'] as const).map((name) => vi.spyOn(Listener.prototype, name));
    const args = ['listen', '-n', 'a', '--url', wsUrl, '--json', '--no-reconnect'];
    const listening = runWith(args, {}, false, '', { stdout: Object.assign(stdout, { isTTY: false }) });
    await events.until('hello');
    await expect.poll(() => taken.length).toBe(1);
    for (const cursor of ['1', '2', '3']) server.websocketHandler.broadcastCursor(cursor, 'a');
    expect([held?.mock.calls.length, released?.mock.calls.length]).toEqual([1, 0]);
    isRead = true;
    taken[0]?.();
    await expect.poll(() => lines.filter((line) => line.includes('"cursor":"3"')).length).toBe(1);
    await server.close();
    expect((await listening).code).toBe(0);
    const cursors = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'cursor');
    expect(cursors.map(({ cursor }) => cursor)).toEqual(['1', '2', '3']);
    expect(released).toHaveBeenCalled();
  });

  test('shows what a hostile server sends, and obeys none of it', async () => {
    const url = await upgradeServer((socket, head) => {
      const hostile = [cursor('\u001b[2J\u009b\u202e1'), cursor('9'.repeat(5000)), close(4401, '\u001b[2J')];
      socket.end(Buffer.concat([Buffer.from(accepting(head)), ...hostile]));
    });
    const { code, stdout, stderr } = await runWith(['listen', '--url', url]);
    expect(code).toBe(1);
    expect(stdout).toContain('cursor \\u001b[2J\\u009b\\u202e1');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(400);
    expect(stderr).toContain('4401 \\u001b[2J');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(stdout + stderr).not.toMatch(/[\u001b\u009b\u202e]/);
  });

  test('without a server is exit 3 with --no-reconnect', async () => {
    const url = await upgradeServer(() => {});
    await disposeUpgradeServers();
    expect(await runWith(['listen', '--url', url, '-n', 'a', '--no-reconnect'])).toEqual({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(
        /^error: Cannot reach ws:.*ECONNREFUSED.* Start one with: npx datafn-ws serve\n$/,
      ),
    });
  });
});

describe('wrong usage of listen is exit 2, and connects to nobody', () => {
  test.each<[string[], Record<string, string>, string]>([
    [['-n', 'a', '-n', 'b'], {}, 'Expected one --namespace, got 2. Run listen once for each'],
    [['-n', 'a', '--token', 'b'], {}, '--token and --namespace both set the token: keep one of them'],
    [['-n', 'a', '--url', 'ws://h/?token=x'], {}, '--namespace and a token in --url both set the token'],
    [
      [],
      { DATAFN_WS_TOKEN: 'a', DATAFN_WS_NAMESPACE: 'b' },
      'DATAFN_WS_TOKEN and DATAFN_WS_NAMESPACE both set the token',
    ],
    [
      ['--url', 'ftp://h'],
      {},
      'Expected --url to be a URL such as ws://127.0.0.1:3001/datafn/ws, got "ftp://h"',
    ],
    [['--url', 'ws://u:p@h'], {}, 'a URL without user and password: pass a token with --token'],
    [['--token', 'a b'], {}, 'got 3 bytes (hidden, as it may be a secret)'],
    [['--tokn', 'a'], {}, 'Did you mean --token?'],
  ])('%j %j', async (flags, env, message) => {
    const { code, stdout, stderr } = await runWith(['listen', ...flags], env);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});
