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

test('who without the admin token is exit 1 with what to do, with a wrong one as well, and without a server exit 3', async () => {
  const serve = await startServe(['--admin-token', 'a-token-for-tests']);
  for (const flags of [[], ['--admin-token', 'another']]) {
    const { code, stdout, stderr } = await runCli(['who', '--url', serve.apiUrl, ...flags]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: http:.* refused: 401 .*pass --admin-token\n$/);
  }
  const env = { DATAFN_WS_ADMIN_TOKEN: 'a-token-for-tests' };
  expect((await runCli(['who', '--url', serve.apiUrl], { env })).code).toBe(0);
  serve.kill('SIGTERM');
  await serve.ended();
  const { code, stderr } = await runCli(['who', '--url', serve.apiUrl]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/ECONNREFUSED.* Start one with: npx datafn-ws serve\n$/);
});

test('who -n lists the clients of a namespace', async () => {
  const serve = await startServe();
  const alice = await openClient(serve.wsUrl, 'user:alice');
  alice.say('{"type":"hello","clientId":"tab-1","cursor":"0"}');
  await alice.roundTrip();
  await openClient(serve.wsUrl, 'user:bob');
  const { code, stdout } = await runCli(['who', '--url', serve.apiUrl, '-n', 'user:alice']);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^client id {2}connection +address +connected for\ntab-1 +#1 +127\.0\.0\.1 +\S.*\n\n1 client\n$/,
  );
  const json = await runCli(['who', '--url', serve.apiUrl, '-n', 'user:bob', '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ total: 1, clients: [{ id: 2, namespace: 'user:bob' }] });
  const two = await runCli(['who', '--url', serve.apiUrl, '-n', 'a', '-n', 'b']);
  expect([two.code, two.stderr]).toEqual([2, expect.stringContaining('Expected one --namespace, got 2')]);
});
