import { afterEach, expect, test } from 'vitest';
import { disposeLive, openClient, startServer } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';

afterEach(disposeLive);

/** The token is `namespace principal…`. */
const namespaceProvider = ({ token = '' }) => {
  const [namespace = '', ...principalIds] = token.split(' ');
  return { namespace, principalIds };
};

test('kick closes one client by its id, those of a principal, and those of a namespace, and says how many', async () => {
  const { apiUrl, wsUrl } = await startServer({ namespaceProvider });
  const kick = (...args: string[]) => runWith(['kick', '--url', apiUrl, ...args]);
  const one = await openClient(wsUrl, 'a/b');
  expect(await kick('#1')).toMatchObject({ code: 0, stdout: 'closed 1 client (#1)\n' });
  expect(await one.closed()).toEqual({ code: 4403, reason: 'Access revoked' });

  const bob = await openClient(wsUrl, 'a/b user:bob');
  const other = await openClient(wsUrl, 'c user:bob');
  const alice = await openClient(wsUrl, 'a/b user:alice');
  expect(await kick('-n', 'a/b', '--principal', 'user:bob')).toMatchObject({
    code: 0,
    stdout: 'closed 1 client of user:bob in a/b\n',
  });
  expect((await bob.closed()).code).toBe(4403);
  expect((await kick('--principal', 'user:bob', '--json')).stdout).toBe('{"closed":1}\n');
  expect((await other.closed()).code).toBe(4403);

  const ended = await kick('-n', 'a/b', '--code', '4001', '--reason', 'Signed out & gone');
  expect(ended).toMatchObject({ code: 0, stdout: 'closed 1 client in a/b\n', stderr: '' });
  expect(await alice.closed()).toEqual({ code: 4001, reason: 'Signed out & gone' });
  expect((await kick('-n', 'a/b')).stdout).toBe('closed 0 clients in a/b\n');
});

test('an id that no client has is exit 1, and no server exit 3', async () => {
  const { apiUrl, server } = await startServer();
  const refused = await runWith(['kick', '7', '--url', apiUrl]);
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toMatch(/^error: http:.* refused: 404 No client has the id "7"/);
  await server.close();
  expect((await runWith(['kick', '7', '--url', apiUrl])).code).toBe(3);
});

test.each([
  [[], 'Specify which clients to kick'],
  [['7', '-n', 'a'], 'got an id and --namespace'],
  [['7', '--principal', 'user:bob'], 'got an id and --principal'],
  [['-n', 'a', '-n', 'b'], 'Expected one --namespace, got 2'],
  [['7', '--code', '1005'], 'Expected --code to be a close code from 3000 to 4999'],
  [['7', '--reason', 'x'.repeat(124)], 'at most 123 bytes of UTF-8, got 124'],
  [['--principal', ''], 'Expected --principal'],
  [[''], 'Expected the id to be a non-empty string'],
])('kick %j is exit 2 with what is wrong', async (args, words) => {
  const { code, stderr } = await runWith(['kick', ...args]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
});

test('a variable does not decide whom to kick', async () => {
  const { code, stderr } = await runWith(['kick'], {
    DATAFN_WS_NAMESPACE: 'a',
    DATAFN_WS_PRINCIPAL: 'user:bob',
  });
  expect([code, stderr]).toEqual([2, expect.stringContaining('Specify which clients to kick')]);
});

test('emit --principal sends a cursor to the clients of principals, and so does a script', async () => {
  const { apiUrl, wsUrl } = await startServer({ namespaceProvider });
  const bob = await openClient(wsUrl, 'a user:bob');
  const alice = await openClient(wsUrl, 'a user:alice');
  const emit = (...args: string[]) => runWith(['emit', '--url', apiUrl, ...args]);
  expect((await emit('1', '-n', 'a', '--principal', 'user:bob')).stdout).toBe('cursor 1 to a: 1 client\n');
  const { stdout } = await emit(
    '2',
    '-n',
    'a',
    '--principal',
    'user:bob',
    '--principal',
    'user:alice',
    '--json',
  );
  expect(JSON.parse(stdout.split('\n')[0] as string)).toMatchObject({ cursor: '2', delivered: 2 });
  expect(await alice.received(1)).toEqual(['{"type":"cursor","cursor":"2"}']);
  await bob.received(2);
  const reset = await emit('1', '-n', 'a', '--principal', 'user:bob', '--reset');
  expect([reset.code, reset.stderr]).toEqual([2, expect.stringContaining('--reset is news for everybody')]);
});
