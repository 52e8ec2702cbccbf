import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isOnline, mustRun, online } from '../package/consumer.js';
import { disposeProcesses } from '../support/cli-process.js';
import { hasNchan, PYTHON_WITH_WEBSOCKETS, startForeign, stopForeign } from '../support/foreign-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { runVerify } from '../support/verify-process.js';

const { folder } = temporaryFolder('verify-foreign');

// Each test has a server of its own, so those of one server run at the same time.
afterAll(async () => {
  await disposeProcesses();
  await stopForeign();
});

test.runIf(process.env.CI === 'true')('there are a Python with websockets and an nginx with nchan', () => {
  expect(PYTHON_WITH_WEBSOCKETS).toBeDefined();
  expect(hasNchan).toBe(true);
});

describe.skipIf(PYTHON_WITH_WEBSOCKETS === undefined)('a server on the Python package websockets', () => {
  /** What docs/verify.md says that it fails. */
  const FAILS = ['heartbeat/2', 'heartbeat/3', 'heartbeat/6', 'limits/6', 'rfc6455/21'];

  /** Verifies it with a command that causes cursors and one that stops it. */
  async function verifyPython(...args: readonly string[]) {
    const limits = ['--max-connections', '40', '--max-connections-per-namespace', '5'];
    const heartbeat = ['--heartbeat-interval', '1', '--heartbeat-timeout', '2'];
    const { wsUrl, emitUrl, pid } = await startForeign(
      PYTHON_WITH_WEBSOCKETS as string,
      'websockets-server.py',
      ...limits,
      ...heartbeat,
    );
    const fetches = `fetch('${emitUrl}?namespace={namespace}&cursor={cursor}')`;
    return runVerify(
      wsUrl,
      ...['--limits', 'namespace=5,global=40', '--heartbeat', '1s/2s', '--stop-command', `kill ${pid}`],
      ...['--trigger', `command:${process.execPath} -e "${fetches}"`, '--timeout', '4s'],
      ...args,
    );
  }

  test.concurrent('fails what it does in another way, and nothing else', async () => {
    const { failed, code, output } = await verifyPython();
    expect([...failed].sort(), output).toEqual(FAILS);
    expect(code, output).toBe(1);
  });

  test.concurrent('passes with a list of these as expected failures, and fails when one of them passes', async () => {
    const verifyWith = (name: string, expected: readonly string[]) => {
      const file = join(folder, name);
      writeFileSync(file, expected.join('\n'));
      const only = [...FAILS, 'auth/1'].flatMap((id) => ['--only', id]);
      return verifyPython('--expected-failures', file, ...only);
    };
    const [known, outdated] = await Promise.all([
      verifyWith('known.txt', FAILS),
      verifyWith('outdated.txt', [...FAILS, 'auth/1']),
    ]);
    expect(known.code, known.output).toBe(0);
    expect(outdated.code, outdated.output).toBe(1);
    expect(outdated.clauses.find(({ id }) => id === 'auth/1')?.standing).toBe('unexpected pass');
  });
});

describe.skipIf(!hasNchan)('a server on nchan, with a small server that authorizes', () => {
  /** What docs/verify.md says that it fails. */
  const FAILS = [
    ['auth/4', 'rfc6455/21', 'rfc6455/23', 'rfc6455/26', 'rfc6455/27'],
    ['hello/7', 'heartbeat/2', 'heartbeat/3', 'heartbeat/5', 'heartbeat/6'],
    [1, 2, 3, 4, 5, 6, 7, 9].map((number) => `limits/${number}`),
    [3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 17].map((number) => `rfc6455/${number}`),
  ].flat();

  test('fails what it does in another way, and nothing else', async () => {
    const { wsUrl, emitUrl, pid } = await startForeign(
      process.execPath,
      'nchan-server.mjs',
      ...['--max-connections-per-namespace', '5', '--heartbeat-interval', '1'],
    );
    // A command that starts fast on a busy machine, too.
    const curl = `curl --silent --fail "${emitUrl}?namespace={namespace}&cursor={cursor}"`;
    const { failed, code, output } = await runVerify(
      wsUrl,
      ...['--limits', 'namespace=5', '--heartbeat', '1s/2s', '--stop-command', `kill ${pid}`],
      ...['--trigger', `command:${curl}`, '--timeout', '4s'],
    );
    expect([...failed].sort(), output).toEqual(FAILS.sort());
    expect(code, output).toBe(1);
  });
});

describe('a server on Bun with a backend', () => {
  const bun = join(folder, 'node_modules/.bin/bun');
  beforeAll(async () => {
    if (isOnline) await mustRun(folder, 'npm', ['install', '--no-audit', '--no-fund', 'bun@1']);
  }, 300_000);

  online(
    'passes, cursors caused by a push and the HTTP routes checked',
    async () => {
      expect(spawnSync(bun, ['--version'], { encoding: 'utf8' }).stdout).toMatch(/^1\./);
      const { wsUrl, pid } = await startForeign(
        bun,
        'bun-server.mjs',
        '--max-connections-per-namespace',
        '5',
      );
      const { failed, clauses, code, output } = await runVerify(
        wsUrl,
        ...['--limits', 'namespace=5', '--trigger', 'push', '--stop-command', `kill ${pid}`],
        ...['--timeout', '4s'],
      );
      expect(failed, output).toEqual([]);
      expect(code, output).toBe(0);
      const passed = clauses.filter(({ outcome }) => outcome === 'passed').map(({ id }) => id);
      expect(passed).toEqual(expect.arrayContaining(['cursor/6', 'http/1', 'http/4', 'http/5', 'close/5']));
    },
    300_000,
  );
});
