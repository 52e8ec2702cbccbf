import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { readJwtSecret } from '../../src/cli/input-files.js';
import { runWith } from '../support/run-in-process.js';

const SECRET = 'a-secret-of-more-than-32-bytes-for-tests';
const ALICE = 'alice-0123456789abcdef';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-auth-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file into the folder of the tests; its name. */
function written(name: string, text: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('serve that cannot use its --auth', () => {
  const ONE_LINE = /^error: [^\n]+\n$/;
  const good = written('good.yaml', `${ALICE}: user:alice\n`);
  const other = written('other.mjs', 'export const getNamespaces = () => "a";');
  const short = written('short', 'open-sesame\n');
  const { privateKey } = generateKeyPairSync('ed25519');
  const key = written('private.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());

  test.each<[string, string[], RegExp]>([
    ['tokens without a file', ['--auth', 'tokens'], /--auth tokens needs --tokens FILE\n/],
    [
      'a file that is not there',
      ['--auth', 'tokens', '--tokens', '/no/such'],
      /Cannot read --tokens: .*\/no\/such.* does not exist/,
    ],
    ['a file with a short token', ['--auth', 'tokens', '--tokens', short], /short:1:1: expected tokens/],
    ['tokens for dev', ['--tokens', good], /--tokens needs --auth tokens; the default is --auth dev/],
    [
      'an anonymous namespace for tokens',
      ['--auth', 'tokens', '--tokens', good, '--anonymous-namespace', 'a'],
      /--anonymous-namespace needs --auth dev, got --auth tokens/,
    ],
    ['jwt without a key', ['--auth', 'jwt'], /--auth jwt needs --jwt-secret SECRET, /],
    [
      'jwt with two keys',
      ['--auth', 'jwt', '--jwt-secret', SECRET, '--jwt-public-key', key],
      /Expected one key for --auth jwt, got --jwt-secret and --jwt-public-key/,
    ],
    [
      'a short secret',
      ['--auth', 'jwt', '--jwt-secret', 'open-sesame'],
      /Expected --jwt-secret to be at least 32 bytes .*got \d+ bytes \(hidden, as it may be a secret\)/,
    ],
    [
      'a short secret in a file',
      ['--auth', 'jwt', '--jwt-secret-file', short],
      /Expected the secret in --jwt-secret-file to be at least 32 bytes/,
    ],
    [
      'a short secret of bytes that are no text',
      ['--auth', 'jwt', '--jwt-secret-file', written('eleven', Buffer.alloc(11, 0x80))],
      /Expected the secret in --jwt-secret-file to be at least 32 bytes/,
    ],
    [
      'tokens that are not UTF-8',
      ['--auth', 'tokens', '--tokens', written('latin1.yaml', Buffer.from('sésame-0123456789: a', 'latin1'))],
      /Expected --tokens to be UTF-8, got invalid bytes/,
    ],
    [
      'a private key',
      ['--auth', 'jwt', '--jwt-public-key', key],
      /Expected --jwt-public-key to be a public key, got a private one/,
    ],
    [
      'keys over the network in the clear',
      ['--auth', 'jwt', '--jwt-jwks-url', 'http://a.example/'],
      /Expected --jwt-jwks-url to be an https: URL/,
    ],
    [
      'a namespace without a claim',
      ['--auth', 'jwt', '--jwt-secret', SECRET, '--jwt-namespace', 'all'],
      /Expected --jwt-namespace to be a template with at least one claim in braces, .*got "all"/,
    ],
    ['a module without a file', ['--auth', 'module'], /--auth module needs --auth-module FILE/],
    [
      'a module that is not there',
      ['--auth', 'module', '--auth-module', 'no/such.mjs'],
      /Cannot read --auth-module: \/.*no\/such\.mjs does not exist\. Check the path/,
    ],
    [
      'a module with another export',
      ['--auth', 'module', '--auth-module', other],
      /got only getNamespaces\. Did you mean `getNamespace`\?/,
    ],
    [
      'a certificate authority without keys over the network',
      ['--auth', 'jwt', '--jwt-secret', SECRET, '--ca', key],
      /--ca/,
    ],
    [
      'the file of a backend that is not on',
      ['--auth', 'jwt', '--jwt-secret', SECRET, '--backend-file', 'state.json'],
      /--backend-file .* needs the memory backend: add --backend memory/,
    ],
    [
      'workers with a backend in memory',
      ['--workers', '2', '--backend', 'memory'],
      /Expected --workers without --backend: the memory backend keeps its data in one process/,
    ],
    [
      'a provider of another name',
      ['--auth', 'jtw'],
      /Expected --auth to be dev, tokens, jwt or module, got "jtw"/,
    ],
    [
      'dev for the network',
      ['--host', '0.0.0.0', '--admin-token', 'a-token-for-tests', '--auth', 'dev'],
      /The `dev` namespace provider .* loopback only/,
    ],
  ])('says so in one line and exits 2: %s', async (_, flags, message) => {
    const { code, stdout, stderr } = await runWith(['serve', '--json', '--port', '0', ...flags]);
    expect([code, stdout], stderr).toEqual([2, '']);
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/sesame|0123456789|PRIVATE/);
  });
});

test('a certificate authority in the environment may be there for another command', async () => {
  const args = ['serve', '--check', '--auth', 'jwt', '--jwt-secret', SECRET];
  const { code, stderr } = await runWith(args, { DATAFN_WS_CA: 'no/such.pem' });
  expect([code, stderr]).toEqual([0, '']);
});

describe('token', () => {
  const claimsOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

  test('prints the token and nothing else, with the claims and the lifetime that were asked for', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { code, stdout, stderr } = await runWith([
      ...['token', '--secret', SECRET, '--claim', 'sub=a=b', '--claim', 'x='],
      ...['--claims', '{"roles":["admin"],"x":1}', '--expires-in', '90m'],
    ]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { iat, exp, ...claims } = claimsOf(stdout);
    expect(claims).toEqual({ sub: 'a=b', roles: ['admin'], x: 1 });
    expect(iat).toBeGreaterThanOrEqual(before);
    expect(exp - iat).toBe(90 * 60);
  });

  test.each<[string, Buffer, Buffer]>([
    ['that is no text', Buffer.alloc(32, 0x80), Buffer.alloc(32, 0x80)],
    ['and a line end', Buffer.from(`${SECRET}\n`), Buffer.from(SECRET)],
    ['and a line end of Windows', Buffer.from(`${SECRET}\r\n`), Buffer.from(SECRET)],
    ['that ends in blanks and empty lines', Buffer.from(`${SECRET} \n\n`), Buffer.from(`${SECRET} \n`)],
  ])('signs with the bytes of a file %s, as serve and others do', async (name, bytes, key) => {
    const { stdout } = await runWith(['token', '--secret-file', written(name, bytes), '--claim', 'sub=a']);
    await expect(jwtVerify(stdout.trim(), key)).resolves.toMatchObject({ payload: { sub: 'a' } });
    expect(await readJwtSecret(join(folder, name), '--jwt-secret-file')).toEqual(key);
  });

  test('lasts for an hour, or for ever', async () => {
    const of = async (...args: string[]) =>
      claimsOf((await runWith(['token', '--secret', SECRET, ...args])).stdout);
    const [normal, endless] = await Promise.all([of(), of('--expires-in', '0')]);
    expect(normal.exp - normal.iat).toBe(3600);
    expect(Object.keys(endless)).toEqual(['iat']);
  });

  test.each<[string[], Record<string, string>, RegExp]>([
    [[], {}, /Missing secret\. Pass .* DATAFN_WS_JWT_SECRET/],
    [['--secret', SECRET, '--secret-file', 'x'], {}, /either --secret or --secret-file, not both/],
    [['--secret', 'open-sesame'], {}, /Expected --secret to be at least 32 bytes/],
    [[], { DATAFN_WS_JWT_SECRET: 'open-sesame' }, /Expected DATAFN_WS_JWT_SECRET to be at least 32 bytes/],
    [[], { DATAFN_WS_JWT_SECRET_FILE: '/no/such' }, /Cannot read DATAFN_WS_JWT_SECRET_FILE: /],
    [
      ['--secret', SECRET, '--claim', 'alice'],
      {},
      /Expected --claim to be NAME=VALUE such as sub=alice, got "alice"/,
    ],
    [['--secret', SECRET, '--claim', 'exp=1'], {}, /Expected --claim to be a text claim; use --expires-in/],
    [['--secret', SECRET, '--claims', '[]'], {}, /Expected --claims to be a JSON object/],
    [['--secret', SECRET, '--expires-in', '1 week'], {}, /Expected --expires-in to be a duration/],
    [['--secret', SECRET, 'alice'], {}, /too many arguments/],
    [['--secert', SECRET], {}, /unknown option '--secert'[\s\S]*Did you mean --secret/],
  ])('%j is refused with exit 2, and stdout stays empty', async (args, env, message) => {
    const { code, stdout, stderr } = await runWith(['token', ...args], env);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/sesame/);
  });
});
