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

const eventsOf = (listen: CliProcess) =>
  listen.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('listen', () => {
  test('prints each cursor of its namespace to stdout, with the time and since when it is connected', async () => {
    const serve = await startServe(UNHURRIED);
    const listen = startCli(['listen', '--url', serve.wsUrl, '-n', 'user:alice']);
    await connected(listen);
    expect(await serve.logged(/says hello/)).toMatch(/#1 user:alice says hello as listen-[0-9a-f]{6}$/);
    await runCli(['emit', '42', '-n', 'user:alice', '--url', serve.apiUrl]);
    await runCli(['emit', '1', '-n', 'user:bob', '--url', serve.apiUrl]);
    await runCli(['emit', '41', '-n', 'user:alice', '--url', serve.apiUrl]);
    await listen.until(() => listen.stdout.split('\n').length > 2, 'two cursors');
    const [first, second, rest] = listen.stdout.split('\n');
    expect(first).toMatch(/^\d\d:\d\d:\d\d\.\d{3} > cursor 42 {2}[\d.]+ m?s after connecting$/);
    expect(second).toMatch(/ > cursor 41 {2}.* after connecting, not newer: DataFn clients ignore it$/);
    expect(rest).toBe('');
    listen.kill('SIGINT');
    expect(await listen.ended()).toEqual({ code: 130, signal: null });
    expect(await serve.logged(/closed by the client/)).toMatch(/closed by the client with 1000$/);
  });

  test('with --json prints all of it as lines of JSON, and connects again when the server is back', async () => {
    const first = await startServe(UNHURRIED);
    const listen = startCli(['listen', '--url', first.wsUrl, '-n', 'a', '--json']);
    await listen.until(() => eventsOf(listen).length > 0, 'the connection');
    await runCli(['emit', '7', '-n', 'a', '--url', first.apiUrl]);
    await listen.until(() => eventsOf(listen).length > 1, 'the cursor');
    first.kill('SIGTERM');
    await listen.until(() => eventsOf(listen).length > 2, 'the close');
    await first.ended();
    // Whether it finds nobody in between depends on who is faster.
    await startServe([...UNHURRIED, '--port', new URL(first.wsUrl).port]);
    const isBack = () => eventsOf(listen).filter(({ event }) => event === 'connected').length === 2;
    await listen.until(isBack, 'the second connection');
    const [connection, message, end, ...later] = eventsOf(listen);
    expect(connection).toMatchObject({ event: 'connected', url: first.wsUrl });
    expect(message).toMatchObject({ event: 'cursor', cursor: '7', isNewer: true });
    expect(Date.parse(String(message?.connectedAt))).toBeLessThanOrEqual(Date.parse(String(message?.time)));
    expect(end).toMatchObject({ event: 'closed', code: 1001, reason: 'Going Away' });
    expect(end?.retryInMs).toBeGreaterThanOrEqual(1000);
    expect(end?.retryInMs).toBeLessThan(1500);
    expect(new Set(later.map(({ event }) => event))).toEqual(
      later.length > 1 ? new Set(['failed', 'connected']) : new Set(['connected']),
    );
    expect(listen.stderr).toBe('');
  });

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
