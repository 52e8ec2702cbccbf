import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { deferred, within } from '../support/deadline.js';
import { disposeLive, startServer } from '../support/live-server.js';

const page = readFileSync(join(import.meta.dirname, '../../docs/auth.md'), 'utf8');

afterEach(disposeLive);

test('the browser snippet connects with its token as a subprotocol, says hello and hears cursors', async () => {
  const [, snippet = ''] =
    /In a browser, with the token as a subprotocol:\n\n```js\n([\s\S]*?)```/.exec(page) ?? [];
  expect(snippet).toContain('datafn.bearer.');
  const { server, wsUrl, events } = await startServer();
  const heard = deferred<unknown[]>();
  const run = new Function(
    'WebSocket',
    'token',
    'console',
    `${snippet.replace('ws://127.0.0.1:3001/datafn/ws', wsUrl)}; return socket;`,
  );
  // A token whose base64 has both of the characters that base64url has not, and padding.
  const namespace = 'ü~~?>user';
  const socket: WebSocket = run(WebSocket, namespace, { log: (...words: unknown[]) => heard.resolve(words) });
  try {
    const [hello] = await events.until('hello');
    expect(hello?.connection).toMatchObject({ namespace, clientId: 'tab-1' });
    server.websocketHandler.broadcastCursor('42', namespace);
    expect(await within(heard.promise, 'the cursor')).toEqual(['new data up to', '42']);
  } finally {
    socket.onclose = null;
    socket.terminate();
  }
});
