import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses, type ServeProcess, startServe } from '../support/cli-process.js';
import { within } from '../support/deadline.js';
import { postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient } from '../support/live-server.js';
import { onSignal } from '../support/preloaded.js';

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

const GOING_AWAY = { code: 1001, reason: 'Going Away' };

describe('drain', () => {
  test('tells new clients to come back when its window is over, and exits at once on a second signal', async () => {
    const serve = await startServe(['--drain', '60s']);
    const clients = [await openClient(serve.wsUrl, 'a'), await openClient(serve.wsUrl, 'a')];
    serve.kill('SIGINT');
    await clients[0]?.closed();
    const { status, head } = await connectClient(serve.wsUrl, { token: 'a' });
    expect(status).toBe(503);
    const seconds = Number(/^Retry-After: (\d+)\r?$/m.exec(head)?.[1]);
    expect([seconds > 40, seconds <= 60], `${seconds} s`).toEqual([true, true]);
    serve.kill('SIGINT');
    // It gives up on the client that is left before the window is over.
    expect(await serve.ended(45_000)).toEqual({ code: 130, signal: null });
  });
});

describe('a log that nobody reads', () => {
  /** Has the server log so many lines of some 300 bytes. */
  async function fill(serve: ServeProcess, lines: number): Promise<void> {
    const batch = Array.from({ length: 1000 }, () => ({ namespace: 'a', cursor: '1'.padEnd(256, 'x') }));
    for (let logged = 0; logged < lines; logged += 1000) await postCursors(serve.apiUrl, batch);
  }
  const LINES = 8000;

  test('does not keep the process from ending', async () => {
    const serve = await startServe(['--shutdown-timeout', '300ms']);
    const client = await openClient(serve.wsUrl, 'a');
    serve.child.stderr?.pause();
    await fill(serve, LINES / 2);
    serve.kill('SIGTERM');
    const exit = await within(once(serve.child, 'exit'), 'the end of the process');
    expect(exit).toEqual([0, null]);
    expect(await client.closed()).toEqual(GOING_AWAY);
    serve.child.stderr?.resume();
  });
});

describe('a mistake of ours that nobody caught', () => {
  test.each([['thrown', "throw new Error('ouch')"]])(
    'and is %s is logged, tells everybody 1001, and ends the process with 70',
    async (_, statement) => {
      const serve = await startServe(['--drain', '60s'], onSignal(statement));
      const clients = [await openClient(serve.wsUrl, 'a'), await openClient(serve.wsUrl, 'b')];
      serve.kill('SIGUSR2');
      for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
      expect(await serve.ended()).toEqual({ code: 70, signal: null });
      expect(serve.stderr).toMatch(
        /✗ uncaught error in datafn-ws \S+, closing all clients with 1001; please report it/,
      );
      expect(serve.stderr.match(/Error: ouch/g)).toHaveLength(1);
    },
  );
});
