import { afterEach, expect, test } from 'vitest';
import { disposeLive, openClient, startServer } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';

afterEach(disposeLive);

test('who without the admin token is exit 1 with what to do, with a wrong one as well, and without a server exit 3', async () => {
  const { apiUrl, server } = await startServer({ adminToken: 'a-token-for-tests' });
  for (const flags of [[], ['--admin-token', 'another']]) {
    const { code, stdout, stderr } = await runWith(['who', '--url', apiUrl, ...flags]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: http:.* refused: 401 .*pass --admin-token\n$/);
  }
  const env = { DATAFN_WS_ADMIN_TOKEN: 'a-token-for-tests' };
  expect((await runWith(['who', '--url', apiUrl], env)).code).toBe(0);
  await server.close();
  const { code, stderr } = await runWith(['who', '--url', apiUrl]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/ECONNREFUSED.* Start one with: npx datafn-ws serve\n$/);
});

test('who -n lists the clients of a namespace', async () => {
  const { apiUrl, wsUrl } = await startServer();
  const alice = await openClient(wsUrl, 'user:alice');
  alice.say('{"type":"hello","clientId":"tab-1","cursor":"0"}');
  await alice.roundTrip();
  await openClient(wsUrl, 'user:bob');
  const { code, stdout } = await runWith(['who', '--url', apiUrl, '-n', 'user:alice']);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^client id {2}connection +address +connected for +cursor\ntab-1 +#1 +127\.0\.0\.1 +\S.* +0\n\n1 client\n$/,
  );
  const json = await runWith(['who', '--url', apiUrl, '-n', 'user:bob', '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ total: 1, clients: [{ id: '2', namespace: 'user:bob' }] });
  const two = await runWith(['who', '--url', apiUrl, '-n', 'a', '-n', 'b']);
  expect([two.code, two.stderr]).toEqual([2, expect.stringContaining('Expected one --namespace, got 2')]);
});
