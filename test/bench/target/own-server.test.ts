import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { type OwnServer, startOwnServer } from '../../../src/bench/target/own-server.js';
import { canSeeProcesses, childrenOf, untilGone } from '../../support/process-tree.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-own-server-'));
const started: OwnServer[] = [];
afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  vi.useRealTimers();
});

let files = 0;

/** A command that runs a shell script, in a file whose name has a blank in it. */
function script(text: string): string {
  files += 1;
  const file = join(folder, `a server ${files}.sh`);
  writeFileSync(file, text);
  return `/bin/sh '${file}' --own flag`;
}

async function start(command: string, flags: readonly string[] = [], port?: number): Promise<OwnServer> {
  const env = { PATH: process.env.PATH, DATAFN_WS_PORT: '1', OTHER: 'here' };
  const server = await startOwnServer({ command, flags, env, port });
  started.push(server);
  return server;
}

const LISTENING = `echo '{"wsUrl":"ws://127.0.0.1:9/ws"}'`;
/** Stays, and leaves signals to the traps that are set. */
const STAY = 'while :; do sleep 0.05; done';

describe('a server that is started by a command', () => {
  test('is given its own words, a port, --json and the flags, and is found by its line among others', async () => {
    const given = join(folder, 'given');
    const text = `echo "$*" > '${given}'; env >> '${given}'\necho Welcome; echo '{"level":"info"}'\n${LISTENING}\n${STAY}`;
    const { apiUrl, wsUrl } = await start(script(text), ['--max-connections', '5'], 8123);
    expect(wsUrl).toBe('ws://127.0.0.1:9/ws');
    // It did not say where its HTTP API is: at the same host and port, then.
    expect(apiUrl).toBe('http://127.0.0.1:9');
    const [words, ...env] = readFileSync(given, 'utf8').split('\n');
    expect(words).toBe('--own flag --port 8123 --json --max-connections 5');
    expect(env).toContain('OTHER=here');
    expect(env.join('\n')).not.toContain('DATAFN_WS_PORT');
  });

  test('and that ends before it listens is no server: the error has how it ended and its last words', async () => {
    await expect(start(script('echo the port is taken >&2; exit 4'))).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(
        /could not be started: it exited at once \(exit code 4\)\nthe port is taken$/,
      ),
    });
  });

  test('that there is not is no server either, and the error says so', async () => {
    await expect(start('/nowhere/to/be/found --x')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(/could not be started: .*ENOENT/),
    });
  });

  describe.runIf(canSeeProcesses)('has as long to shut down as its flags say and three seconds more', () => {
    /** One that notes that it was told to end, and ends when there is a file that says so. */
    const SLOW = `trap 'touch "$0.told"' TERM\n${LISTENING}\nwhile [ ! -e "$0.go" ]; do sleep 0.05; done`;

    /** Such a server, asked to stop, with a clock that stands still from then on. */
    async function stopping(flags: readonly string[]) {
      const command = script(SLOW);
      const file = join(folder, `a server ${files}.sh`);
      const server = await start(command, flags);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const stopped = server.stop();
      return { server, stopped, file };
    }

    test('one that is slow, but not slower, ends by itself', async () => {
      const { server, stopped, file } = await stopping(['--shutdown-timeout', '2s']);
      vi.advanceTimersByTime(4999);
      // The timer that cuts it off has not fired.
      expect(vi.getTimerCount()).toBe(1);
      writeFileSync(`${file}.go`, '');
      await stopped;
      expect(server.ended).toBe('exit code 0');
    });

    test('one that is slower is cut off', async () => {
      const { server, stopped } = await stopping(['--shutdown-timeout', '0']);
      const children = childrenOf(server.pid);
      expect(children).toHaveLength(1);
      vi.advanceTimersByTime(3000);
      // The timer that cuts it off has fired.
      expect(vi.getTimerCount()).toBe(0);
      await stopped;
      expect(server.ended).toBe('SIGKILL');
      await untilGone(children);
    });
  });
});
