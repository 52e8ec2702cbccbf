import { afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses, startCli } from '../support/cli-process.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';

const message = (cursor: string | number) => `{"type":"cursor","cursor":"${cursor}"}`;
const line = (namespace: string, cursor: string, delayMs = 0) =>
  JSON.stringify({ namespace, cursor, delayMs });

afterEach(async () => {
  await disposeProcesses();
  await disposeLive();
});

describe('emit', () => {
  test('of a script emits a line of stdin as soon as it comes', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const emit = startCli(['emit', '--file', '-', '--url', apiUrl]);
    emit.write(`${line('a', '1')}\n`);
    expect(await client.received(1)).toEqual([message('1')]);
    expect(emit.exit).toBeUndefined();
    emit.end(line('a', '2'));
    expect((await emit.ended()).code).toBe(0);
    expect(await client.received(2)).toEqual(['1', '2'].map(message));
  });
});

describe('emit that is interrupted', () => {
  test.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s in a range at a rate says what it did, and exits %i', async (signal, exitCode) => {
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const emit = startCli([
      'emit',
      ...['--from', '1', '--to', '1000000', '--rate', '50/s', '-n', 'a', '--url', apiUrl],
    ]);
    await client.received(2);
    emit.kill(signal);
    expect((await emit.ended()).code).toBe(exitCode);
    expect(emit.stdout).toMatch(
      new RegExp(`^\\d+ emits, \\d+ deliveries, 0 failures in [^\\n]*, stopped by ${signal}\\n$`),
    );
    expect(emit.stderr).toBe('');
  });
});
