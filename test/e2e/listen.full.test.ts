import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { disposeUpgradeServers, upgradeServer } from '../listen/upgrade-server.js';
import {
  BIN,
  type CliProcess,
  disposeProcesses,
  runCli,
  startCli,
  startServe,
} from '../support/cli-process.js';
import { within } from '../support/deadline.js';

afterEach(async () => {
  await disposeProcesses();
  await disposeUpgradeServers();
});

const UNHURRIED = ['--heartbeat-interval', '30s'];

async function connected(listen: CliProcess): Promise<void> {
  await listen.logged(/\+ connected to ws:/);
}

describe('listen', () => {
  test('with --no-reconnect ends when the server shuts down, with 0', async () => {
    const serve = await startServe(UNHURRIED);
    const listen = startCli(['listen', '--url', serve.wsUrl, '-n', 'a', '--no-reconnect']);
    await connected(listen);
    serve.kill('SIGTERM');
    expect(await listen.ended()).toEqual({ code: 0, signal: null });
    expect(listen.stderr).toContain('- closed with 1001 Going Away: the server is shutting down\n');
  });

  test('that is refused because the server is full tries again, and is let in when there is room', async () => {
    const serve = await startServe([...UNHURRIED, '--max-connections', '1']);
    const first = startCli(['listen', '--url', serve.wsUrl, '-n', 'a']);
    await connected(first);
    const second = startCli(['listen', '--url', serve.wsUrl, '-n', 'a']);
    expect(await second.logged(/4503/)).toMatch(
      /x refused with 4503 Connection limit reached: the server has reached its client limit \(retrying in [\d.]+ s\)$/,
    );
    first.kill('SIGTERM');
    expect((await first.ended()).code).toBe(143);
    await connected(second);
  });

  test('without a server waits for one', async () => {
    const url = await upgradeServer(() => {});
    await disposeUpgradeServers();
    const waiting = startCli(['listen', '--url', url, '-n', 'a']);
    await waiting.logged(/ECONNREFUSED .*\(retrying in [\d.]+ s\)$/);
    // The same words once more would hide the rest.
    await waiting.logged(/x same as before \(retrying in [\d.]+ s\)$/);
    await startServe([...UNHURRIED, '--port', new URL(url).port]);
    await connected(waiting);
  });

  test('ends with its reader', async () => {
    const serve = await startServe(UNHURRIED);
    const shell = spawn(
      'bash',
      [
        '-c',
        'set -o pipefail; "$0" "$1" listen --url "$2" -n a --json | head -n 1',
        process.execPath,
        BIN,
        serve.wsUrl,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const exit = once(shell, 'exit');
    await serve.logged(/says hello/);
    await within(once(shell.stdout, 'data'), 'the first line');
    // It notices at the next line that nobody reads any more.
    await runCli(['emit', '--from', '1', '--to', '3', '--rate', '5/s', '-n', 'a', '--url', serve.apiUrl]);
    expect(await within(exit, 'the end of the pipeline')).toEqual([0, null]);
  });
});
