import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { disposeRedis, startRedis, withRedis } from '../support/redis-server.js';

afterEach(async () => {
  await disposeProcesses();
  await disposeRedis();
});

withRedis('a server that stood still for 5 s does not blame its engine', async () => {
  const redis = await startRedis();
  const serve = await startServe([], { env: { DATAFN_WS_CLUSTER: redis.url } });
  const { apiUrl } = serve;
  await eventually(async () => (await call('GET', `${apiUrl}/v1/cluster`)).json.state === 'up', 'up');
  serve.kill('SIGSTOP');
  await sleep(5000);
  serve.kill('SIGCONT');
  await eventually(async () => {
    const { json } = await postCursors(apiUrl, { namespace: 'x', cursor: '1' });
    return json.replicated === true;
  }, 'an acknowledgement');
  expect(serve.stderr).not.toMatch(/The engine of the cluster is away/);
});
