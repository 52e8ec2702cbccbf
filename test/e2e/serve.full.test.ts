import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { within } from '../support/deadline.js';
import { call, postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient } from '../support/live-server.js';
import { openMany } from '../support/raw-client.js';
import { visitedServe } from '../support/visited-serve.js';

/** Gives a client, that may be stopped for seconds, all the time it needs to answer a close. */
const UNHURRIED = ['--close-timeout', '10m', '--shutdown-timeout', '10m'];
const GOING_AWAY = { code: 1001, reason: 'Going Away' };

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('serve', () => {
  test.each(['SIGINT'] as const)('on %s closes everybody with 1001 and exits 0', async (signal) => {
    const serve = await startServe(UNHURRIED);
    const clients = [await openClient(serve.wsUrl, 'a'), await openClient(serve.wsUrl, 'b')];
    serve.kill(signal);
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    expect(serve.stderr).toContain(`${signal}: closing 2 clients with 1001`);
    expect(serve.stderr).toContain('stopped: 2 sockets ended; 2 clients left with 1001');
  });

  test('admits 100 clients of a namespace by default, and the 101st is closed with 4503', async () => {
    const serve = await startServe();
    const clients = await openMany(serve.wsUrl, Array(100).fill('crowd'));
    try {
      const refused = await openClient(serve.wsUrl, 'crowd');
      expect(await refused.closed()).toEqual({ code: 4503, reason: 'Namespace connection limit reached' });
      expect((await openClient(serve.wsUrl, 'elsewhere')).isOpen).toBe(true);
      expect(clients.filter(({ isOpen }) => isOpen)).toHaveLength(100);
    } finally {
      for (const client of clients) client.socket.destroy();
    }
  });

  test('admits 10,000 clients by default, and the 10,001st is closed with 4503; SIGTERM closes them all with 1001', async () => {
    // On a busy machine, 10,000 closes take longer than the default.
    const serve = await startServe(['--log-level', 'warn', '--shutdown-timeout', '60s']);
    const clients = await openMany(
      serve.wsUrl,
      Array.from({ length: 10_000 }, (_, index) => `user:${index % 100}`),
    );
    try {
      for (const namespace of ['user:0', 'new']) {
        const refused = await openClient(serve.wsUrl, namespace);
        expect(await refused.closed()).toEqual({ code: 4503, reason: 'Connection limit reached' });
      }
      expect((await call('GET', `${serve.apiUrl}/v1/stats`)).json).toMatchObject({
        connections: 10_000,
        namespaces: 100,
        accepted: 10_000,
        rejected: 2,
        closed: {},
      });

      serve.kill('SIGTERM');
      expect(await serve.ended()).toEqual({ code: 0, signal: null });
      await Promise.all(clients.map((client) => client.gone()));
      expect(clients.filter(({ closeFrame }) => closeFrame?.code === 1001)).toHaveLength(10_000);
    } finally {
      for (const client of clients) client.socket.destroy();
    }
  });

  test('cuts a client that never answers its close at --shutdown-timeout, and exits 0', async () => {
    const serve = await startServe(['--shutdown-timeout', '300ms']);
    const client = await openClient(serve.wsUrl, 'a', { answersClose: false });
    serve.kill('SIGTERM');
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    expect(client.closeFrame).toEqual(GOING_AWAY);
    expect(serve.stderr).toContain('stopped: 1 terminated');
  });
});

describe('the log of serve', () => {
  test('is coloured when FORCE_COLOR says so, and what comes from a client still is not', async () => {
    const serve = await visitedServe([], { FORCE_COLOR: '1' });
    expect(serve.stderr).toContain('\u001b[32m+\u001b[39m #1 user:alice connected');
    expect(serve.stderr).toContain('\\u001b[31mred');
    expect(serve.stderr).not.toContain('\u001b[31mred');
  });

  test('never shows a token of a client or of the API, at any level', async () => {
    const serve = await startServe(
      ['--log-level', 'debug', '--admin-token', 'admin-sesame', '--anonymous-namespace', 'public'],
      {},
    );
    const basic = Buffer.from('query-sesame').toString('base64url');
    // None of them can be a namespace, so that each is a token and nothing else.
    await (await openClient(`${serve.wsUrl}?token=query-sesame%0A`)).closed();
    await openClient(serve.wsUrl, undefined, { headers: { Authorization: 'Basic query-sesame' } });
    await (
      await openClient(serve.wsUrl, undefined, { headers: { Cookie: 'datafn_token=query-sesame%00' } })
    ).closed();
    await (await connectClient(`${serve.wsUrl}x?token=query-sesame`, { headers: { 'X-Key': basic } })).gone();
    await call('GET', `${serve.apiUrl}/v1/stats?token=query-sesame`, {
      headers: { authorization: 'Bearer query-sesame' },
    });
    const answer = await postCursors(
      serve.apiUrl,
      { namespace: 'public', cursor: '1' },
      { authorization: 'Bearer admin-sesame' },
    );
    expect(answer.status).toBe(200);
    serve.kill('SIGTERM');
    await serve.ended();
    expect(serve.stderr).toContain('public');
    expect(serve.stdout + serve.stderr).not.toMatch(/sesame/);
  });

  test('is silent with --log-level silent', async () => {
    const serve = await visitedServe(['--log-level', 'silent']);
    expect(serve.stderr).toBe('');
  });
});

test('serve whose output nobody reads any more goes on', async () => {
  const serve = await startServe();
  serve.child.stderr?.destroy();
  const { port } = new URL(serve.apiUrl);
  for (let index = 0; index < 20; index++) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.end('GET /datafn/ws HTTP/1.1\r\nHost: evil\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.resume();
    await within(once(socket, 'close'), 'an answer');
  }
  expect((await call('GET', `${serve.apiUrl}/healthz`)).status).toBe(200);
  serve.kill('SIGTERM');
  expect((await serve.ended()).code).toBe(0);
});
