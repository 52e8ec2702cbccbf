import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { disposeLive, startServer } from '../../support/live-server.js';
import { runWith } from '../../support/run-in-process.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { TINY, WAITING } from '../../support/tiny-scenarios.js';

const { file } = temporaryFolder('bench-usage');
afterEach(disposeLive);

const tiny = file('tiny.yaml', TINY);
const waiting = file('waiting.yaml', WAITING);
const broken = file('broken.yaml', 'version: 1\nname: [x\n');
const wrong = file(
  'wrong.yaml',
  TINY.replace('clients: 14', 'clinets: 14').replace('cursors.lost', 'cursors.lots'),
);

const bench = (...args: string[]) => runWith(['bench', ...args]);

/** Checks that nothing was run, and that an error is for the one who made it: no stack, no bug. */
function expectRefused({ code, stdout, stderr }: Awaited<ReturnType<typeof bench>>, exit = 2): void {
  expect([code, stdout], stderr).toEqual([exit, '']);
  expect(stderr).not.toMatch(/^\s+at .*[:(]\d+|bug:/m);
  // The name of the scenario is what a run begins with.
  expect(stderr).not.toMatch(/^tiny$/m);
}

describe('wrong usage exits with 2, says what is wrong, and runs nothing', () => {
  test.each<[string, string[], RegExp[]]>([
    ['a flag there is not', ['--wrokers', '2'], [/--wrokers/, /--workers/]],
    ['a value that is none', ['--workers', 'many'], [/--workers/, /many/]],
    ['a URL that is none', ['--url', 'http://127.0.0.1:1/'], [/--url/, /ws:/]],
    ['a scenario there is not', ['smok'], [/smok/, /Did you mean `smoke`/]],
    ['a file there is not', ['./nowhere.yaml'], [/nowhere\.yaml/]],
    ['broken YAML', [broken], [/broken\.yaml:\d+:\d+: /]],
    [
      'several mistakes in one file',
      [wrong],
      [/wrong\.yaml:7:\d+: .*`clients`/, /wrong\.yaml:19:\d+: .*`cursors\.lost`/],
    ],
    ['mistakes in several files', [broken, wrong, tiny], [/broken\.yaml:/, /wrong\.yaml:/]],
    [
      'a path that does not exist',
      [tiny, '--set', 'cohorts.stedy.clients=3'],
      [/--set/, /cohorts\.steady\.clients/],
    ],
    [
      'a value that does not fit',
      [tiny, '--set', 'cohorts.steady.clients=few'],
      [/--set cohorts\.steady\.clients/, /few/],
    ],
    ['a --set without a value', [tiny, '--set', 'seed'], [/--set/, /PATH=VALUE/]],
    [
      'more clients than a process has descriptors',
      [tiny, '--set', 'cohorts.steady.clients=9000000'],
      [/ulimit -n/],
    ],
    [
      'one scenario of several that cannot be run on the target',
      [tiny, 'shutdown', 'churn', '--url', 'ws://127.0.0.1:9/'],
      [/^error: The scenario shutdown .*drop --url/m],
    ],
    [
      'a server by URL and one by command',
      ['--url', 'ws://127.0.0.1:9/', '--server-command', 'node x.js'],
      [/either --url or --server-command, not both/],
    ],
    [
      'a command that is none',
      ['--server-command', "node 'x.js"],
      [/Expected --server-command to be a command.*closed quotes/],
    ],
    [
      'a file of tokens that lacks a namespace of the scenario',
      [tiny, '--url', 'ws://127.0.0.1:9/', '--tokens-file', file('tokens.json', '{"t0ken":"hot"}')],
      [/--tokens-file has no token for user:1 and 3 more/],
    ],
  ])('%s', async (_what, args, hints) => {
    const refused = await bench(...args);
    expectRefused(refused);
    for (const hint of hints) expect(refused.stderr).toMatch(hint);
  });
});

describe('a target that cannot be tested is refused before the run begins', () => {
  test('a server that asks for a token: exit 3, and how to give it', async () => {
    const { wsUrl } = await startServer({ adminToken: 'sesame' });
    const refused = await bench(tiny, '--url', wsUrl);
    expectRefused(refused, 3);
    expect(refused.stderr).toMatch(/401.*--admin-token/);
    expect(refused.stderr).not.toContain('..');
  });

  test('a server with neither our API nor a template for another, where the scenario emits: exit 2, and what to give', async () => {
    const { wsUrl, apiUrl } = await startServer();
    const refused = await bench('remote', '--url', wsUrl, '--admin-url', `${apiUrl}/of/somebody/else`);
    expectRefused(refused);
    expect(refused.stderr).toMatch(/emits cursors.*404.*--admin-url.*--emit-url/);
  });

  test('an address where nobody listens: exit 3, and where that is', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const refused = await bench(tiny, '--url', `ws://127.0.0.1:${port}/datafn/ws`);
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining(`127.0.0.1:${port}`)]);
  });
});

test('--validate checks and runs nothing; with no scenario, it checks smoke', async () => {
  const good = await bench('--validate', waiting, tiny, 'heartbeat');
  expect([good.code, good.stdout.match(/^\w+ is valid/gm)]).toEqual([
    0,
    ['waiting is valid', 'tiny is valid', 'heartbeat is valid'],
  ]);
  expect((await bench('--validate')).stdout).toMatch(/^smoke is valid/);
  const bad = await bench('--validate', waiting, wrong);
  expectRefused(bad);
  expect(bad.stderr).toMatch(/wrong\.yaml:7/);
});

test('--list names what ships', async () => {
  const { code, stdout } = await bench('--list');
  expect(code).toBe(0);
  for (const name of ['smoke', 'limits', 'heartbeat'])
    expect(stdout).toMatch(new RegExp(`^${name} .*clients`, 'm'));
});
