import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { afterEach, describe, expect, onTestFailed, test, vi } from 'vitest';
import { BIN, disposeProcesses, runCli, startCli, startServe } from '../support/cli-process.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { disposeTerminals, inTerminal, Terminal } from '../support/terminal.js';

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

/** Where a client with this token ends up: its namespace, or the close that it got. */
async function outcomeOf(serve: Awaited<ReturnType<typeof startServe>>, token: string | undefined) {
  const client = await openClient(serve.wsUrl, token);
  const line = await serve.logged(/connected|refused/);
  serve.stderr = serve.stderr.replace(line, '');
  return /#\d+ (\S+) connected/.exec(line)?.[1] ?? (await client.closed());
}

describe('serve --auth tokens', () => {
  test('a file that has become a pipe is refused on SIGHUP, the next one is read, and the process ends when it is told to', async () => {
    const file = written('pipe.yaml', `${ALICE}: user:alice\n`);
    const serve = await startServe(['--auth', 'tokens', '--tokens', file]);
    rmSync(file);
    execFileSync('mkfifo', [file]);
    serve.kill('SIGHUP');
    await serve.logged(
      /SIGHUP: kept the old version of the tokens file: \S+pipe\.yaml is not a regular file and can be read only once$/,
    );
    await (await openClient(serve.wsUrl, ALICE)).roundTrip();

    rmSync(file);
    written('pipe.yaml', `${BOB}: user:bob\n`);
    serve.kill('SIGHUP');
    await serve.logged(/SIGHUP: reloaded the tokens file/);
    await (await openClient(serve.wsUrl, BOB)).roundTrip();
    serve.kill('SIGTERM');
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
  });

  inTerminal('ends all the same when its terminal is closed, which is a SIGHUP, too', async () => {
    const file = written('terminal.yaml', `${ALICE}: user:alice\n`);
    const command = [
      process.execPath,
      BIN,
      'serve',
      '--json',
      '-p',
      '0',
      '--auth',
      'tokens',
      '--tokens',
      file,
    ];
    const terminal = new Terminal(command);
    const said = () => /\{"event":"listening".*\}/.exec(terminal.screen.written)?.[0];
    await terminal.until(() => said() !== undefined, 'the line of `serve --json`');
    const { pid, wsUrl } = JSON.parse(said() as string);
    const client = await openClient(wsUrl, ALICE);
    onTestFailed(() => void process.kill(pid, 'SIGKILL'));
    process.kill(pid, 'SIGHUP');
    await terminal.until(
      () => /SIGHUP: reloaded the tokens file/.test(terminal.screen.written),
      'the reload',
    );
    await client.roundTrip();
    terminal.child.kill('SIGKILL');
    expect(await client.closed()).toEqual({ code: 1001, reason: 'Going Away' });
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 8000 });
  });

  test('greets with a namespace of the file, and shows no token', async () => {
    const file = written('greeting.yaml', `${ALICE}: tenant/7\n`);
    const serve = startCli(['serve', '-p', '0', '--auth', 'tokens', '--tokens', file]);
    await serve.until(() => serve.stdout.includes('Ctrl-C'), 'the banner');
    expect(serve.stdout).toMatch(/ws\?token=TOKEN\n/);
    expect(serve.stdout).toContain('emit 42 -n tenant/7');
    expect(serve.stdout).not.toContain(ALICE);
  });
});

describe('serve --auth jwt', () => {
  test('reads the secret from a file, and its banner has commands that work as they stand', async () => {
    const file = written('secret', `${SECRET}\n`);
    const serve = startCli(['serve', '-p', '0', '--auth', 'jwt', '--jwt-secret-file', file]);
    await serve.until(() => serve.stdout.includes('Ctrl-C'), 'the banner');
    const command = (name: string) =>
      new RegExp(`npx datafn-ws (${name} .+)`).exec(serve.stdout)?.[1]?.split(' ') ?? [];
    const token = (await runCli(command('token'))).stdout.trim();
    const client = await openClient(/ws:\/\/[^?]+/.exec(serve.stdout)?.[0] ?? '', token);
    expect((await runCli(command('emit'))).stdout).toBe('cursor 42 to user:alice: 1 client\n');
    expect(await client.received(1)).toHaveLength(1);
    expect(serve.stdout).not.toContain(SECRET);
  });

  test('verifies with a public key, and with the keys of a URL', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const token = await new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'EdDSA' }).sign(privateKey);
    const jwk = await exportJWK(publicKey);
    const keys = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] }))).listen(
      0,
      '127.0.0.1',
    );
    await once(keys, 'listening');
    try {
      const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks.json`;
      const pem = written('key.pem', publicKey.export({ type: 'spki', format: 'pem' }).toString());
      for (const flags of [
        ['--jwt-public-key', pem],
        ['--jwt-jwks-url', url],
      ]) {
        const serve = await startServe(['--auth', 'jwt', ...flags]);
        expect(await outcomeOf(serve, token)).toBe('user:alice');
        expect(await outcomeOf(serve, undefined)).toEqual(UNAUTHORIZED);
      }
    } finally {
      keys.closeAllConnections();
      keys.close();
    }
  });
});

test('a variable of another --auth is not in the way', async () => {
  const file = written('good.yaml', `${ALICE}: user:alice\n`);
  const serve = await startServe(['--auth', 'tokens', '--tokens', file], {
    env: { DATAFN_WS_JWT_SECRET: SECRET },
  });
  await (await openClient(serve.wsUrl, ALICE)).roundTrip();
});
test('serve that cannot use its --auth says so in one line and exits 2', async () => {
  const syntax = written('bad syntax #?.mjs', 'export const x = 1;\nexport const = 2;\n');
  const { code, stdout, stderr } = await runCli([
    'serve',
    '-p',
    '0',
    '--auth',
    'module',
    '--auth-module',
    syntax,
  ]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    /^error: .* cannot be loaded: Unexpected token '=' \(node --check \S.*bad syntax #\?\.mjs shows where\)\n$/,
  );
});
