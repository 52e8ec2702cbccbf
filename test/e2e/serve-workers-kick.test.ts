import { afterEach, expect, test } from 'vitest';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';
import { clientsAtBoth, clientsOf, WORKERS } from '../support/serve-workers.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file } = temporaryFolder('kick');

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

const TOKEN = 'a-token-of-both-workers';
const OTHER = 'another-token-of-a-client';

const byModule = () => {
  const module = file(
    'provider.mjs',
    'export const getNamespace = ({ token }) => { const [namespace, ...principalIds] = token.split(" "); return { namespace, principalIds }; };',
  );
  return ['--auth', 'module', '--auth-module', module];
};

test('clients are closed at whichever worker they are: by id, by namespace and by principal', async () => {
  const serve = await startServe([...WORKERS, ...byModule()]);
  const kick = (...args: string[]) => runWith(['kick', '--url', serve.apiUrl, ...args]);
  const byId = await clientsAtBoth(serve, 'a');
  const { clients } = await clientsOf(serve);
  expect(new Set(clients.map(({ id }) => id)).size).toBe(byId.length);
  for (const { id } of clients) expect((await kick(id)).stdout).toBe(`closed 1 client (${id})\n`);
  for (const client of byId) expect(await client.closed()).toEqual({ code: 4403, reason: 'Access revoked' });
  expect((await kick(clients[0]?.id ?? '')).code).toBe(1);

  const byNamespace = await clientsAtBoth(serve, 'b');
  const other = await openClient(serve.wsUrl, 'c');
  const answer = await call('DELETE', `${serve.apiUrl}/v1/namespaces/b/clients?code=4001`);
  expect([answer.status, answer.json]).toEqual([200, { closed: byNamespace.length }]);
  for (const client of byNamespace) expect((await client.closed()).code).toBe(4001);

  const byPrincipal = await clientsAtBoth(serve, 'd user:bob');
  const { stdout } = await kick('--principal', 'user:bob', '--json');
  expect(JSON.parse(stdout)).toEqual({ closed: byPrincipal.length });
  for (const client of byPrincipal) expect((await client.closed()).code).toBe(4403);
  await other.roundTrip();
});

test('whom a token stands for is known at both workers, and so is what a reloaded file says', async () => {
  const written = (namespace: string, actorId: string) =>
    file(
      'tokens.json',
      JSON.stringify({ [TOKEN]: { namespace, actorId }, [OTHER]: { namespace, principalIds: ['team:x'] } }),
    );
  const serve = await startServe([...WORKERS, '--auth', 'tokens', '--tokens', written('a', 'alice')]);
  const [alices, other] = [await clientsAtBoth(serve, TOKEN, 'a'), await openClient(serve.wsUrl, OTHER)];
  written('b', 'bob');
  serve.kill('SIGHUP');
  await serve.logged(/SIGHUP: reloaded the tokens file/);
  const bobs = await clientsAtBoth(serve, TOKEN, 'b');
  for (const [namespace, principal, clients] of [
    ['a', 'user:alice', alices],
    ['b', 'user:bob', bobs],
  ] as const) {
    const item = { namespace, cursor: '1', affectedPrincipals: [principal] };
    const { json } = await postCursors(serve.apiUrl, item);
    expect(json.results).toEqual([{ ...item, delivered: clients.length }]);
    for (const client of clients)
      expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"1"}']);
  }
  await other.roundTrip();
  expect(other.texts).toEqual([]);
});

test('a cursor for some principals reaches their clients at both workers, and is counted', async () => {
  const serve = await startServe([...WORKERS, ...byModule()]);
  const bobs = await clientsAtBoth(serve, 'a user:bob');
  const alices = [
    await openClient(serve.wsUrl, 'a user:alice'),
    await openClient(serve.wsUrl, 'a user:alice'),
  ];
  const item = { namespace: 'a', cursor: '1', affectedPrincipals: ['user:bob'] };
  const { json } = await postCursors(serve.apiUrl, item);
  expect(json.results).toEqual([{ ...item, delivered: bobs.length }]);
  await postCursors(serve.apiUrl, { namespace: 'a', cursor: '2' });
  for (const client of bobs) expect(await client.received(2)).toHaveLength(2);
  for (const client of alices) expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"2"}']);
});
