import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type OwnServer, startOwnServer } from '../../../src/bench/target/own-server.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-own-server-'));
const started: OwnServer[] = [];
afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
  rmSync(folder, { recursive: true });
});

let files = 0;

/** A command that runs a script of Node, in a file whose name has a blank in it. */
function script(text: string): string {
  files += 1;
  const file = join(folder, `a server ${files}.cjs`);
  writeFileSync(file, text);
  return `"${process.execPath}" '${file}' --own flag`;
}

async function start(command: string, flags: readonly string[] = [], port?: number): Promise<OwnServer> {
  const env = { PATH: process.env.PATH, DATAFN_WS_PORT: '1', OTHER: 'here' };
  const server = await startOwnServer({ command, flags, env, port });
  started.push(server);
  return server;
}

/** Says where it listens, with what it was given in the path, and stays. */
const ECHO = `
const query = new URLSearchParams({ argv: process.argv.slice(2).join(' '), env: Object.keys(process.env).join(' ') });
console.log('Welcome to a server');
console.log('{"level":"info"}');
console.log(JSON.stringify({ wsUrl: 'ws://127.0.0.1:9/ws?' + query }));
setInterval(() => {}, 1000);
`;

describe.concurrent('a server that is started by a command', () => {
  test('is given its own words, a port, --json and the flags, and is found by its line among others', async () => {
    const { wsUrl, apiUrl } = await start(script(ECHO), ['--max-connections', '5'], 8123);
    const { searchParams } = new URL(wsUrl);
    expect(searchParams.get('argv')).toBe('--own flag --port 8123 --json --max-connections 5');
    const names = searchParams.get('env')?.split(' ');
    expect(names).toContain('OTHER');
    expect(names).not.toContain('DATAFN_WS_PORT');
    // It did not say where its HTTP API is: at the same host and port, then.
    expect(apiUrl).toBe('http://127.0.0.1:9');
  });

  test('and that ends before it listens is no server: the error has how it ended and its last words', async () => {
    const command = script(`console.error('the port is taken'); process.exit(4);`);
    await expect(start(command)).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(
        /could not be started: it ended at once \(exit code 4\)\nthe port is taken$/,
      ),
    });
  });

  test('that there is not is no server either, and the error says so', async () => {
    await expect(start('/nowhere/to/be/found --x')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(/could not be started: .*ENOENT/),
    });
  });

  test('has as long to shut down as its flags say, and then some', async () => {
    // Longer than the grace that is given on top of the timeout.
    const slow = script(`process.on('SIGTERM', () => setTimeout(() => process.exit(0), 3500));${ECHO}`);
    const server = await start(slow, ['--shutdown-timeout', '2s']);
    await server.stop();
    expect(server.ended).toBe('exit code 0');
  });

  test('and that does not shut down in that time is cut off', async () => {
    const server = await start(script(`process.on('SIGTERM', () => {});${ECHO}`), [
      '--shutdown-timeout',
      '0',
    ]);
    await server.stop();
    expect(server.ended).toBe('SIGKILL');
  });
});
