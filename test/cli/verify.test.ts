import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CLAUSES } from '../../src/verify/clauses/index.js';
import { runWith } from '../support/run-in-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const URL = 'ws://127.0.0.1:1/datafn/ws';
const { folder } = temporaryFolder('verify');

test('--list shows every clause on a line, or those that --only names', async () => {
  const { code, stdout } = await runWith(['verify', '--list']);
  expect(code).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(CLAUSES.length);
  const { stdout: some } = await runWith(['verify', '--list', '--only', 'auth/1']);
  expect(some).toBe('auth/1  MUST    A client without a token is refused. (DataFn reference)\n');
});

describe('what is wrong is exit 2, and nothing is run', () => {
  const file = join(folder, 'expected.txt');
  writeFileSync(file, 'auth/1\nauth/77\n');
  test.each<[string[], string]>([
    [['--only', 'autt'], 'Did you mean `auth`?'],
    [['--only', 'Auth 1'], 'a clause such as auth/1'],
    [['--expected-failures', file], `Expected ${file}:2 to name a clause, got "auth/77"`],
    [['--expected-failures', join(folder, 'none')], 'does not exist'],
    [['127.0.0.1:3001'], 'Expected a URL such as'],
    [['--trigger', 'pull'], 'api, push, or command:'],
    [['--limits', '10'], 'limits such as namespace=10,global=500'],
    [['--heartbeat', '30s'], 'an interval and a timeout such as 30s/10s'],
    [[URL, '--token-b', 'b'], '--token-b needs --token-a'],
    [[URL, '--token-a', 'a', '--token-template', 'x:{namespace}'], 'not both'],
    [
      [URL, '--token-template', 'x:{namespace}', '--jwt-secret', 's'.repeat(32)],
      'Pass only one of --token-template and --jwt-secret',
    ],
    [[URL, '--server-command', 'node x.js'], 'Pass either a URL or --server-command'],
    [['--token-a', 'a'], '--token-a is about a server of yours: add its URL'],
    [['--json', '-', '--html', '-'], 'Expected one report on stdout'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runWith(['verify', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});

test('a server that cannot be reached is exit 3', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => closed.once('listening', resolve));
  const { port } = closed.address() as { port: number };
  await new Promise((resolve) => closed.close(resolve));
  const { code, stderr } = await runWith(['verify', `ws://127.0.0.1:${port}/datafn/ws`]);
  expect(code).toBe(3);
  expect(stderr).toContain('ECONNREFUSED');
});
