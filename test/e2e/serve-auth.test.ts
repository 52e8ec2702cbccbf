import { afterEach, describe, expect, test } from 'vitest';
import { signJwt } from '../../src/text/jwt.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { disposeTerminals } from '../support/terminal.js';

const UNAUTHORIZED = { code: 4401, reason: 'Unauthorized' };
const SECRET = 'a-secret-of-more-than-32-bytes-for-tests';
const ALICE = 'alice-0123456789abcdef';
const BOB = 'bob-0123456789abcdef';

const { file: written } = temporaryFolder('auth');
afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
  disposeTerminals();
});

describe('serve --auth tokens', () => {
  test('on all addresses lets in who has a token of the file, each into its namespace, and nobody else', async () => {
    const file = written('tokens.yaml', `${ALICE}: user:alice\n"${BOB}": user:bob\n`);
    const open = ['--host', '0.0.0.0', '--admin-token', 'a-token-for-tests'];
    const serve = await startServe(['--auth', 'tokens', '--tokens', file, ...open]);
    const local = (url: string) => url.replace('0.0.0.0', '127.0.0.1');
    const [wsUrl, apiUrl] = [local(serve.wsUrl), local(serve.apiUrl)];
    const [alice, bob] = [await openClient(wsUrl, ALICE), await openClient(wsUrl, BOB)];
    for (const token of [undefined, 'user:alice', `${ALICE}x`]) {
      expect(await (await openClient(wsUrl, token)).closed(), token).toEqual(UNAUTHORIZED);
    }
    await postCursors(
      apiUrl,
      { namespace: 'user:alice', cursor: '1' },
      { authorization: 'Bearer a-token-for-tests' },
    );
    expect(await alice.received(1)).toHaveLength(1);
    await bob.roundTrip();
    expect(bob.texts).toEqual([]);
  });

  test('reads the file again on SIGHUP; a broken one changes nothing, and the log says so; who is connected stays', async () => {
    const file = written('changing.yaml', `${ALICE}: user:alice\n`);
    const serve = await startServe(['--auth', 'tokens', '--tokens', file]);
    const alice = await openClient(serve.wsUrl, ALICE);

    written('changing.yaml', `${BOB}: user:bob\nshort-secret: user:carol\n`);
    serve.kill('SIGHUP');
    expect(await serve.logged(/SIGHUP/)).toMatch(
      /SIGHUP: kept the old version of the tokens file: \S+changing\.yaml:2:1: expected a token of at least 16 bytes, got 12$/,
    );
    expect(await (await openClient(serve.wsUrl, BOB)).closed()).toEqual(UNAUTHORIZED);
    await (await openClient(serve.wsUrl, ALICE)).roundTrip();

    written('changing.yaml', `${BOB}: user:bob\n`);
    serve.kill('SIGHUP');
    await serve.logged(/SIGHUP: reloaded the tokens file/);
    expect(await (await openClient(serve.wsUrl, ALICE)).closed()).toEqual(UNAUTHORIZED);
    await (await openClient(serve.wsUrl, BOB)).roundTrip();
    await alice.roundTrip();
    expect(serve.stderr).not.toMatch(/short-secret|0123456789/);
  });
});

describe('serve --auth tokens with principals', () => {
  test('hands a cursor for some principals to their clients only, and takes other principals on SIGHUP', async () => {
    const grant = (actorId: string, ...teams: string[]) =>
      JSON.stringify({ namespace: 'org:7', actorId, principalIds: teams });
    const file = written(
      'principals.yaml',
      `${ALICE}: ${grant('alice', 'team:sales')}\n${BOB}: ${grant('bob', 'team:ops')}\n`,
    );
    const serve = await startServe(['--auth', 'tokens', '--tokens', file]);
    const emit = async (cursor: string, principal: string) => {
      const asked = ['emit', cursor, '-n', 'org:7', '--principal', principal, '--url', serve.apiUrl];
      const { stdout, stderr } = await runWith(asked);
      expect(stderr).toBe('');
      return stdout;
    };
    const [alice, bob] = [await openClient(serve.wsUrl, ALICE), await openClient(serve.wsUrl, BOB)];
    expect(await emit('0', 'team:x')).toBe(
      'cursor 0 to org:7: 0 clients (no clients are connected for these principals, or a fault is on)\n',
    );
    expect(await emit('1', 'team:sales')).toBe('cursor 1 to org:7: 1 client\n');
    expect(await emit('2', 'user:bob')).toBe('cursor 2 to org:7: 1 client\n');
    expect(await alice.received(1)).toEqual(['{"type":"cursor","cursor":"1"}']);
    expect(await bob.received(1)).toEqual(['{"type":"cursor","cursor":"2"}']);

    // The line and column are those of the principal that is not valid.
    written(
      'principals.yaml',
      `${ALICE}: org:7\n${BOB}:\n  namespace: org:7\n  principalIds: [team:ops, ""]\n`,
    );
    serve.kill('SIGHUP');
    expect(await serve.logged(/SIGHUP/)).toMatch(
      /principals\.yaml:4:28: expected each of the principalIds to be a non-empty string, got an empty one$/,
    );
    written('principals.yaml', `${BOB}: ${grant('carol')}\n`);
    serve.kill('SIGHUP');
    await serve.logged(/SIGHUP: reloaded the tokens file/);
    const carol = await openClient(serve.wsUrl, BOB);
    expect(await emit('3', 'user:carol')).toBe('cursor 3 to org:7: 1 client\n');
    expect(await carol.received(1)).toEqual(['{"type":"cursor","cursor":"3"}']);
  });
});

describe('serve --auth jwt', () => {
  const mint = async (...args: string[]) => {
    const { code, stdout, stderr } = await runWith(['token', ...args], { DATAFN_WS_JWT_SECRET: SECRET });
    expect([code, stderr]).toEqual([0, '']);
    return stdout.trim();
  };

  test('takes the tokens that `token` makes, says why it refuses others, and closes a client whose token expires', async () => {
    const flags = [
      '--auth',
      'jwt',
      '--jwt-issuer',
      'me',
      '--jwt-audience',
      'us',
      '--jwt-namespace',
      'tenant:{tid}:user:{sub}',
    ];
    const serve = await startServe([...flags, '--max-connections', '1'], {
      env: { DATAFN_WS_JWT_SECRET: SECRET },
    });
    const claims = ['--claim', 'iss=me', '--claim', 'tid=t1', '--claims', '{"aud":["us","them"]}'];
    const brief = await openClient(
      serve.wsUrl,
      await mint(...claims, '--claim', 'sub=alice', '--expires-in', '5s'),
    );
    await serve.logged(/#1 tenant:t1:user:alice connected/);
    expect(await brief.closed()).toEqual({ code: 4401, reason: 'Token expired' });
    await serve.logged(/#1 tenant:t1:user:alice closed by the server with 4401 Token expired/);

    // The slot is free again.
    await openClient(serve.wsUrl, await mint(...claims, '--claim', 'sub=bob', '--expires-in', '0'));
    await serve.logged(/#2 tenant:t1:user:bob connected/);
    expect((await call('GET', `${serve.apiUrl}/v1/stats`)).json).toMatchObject({
      connections: 1,
      accepted: 2,
      rejected: 0,
      closed: { 4401: 1 },
    });

    const good = { iss: 'me', aud: 'us', tid: 't1', sub: 'alice' };
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ ...good, sub: 'a:user:b' }, /the claim "sub" contains the separator ":"$/],
      [{ ...good, sub: undefined }, /the claim "sub" is missing$/],
      [{ ...good, tid: '' }, /the claim "tid" is empty$/],
      [{ ...good, aud: 'them' }, /the claim "aud" does not have the expected value$/],
      [{ ...good, exp: 1 }, /it has expired$/],
    ];
    for (const [claims, why] of wrong) {
      expect(await (await openClient(serve.wsUrl, signJwt(claims, SECRET))).closed()).toEqual(UNAUTHORIZED);
      await serve.logged(why);
    }
    const forged = signJwt(good, `${SECRET}!`);
    expect(await (await openClient(serve.wsUrl, forged)).closed()).toEqual(UNAUTHORIZED);
    await serve.logged(/refused with 4401 Unauthorized: the token was refused: its signature is not valid$/);
  });
});

describe('serve --auth module', () => {
  test('asks the module, sync or async; only an uncaught error in it ends the server, after 1001 to all clients', async () => {
    const file = written(
      'provider.mjs',
      `export async function getNamespace({ token, url, headers, remoteAddress }) {
        switch (token) {
          case 'where': return 'at:' + url.split('?')[0] + ':' + headers['x-tenant'] + ':' + remoteAddress;
          case 'until': return { namespace: 'brief', expiresAtMs: Date.now() + 200 };
          case 'nothing': return undefined;
          case 'number': return 42;
          case 'never': return { then() {} };
          case 'forgotten': Promise.reject(new Error('forgotten')); return 'a';
          default: throw new Error('nobody knows ' + token);
        }
      }`,
    );
    const serve = await startServe(['--auth', 'module', '--auth-module', file, '--auth-timeout', '100ms']);
    await openClient(serve.wsUrl, 'where', { headers: { 'X-Tenant': 't1' } });
    await serve.logged(/#1 at:\/datafn\/ws:t1:127\.0\.0\.1 connected/);
    expect(await (await openClient(serve.wsUrl, 'until')).closed()).toEqual({
      code: 4401,
      reason: 'Token expired',
    });
    for (const token of ['nothing', 'number', 'never', 'the-unknown']) {
      expect(await (await openClient(serve.wsUrl, token)).closed(), token).toEqual(UNAUTHORIZED);
    }
    await serve.logged(/! The namespace provider took longer than 100 ms/);
    await serve.logged(/! The namespace provider failed \{"error":"nobody knows \[hidden\]"\}/);
    expect(serve.stderr).not.toMatch(/the-unknown/);
    const client = await openClient(serve.wsUrl, 'where');
    await openClient(serve.wsUrl, 'forgotten');
    expect((await client.closed()).code).toBe(1001);
    expect(await serve.ended()).toEqual({ code: 70, signal: null });
    expect(serve.stderr).toMatch(/Error: forgotten\n/);
  });
});
