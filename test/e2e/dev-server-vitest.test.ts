import { startDevServer } from 'datafn-ws';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';

let server: Awaited<ReturnType<typeof startDevServer>>;
afterEach(() => server.close());

/** The client under test: it keeps the newest cursor, and comes back when its connection is lost. */
function connectApp(url: string) {
  const app = { cursor: 0, opens: 0, stop: () => {} };
  const open = () => {
    const socket = new WebSocket(`${url}?token=user:alice`);
    socket.on('open', () => {
      app.opens += 1;
      socket.send(JSON.stringify({ type: 'hello', clientId: 'tab-a', cursor: String(app.cursor) }));
    });
    socket.on('message', (data) => {
      app.cursor = Math.max(app.cursor, Number(JSON.parse(String(data)).cursor));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      app.stop = () => clearTimeout(retry);
      const retry = setTimeout(open, 50);
    });
    app.stop = () => {
      socket.removeAllListeners('close');
      socket.close();
    };
  };
  open();
  return app;
}

test('the app comes back after a reset, and gets what it missed', async () => {
  server = await startDevServer({ resume: true });
  const app = connectApp(server.wsUrl);
  await server.until('hello', ({ connection }) => connection.clientId === 'tab-a');

  // The next cursor never arrives: the connection is reset in its place.
  server.faults.set([{ fault: 'reset', on: 'cursor', next: 1 }]);
  server.emit('user:alice', 42);
  await server.until('closed', ({ code }) => code === 1006);

  await server.until('hello');
  await expect.poll(() => app.cursor).toBe(42);
  expect(app.opens).toBe(2);
  app.stop();
});

test('the app ignores a cursor that is lower than the one it has', async () => {
  server = await startDevServer();
  const app = connectApp(server.wsUrl);
  await server.until('hello');
  server.emit('user:alice', 42);
  server.faults.set([{ fault: 'lower', by: 40, next: 1 }]);
  server.emit('user:alice', 43);
  server.emit('user:alice', 44);
  await expect.poll(() => app.cursor).toBe(44);
  app.stop();
});
