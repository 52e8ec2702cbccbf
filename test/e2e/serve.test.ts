import { afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses, runCli, startCli, startServe } from '../support/cli-process.js';
import { call } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { SMUGGLED, visitedServe } from '../support/visited-serve.js';

/** Gives a client, that may be stopped for seconds, all the time it needs to answer a close. */
const UNHURRIED = ['--close-timeout', '10m', '--shutdown-timeout', '10m'];
const GOING_AWAY = { code: 1001, reason: 'Going Away' };

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('serve', () => {
  test('with --json prints exactly one line to stdout, and a cursor emitted by the CLI reaches its namespace alone', async () => {
    const serve = await startServe();
    const [alice, bob] = [
      await openClient(serve.wsUrl, 'user:alice'),
      await openClient(serve.wsUrl, 'user:bob'),
    ];
    const emitted = await runCli(['emit', '42', '-n', 'user:alice', '--url', serve.apiUrl]);
    expect(emitted).toEqual({ code: 0, stdout: 'cursor 42 to user:alice: 1 client\n', stderr: '' });
    expect(await alice.received(1)).toEqual(['{"type":"cursor","cursor":"42"}']);
    await Promise.all([alice.roundTrip(), bob.roundTrip()]);
    expect([alice.texts.length, bob.texts.length]).toEqual([1, 0]);

    const stranger = await openClient(serve.wsUrl);
    expect(await stranger.closed()).toEqual({ code: 4401, reason: 'Unauthorized' });

    serve.kill('SIGTERM');
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    expect(serve.stdout).toBe(`${JSON.stringify(serve.listening)}\n`);
    const { port } = new URL(serve.apiUrl);
    expect(serve.listening).toEqual({
      event: 'listening',
      wsUrl: `ws://127.0.0.1:${port}/datafn/ws`,
      apiUrl: `http://127.0.0.1:${port}`,
      pid: serve.pid,
    });
  });

  test('greets a person with a URL to paste and an emit command that works as it stands', async () => {
    const serve = startCli(['serve', '-p', '0']);
    await serve.until(() => serve.stdout.includes('Ctrl-C'), 'the banner');
    expect(serve.stdout).not.toContain('\u001b');
    const wsUrl = /ws:\/\/\S+/.exec(serve.stdout)?.[0] ?? '';
    const command = /npx datafn-ws (emit .+)/.exec(serve.stdout)?.[1]?.split(' ') ?? [];
    const client = await openClient(wsUrl);
    expect((await runCli(command)).code).toBe(0);
    expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"42"}']);
  });

  // SIGINT: `serve.full.test.ts`.
  test.each(['SIGTERM'] as const)('on %s closes everybody with 1001 and exits 0', async (signal) => {
    const serve = await startServe(UNHURRIED);
    const clients = [await openClient(serve.wsUrl, 'a'), await openClient(serve.wsUrl, 'b')];
    serve.kill(signal);
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    expect(serve.stderr).toContain(`${signal}: closing 2 clients with 1001`);
    expect(serve.stderr).toContain('stopped: 2 sockets ended; 2 clients left with 1001');
  });

  test('without a client says only that it stops', async () => {
    const serve = await startServe(UNHURRIED);
    serve.kill('SIGTERM');
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    expect(serve.stderr).toMatch(/ SIGTERM: stopping \(no clients connected\)\n\S+ +stopped\n$/);
  });

  test('exits at once on a second signal, whoever is left', async () => {
    const serve = await startServe(UNHURRIED);
    const client = await openClient(serve.wsUrl, 'a', { answersClose: false });
    serve.kill('SIGTERM');
    await client.closed();
    expect((await call('GET', `${serve.apiUrl}/readyz`)).status).toBe(503);
    expect(serve.exit).toBeUndefined();
    // It would wait for ten minutes.
    serve.kill('SIGTERM');
    expect(await serve.ended()).toEqual({ code: 143, signal: null });
  });

  test('ends, with 1001 to everybody, when the process that started it is gone', async () => {
    const serve = await startServe();
    const client = await openClient(serve.wsUrl, 'a');
    serve.child.disconnect();
    expect(await client.closed()).toEqual(GOING_AWAY);
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
  });

  test('obeys environment variables, and flags before them', async () => {
    const serve = await startServe(['--max-connections', '2'], {
      env: {
        DATAFN_WS_PORT: 'not-looked-at',
        DATAFN_WS_PATH: '/sync',
        DATAFN_WS_MAX_CONNECTIONS: '1',
        DATAFN_WS_MAX_CONNECTIONS_PER_NAMESPACE: '1',
        DATAFN_WS_ANONYMOUS_NAMESPACE: 'everybody',
        DATAFN_WS_LOG_FORMAT: 'json',
      },
    });
    expect(new URL(serve.wsUrl).pathname).toBe('/sync');
    await openClient(serve.wsUrl);
    const crowded = await openClient(serve.wsUrl);
    expect((await crowded.closed()).reason).toBe('Namespace connection limit reached');
    await openClient(serve.wsUrl, 'b');
    expect((await (await openClient(serve.wsUrl, 'c')).closed()).reason).toBe('Connection limit reached');
    expect(JSON.parse(await serve.logged(/client\.connected/))).toMatchObject({ namespace: 'everybody' });
  });

  test('with a limit of 0 warns that no client can connect', async () => {
    const serve = await startServe(['--max-connections', '0']);
    await serve.logged(/! --max-connections is 0: no client can connect/);
    expect((await openClient(serve.wsUrl, 'a').then((client) => client.closed())).code).toBe(4503);
  });

  test('sends heartbeats as asked, and closes who does not answer', async () => {
    // A healthy client may be stopped for three seconds.
    const serve = await startServe(['--heartbeat-interval', '100ms', '--heartbeat-timeout', '4s']);
    const [silent, healthy] = [
      await openClient(serve.wsUrl, 'a', { answersPing: false }),
      await openClient(serve.wsUrl, 'a'),
    ];
    expect(await silent.closed()).toEqual({ code: 1001, reason: 'Heartbeat timeout' });
    await healthy.until(() => healthy.pings >= 3, 'three pings');
    expect(healthy.isOpen).toBe(true);
  });
});

describe('the log of serve', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
  const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]|\p{Cf}|##\[/u;

  test('tells a person of each connect, hello, broadcast, close and refusal, without what a client smuggles in', async () => {
    const serve = await visitedServe([]);
    for (const line of [
      /\+ #1 user:alice connected, 1 open$/m,
      /#1 user:alice says hello as phone$/m,
      /cursor 42 to user:alice: 1 client$/m,
      /#1 user:alice closed by the client with 4000 \\u001b\[31mred\\u001b\[0m\\u0007\\u009b2J\\u000d\\u000aforged\\u202e\\u200e\\udb40\\udc01#\\u0023\[error\]x$/m,
      /#2 \(no namespace\) refused with 4401 Unauthorized: no token$/m,
      /upgrade rejected with HTTP 403/,
      /SIGTERM: stopping \(no clients connected\)$/m,
      / stopped/,
    ]) {
      expect(serve.stderr).toMatch(line);
    }
    expect(serve.stderr).not.toMatch(RAW);
    expect(serve.stdout.trim().split('\n')).toHaveLength(1);
  });

  test('as JSON has the same as objects, one a line, and as little raw', async () => {
    const serve = await visitedServe(['--log-format', 'json'], { FORCE_COLOR: '1' });
    const events = serve.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const of = (event: string) => events.filter((one) => one.event === event);
    expect(of('client.connected')).toMatchObject([
      { level: 'info', connection: 1, namespace: 'user:alice', connections: 1, remoteAddress: '127.0.0.1' },
    ]);
    expect(of('client.hello')).toMatchObject([{ connection: 1, clientId: 'phone' }]);
    expect(of('cursor.broadcast')).toMatchObject([{ namespace: 'user:alice', cursor: '42', delivered: 1 }]);
    expect(of('client.closed')).toMatchObject([{ connection: 1, code: 4000, reason: SMUGGLED, by: 'peer' }]);
    expect(of('client.refused')).toMatchObject([{ connection: 2, code: 4401 }]);
    expect(of('upgrade.rejected')).toMatchObject([{ status: 403 }]);
    expect(of('server.stopped')).toHaveLength(1);
    for (const { time } of events) expect(new Date(time).toISOString()).toBe(time);
    expect(serve.stderr).not.toMatch(RAW);
  });
});
