import { afterEach, expect } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { disposeRedis, startRedis, withRedis } from '../support/redis-server.js';

afterEach(async () => {
  await disposeProcesses();
  await disposeRedis();
});

withRedis(
  'two processes of serve --cluster are one cluster; each says once when the engine goes and comes',
  async () => {
    const redis = await startRedis();
    const env = { DATAFN_WS_CLUSTER: redis.url };
    const [a, b] = await Promise.all([startServe([], { env }), startServe([], { env })]);
    await eventually(
      async () => (await call('GET', `${a.apiUrl}/v1/cluster`)).json.nodes.length === 2,
      'both',
    );
    // On a busy machine, the acknowledgement may take longer than the second that it has.
    await eventually(async () => {
      const { json } = await postCursors(a.apiUrl, { namespace: 'x', cursor: '1' });
      return json.replicated && json.nodes === 2;
    }, 'an acknowledgement');
    await redis.kill();
    await eventually(
      async () => (await call('GET', `${b.apiUrl}/v1/cluster`)).json.state === 'down',
      'the engine is away',
    );
    expect((await postCursors(a.apiUrl, { namespace: 'x', cursor: '2' })).status).toBe(202);
    await redis.start();
    await eventually(
      async () => (await call('GET', `${b.apiUrl}/v1/cluster`)).json.state === 'up',
      'the engine is back',
    );
    await b.until(() => b.stderr.includes('caught up'), 'the line in the log');
    expect(b.stderr.match(/The engine of the cluster is away/g)?.length).toBe(1);
    expect(b.stderr.match(/The engine of the cluster is back/g)?.length).toBe(1);
  },
);
