import { afterEach, expect, test } from 'vitest';
import { disposeProcesses, runCli, startServe } from '../support/cli-process.js';
import { disposeLive, openClient } from '../support/live-server.js';

afterEach(async () => {
  await disposeProcesses();
  await disposeLive();
});

test('who lists the namespaces that have clients, most clients first', async () => {
  const serve = await startServe();
  expect(await runCli(['who', '--url', serve.apiUrl])).toEqual({
    code: 0,
    stdout: 'no clients are connected\n',
    stderr: '',
  });
  for (const namespace of ['user:alice', 'user:bob', 'user:bob']) await openClient(serve.wsUrl, namespace);
  const { code, stdout } = await runCli(['who'], { env: { DATAFN_WS_URL: serve.apiUrl } });
  expect([code, stdout]).toEqual([
    0,
    'namespace   clients\nuser:bob          2\nuser:alice        1\n\n3 clients in 2 namespaces\n',
  ]);
  const json = await runCli(['who', '--url', serve.apiUrl, '--json']);
  expect(JSON.parse(json.stdout)).toEqual({
    namespaces: [
      { namespace: 'user:bob', connections: 2 },
      { namespace: 'user:alice', connections: 1 },
    ],
  });
});
