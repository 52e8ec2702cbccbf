import { afterEach, expect, test } from 'vitest';
import type { DatafnLogger } from '../../src/manager/types.js';
import type { ServerObserver } from '../../src/server/events/events.js';
import { postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../support/live-server.js';

const stray: unknown[] = [];
const onRejection = (error: unknown) => stray.push(error);
process.on('unhandledRejection', onRejection);
afterEach(disposeLive);

const EVENTS = [
  'connected',
  'hello',
  'refused',
  'rejectedUpgrade',
  'closed',
  'broadcast',
  'drainRequested',
] as const;
const ways = {
  throws: () => {
    throw new Error('the screen is gone');
  },
  rejects: async () => {
    throw new Error('the screen is gone');
  },
};

test.each(Object.entries(ways))(
  'an observer that %s at everything harms nobody, and is logged once',
  async (_, fail) => {
    const observer: ServerObserver = Object.fromEntries(EVENTS.map((event) => [event, fail]));
    const { wsUrl, apiUrl, server, logger } = await startServer({ observer });
    const client = await openClient(wsUrl, 'a');
    client.say('{"type":"hello","clientId":"c"}');
    expect((await (await openClient(wsUrl)).closed()).code).toBe(4401);
    await (await connectClient(wsUrl, { headers: { Host: 'evil.example' } })).gone();
    const answer = await postCursors(apiUrl, { namespace: 'a', cursor: '42' });
    expect(answer.json.results).toEqual([{ namespace: 'a', cursor: '42', delivered: 1 }]);
    await client.received(1);
    expect(await server.close()).toMatchObject({ cut: 0 });
    expect(server.stats()).toMatchObject({ accepted: 1, closed: { 1001: 1 }, connections: 0, sockets: 0 });
    expect(logger.entries.filter(({ level }) => level === 'error')).toEqual([
      {
        level: 'error',
        message: 'The observer failed; later failures are not logged',
        context: { error: 'the screen is gone' },
      },
    ]);
    expect(stray).toEqual([]);
  },
);

test.each(Object.entries(ways))('a logger that %s at everything harms nobody', async (_, fail) => {
  const logger: DatafnLogger = { debug: fail, info: fail, warn: fail, error: fail };
  const { wsUrl, server } = await startServer({
    logger,
    observer: { connected: fail },
    namespaceProvider: ({ token }) => {
      if (token === 'b') throw new Error('no');
      return token;
    },
  });
  const client = await openClient(wsUrl, 'a');
  expect((await (await openClient(wsUrl, 'b')).closed()).code).toBe(4401);
  expect(server.websocketHandler.broadcastCursor('42', 'a')).toMatchObject({ delivered: 1, failed: 0 });
  await client.received(1);
  expect(await server.close()).toMatchObject({ cut: 0 });
  expect(stray).toEqual([]);
});

test('a beforeUpgrade that throws refuses the client, and the server goes on', async () => {
  let isBroken = true;
  const { wsUrl, server, logger } = await startServer({
    beforeUpgrade() {
      if (isBroken) throw new Error('no list');
      return undefined;
    },
  });
  const refused = await connectClient(wsUrl, { token: 'a' });
  await refused.gone();
  expect(refused.status).toBe(500);
  expect(refused.body).not.toContain('no list');
  expect(logger.entries).toContainEqual({
    level: 'error',
    message: 'beforeUpgrade failed',
    context: { error: 'no list' },
  });
  isBroken = false;
  expect((await openClient(wsUrl, 'a')).isOpen).toBe(true);
  expect(server.stats()).toMatchObject({ refused: { 500: 1 }, connections: 1 });
});
