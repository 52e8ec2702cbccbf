import { afterEach, describe, expect, test } from 'vitest';
import { disposeLive, openClient, startServer } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

afterEach(disposeLive);
const files = temporaryFolder('fault');

async function start() {
  const live = await startServer();
  const fault = (...args: string[]) => runWith(['fault', ...args, '--url', live.apiUrl]);
  return { ...live, fault };
}

describe('fault', () => {
  test('set makes a client lose its next cursor, list counts it, and clear ends it', async () => {
    const { wsUrl, server, fault } = await start();
    const client = await openClient(wsUrl, 'user:alice');
    expect(await fault('set', 'drop', '-n', 'user:alice', '--next', '1')).toEqual({
      code: 0,
      stdout: 'drop  namespace user:alice; next 1; has not struck yet\nTo stop: npx datafn-ws fault clear\n',
      stderr: '',
    });
    const emit = (cursor: string) => server.websocketHandler.broadcastCursor(cursor, 'user:alice');
    emit('1');
    emit('2');
    expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"2"}']);
    expect((await fault('list')).stdout).toBe(
      'drop  namespace user:alice; next 1; has struck 1 time, over\n',
    );
    expect(await fault('clear')).toMatchObject({ code: 0, stdout: 'no faults\n' });
    expect((await fault('list', '--json')).stdout).toBe('{"seed":1,"rules":[],"isActive":false}\n');
  });

  test('set takes settings with units and without, and --add keeps what is there', async () => {
    const { fault } = await start();
    await fault(
      'set',
      'delay',
      'delay=2s',
      'jitter=500ms',
      '--for',
      '1m',
      '--probability',
      '0.5',
      '--seed',
      '7',
    );
    await fault('set', 'bandwidth', 'bytes-per-second=4KiB', '--client-id', 'tab-1', '--add');
    const { stdout } = await fault('list', '--json');
    const counts = { seen: 0, used: 0, isOver: false };
    expect(JSON.parse(stdout)).toEqual({
      seed: 7,
      rules: [
        { fault: 'delay', delayMs: 2000, jitterMs: 500, probability: 0.5, forMs: 60_000, counts },
        { fault: 'bandwidth', bytesPerSecond: 4096, match: { clientId: 'tab-1' }, counts },
      ],
      isActive: true,
    });
    await fault('set', 'junk', 'text=42');
    expect((await fault('list')).stdout).toContain('junk  all clients; text 42; has not struck yet');
  });

  test('set takes a preset for a namespace, and a file', async () => {
    const { fault } = await start();
    expect((await fault('set', '--preset', 'silent-nat', '-n', 'user:bob')).stdout).toContain(
      'half-open  namespace user:bob; on cursor, every 10; has not struck yet',
    );
    const file = files.file('faults.json', '{"seed":3,"rules":[{"fault":"hold"}]}');
    expect((await fault('set', '--file', file)).stdout).toContain('hold  all clients; has not struck yet');
    const piped = await runWith(
      ['fault', 'set', '--file', '-', '--url', (await start()).apiUrl],
      {},
      false,
      '{"rules":[{"fault":"duplicate"}]}',
    );
    expect(piped).toMatchObject({ code: 0, stdout: expect.stringMatching(/^duplicate {2}all clients/) });
  });

  test('without a server is exit 3, and a server without faults is exit 1 with what to do', async () => {
    const live = await startServer({ namespaceProvider: () => 'a' });
    const refused = await runWith(['fault', 'list', '--url', live.apiUrl]);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('Faults are not enabled on this server');
    expect(refused.stderr).toContain('--enable-faults');
    await live.server.close();
    expect((await runWith(['fault', 'list', '--url', live.apiUrl])).code).toBe(3);
  });

  test.each([
    [['st'], 'Expected set, list or clear, got "st". Did you mean `set`?'],
    [['set'], 'Expected the name of a fault, --preset or --file, got none of them'],
    [['set', 'drop', '--preset', 'deploy'], 'got several'],
    [['set', 'dorp'], 'Expected the name of a fault, got "dorp". Did you mean `drop`?'],
    [['set', 'delay'], 'Expected `delay` to be a duration such as 200ms, got nothing'],
    [['set', 'delay', 'dealy=5'], 'Unknown setting "dealy" of delay. Did you mean `delay`?'],
    [['set', 'delay', '5'], 'Expected a setting to be NAME=VALUE, such as delay=200ms, got "5"'],
    [['set', 'drop', 'delay=5'], 'Unknown setting "delay" of drop. drop has no settings'],
    [['set', 'drop', '--probability', '2'], 'Expected --probability to be a number from 0 to 1, got "2"'],
    [['set', '--preset', 'deploi'], 'did you mean deploy?'],
    [['set', '--preset', 'deploy', '--next', '1'], 'Expected --next with the name of a fault only'],
    [['set', '--preset', 'deploy', '--add'], 'Expected --add without --preset'],
    [['set', 'delay', 'delay=soon'], 'Expected `delay` to be a duration such as 200ms, got "soon"'],
    [['set', 'delay', 'delay=true'], 'Expected `delay` to be a duration such as 200ms, got true'],
    [['list', 'drop'], 'Expected nothing after list, got "drop"'],
    [['clear', 'drop'], 'Expected nothing after clear, got "drop"'],
  ])('%j is exit 2 with what is wrong', async (args, words) => {
    // Nothing is asked of a server.
    const { code, stdout, stderr } = await runWith(['fault', ...args, '--url', 'http://127.0.0.1:9']);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(words)]);
  });

  test.each([
    ['{', 'Expected --file to be JSON: '],
    ['{"rules":[{"fault":"dorp"}]}', 'Did you mean `drop`?'],
  ])('set --file - with %s on stdin is exit 2 with what is wrong', async (input, words) => {
    const args = ['fault', 'set', '--file', '-', '--url', 'http://127.0.0.1:9'];
    const { code, stderr } = await runWith(args, {}, false, input);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
  });

  test.each([
    [['--faults', 'deploy'], 'Expected --workers without --faults: faults are those of one process'],
    [['--enable-faults'], 'Expected --workers without --enable-faults: faults are those of one process'],
  ])('serve --workers with %j is exit 2', async (flags, words) => {
    const { code, stdout, stderr } = await runWith(['serve', '--check', '--workers', '2', ...flags]);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(words)]);
  });
});
