import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses, startCli } from '../support/cli-process.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';

const message = (cursor: string | number) => `{"type":"cursor","cursor":"${cursor}"}`;
const line = (namespace: string, cursor: string, delayMs = 0) =>
  JSON.stringify({ namespace, cursor, delayMs });
const folders: string[] = [];

afterEach(async () => {
  await disposeProcesses();
  await disposeLive();
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

describe('emit that is interrupted', () => {
  test('while it waits for a line of stdin ends at once, with a JSON summary that says so', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const emit = startCli(['emit', '--file', '-', '--url', apiUrl, '--json']);
    emit.write(`${line('a', '1')}\n`);
    await client.received(1);
    await emit.until(() => emit.stdout.includes('emitted'), 'the line of the first cursor');
    emit.kill('SIGINT');
    expect((await emit.ended()).code).toBe(130);
    const summary = JSON.parse(emit.stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(summary).toMatchObject({ event: 'summary', cursors: 1, deliveries: 1, aborted: true });
  });

  test('while it waits for a line of a named pipe ends at once', async () => {
    const pipe = join(await mkdtemp(join(tmpdir(), 'datafn-ws-test-')), 'pipe');
    folders.push(dirname(pipe));
    execFileSync('mkfifo', [pipe]);
    const { wsUrl, apiUrl } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const emit = startCli(['emit', '--file', pipe, '--url', apiUrl]);
    const writer = await open(pipe, 'w');
    await writer.write(`${line('a', '1')}\n`);
    expect(await client.received(1)).toEqual([message('1')]);
    emit.kill('SIGINT');
    expect((await emit.ended()).code).toBe(130);
    await writer.close();
  });

  test('while a server keeps it waiting ends at once', async () => {
    const silent = createServer();
    const connected = once(silent, 'connection');
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const emit = startCli(['emit', '1', '-n', 'a', '--url', url]);
    const [socket] = await connected;
    await once(socket, 'data');
    emit.kill('SIGINT');
    const { code } = await emit.ended();
    socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
    expect(code).toBe(130);
    expect(emit.stdout).toMatch(/^0 emits, 0 deliveries, 0 failures in [^\n]*, stopped by SIGINT\n$/);
  });
});
