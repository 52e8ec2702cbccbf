import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../backplane/recorded-node.js';
import { disposeLive, openClient, startClient, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

test('a client that leaves while the cluster is asked for its slot takes none', async () => {
  let [asked, answer] = [() => {}, () => {}];
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const isAnswered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const { server, wsUrl } = await startServer({
    maxConnectionsPerNamespace: 1,
    backplane: {
      start: (listener) => listener.state('up'),
      publish: async () => ({ replicated: true, nodes: 1 }),
      async reserve(_, count, limit) {
        asked();
        await isAnswered;
        return { granted: Math.min(count, limit), checked: true };
      },
      view: () => ({ state: 'up', kept: 0, lagMs: 0, nodes: [] }),
      close: async () => {},
    },
  });
  const gone = startClient(wsUrl, { token: 'x' });
  await isAsked;
  await gone.destroy();
  await eventually(() => server.stats().abandoned === 1, 'the client is seen to be gone');
  answer();
  expect((await openClient(wsUrl, 'x')).isOpen).toBe(true);
});
