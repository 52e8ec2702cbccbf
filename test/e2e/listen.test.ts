import { afterEach, describe, expect, test } from 'vitest';
import { disposeUpgradeServers } from '../listen/upgrade-server.js';
import { type CliProcess, disposeProcesses, runCli, startCli, startServe } from '../support/cli-process.js';

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
    expect(first).toMatch(/^\d\d:\d\d:\d\d\.\d{3} > cursor 42 \([\d.]+ m?s after connecting\)$/);
    expect(second).toMatch(/ > cursor 41 \(.* after connecting\), not newer: DataFn clients ignore it$/);
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
});
