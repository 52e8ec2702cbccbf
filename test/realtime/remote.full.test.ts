import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runBench } from '../support/bench-process.js';
import { disposeProcesses } from '../support/cli-process.js';
import { benchWith, faultyCommand, startFaulty, stopFaulty } from '../support/faulty-bench.js';
import { smaller } from '../support/smaller.js';

// Somebody else's server: no line of ours in it, a token scheme and an API of its own, and nothing that it says of itself.

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-remote-'));
afterAll(async () => {
  await disposeProcesses();
  await stopFaulty();
  rmSync(folder, { recursive: true });
});

/** The scenario as it ships, with a faster heartbeat and shorter waits, and room for the server to stand still. */
const REMOTE = smaller(
  'remote',
  {
    'users.heartbeat.interval.p50 > 25s': 'users.heartbeat.interval.p50 > 400ms',
    'users.heartbeat.interval.p50 < 35s': 'users.heartbeat.interval.p50 < 1500ms',
    'fanout.p99 < 2s': 'fanout.p99 < 20s',
  },
  {
    'phases[0].connect.rate': '1000/s',
    'phases[emit].emit.for': '1s',
    // The silent ones may be closed meanwhile, if the server stands still: they get no cursors.
    'phases[emit].emit.namespaces': 'user:{1..10}',
    'phases[hold].hold': '6s',
    'phases[6].emit.for': '500ms',
  },
);
const SERVER = ['--no-api', '--heartbeat-interval', '500ms', '--heartbeat-timeout', '2s'];

const emits = (apiUrl: string) => [
  ...['--emit-url', `${apiUrl}/push`],
  ...['--emit-body', '{"namespace":"{namespace}","cursor":"{cursor}"}'],
];

/** Tokens for the namespaces of the scenario, two for the first of them. */
const tokensFile = join(folder, 'tokens.json');
const namespaces = Array.from({ length: 12 }, (_, index) => `user:${index + 1}`);
writeFileSync(
  tokensFile,
  JSON.stringify(
    Object.fromEntries([
      ...namespaces.map((namespace, index) => [`t0k3n/${index}?&`, namespace]),
      ['another', 'user:1'],
    ]),
  ),
);

const SCHEMES: [string, string[], string[]][] = [
  ['tokens made from a template', ['--token-prefix', 'key of '], ['--token-template', 'key of {namespace}']],
  ['tokens from a file', ['--tokens-file', tokensFile], ['--tokens-file', tokensFile]],
  [
    'JWTs signed with a secret',
    ['--jwt-secret', 'sesame'],
    ['--jwt-secret', 'sesame', '--jwt-claims', '{"tenant":"{namespace}"}'],
  ],
];

describe("the scenario `remote` on somebody else's server, by URL", () => {
  test.each(SCHEMES)('passes with %s and emits through its own API', async (_, serverFlags, benchFlags) => {
    const { wsUrl, apiUrl } = await startFaulty(...SERVER, ...serverFlags);
    const args = [...REMOTE, '--url', wsUrl, ...benchFlags, ...emits(apiUrl)];
    const outcome = await benchWith(args);
    expect(outcome.broken, outcome.output).toEqual([]);
    expect(outcome.code, outcome.output).toBe(0);
    expect(outcome.output).not.toContain('sesame');
    // Left running.
    expect((await fetch(`${apiUrl}/readyz`)).status).toBe(200);
  });

  test.each<[string, string[], string[]]>([
    ['of another template', ['--token-prefix', 'key of '], ['--token-template', 'key for {namespace}']],
    [
      'signed with another secret',
      ['--jwt-secret', 'a'],
      ['--jwt-secret', 'b', '--jwt-claims', '{"tenant":"x"}'],
    ],
  ])('fails with tokens %s, and shows that nobody was let in', async (_, serverFlags, benchFlags) => {
    const { wsUrl, apiUrl } = await startFaulty(...SERVER, ...serverFlags);
    const args = [
      ...REMOTE,
      '--url',
      wsUrl,
      ...benchFlags,
      ...emits(apiUrl),
      '--no-preflight',
      '--set',
      'phases[5].hold=100ms',
    ];
    const outcome = await benchWith(args);
    const rules = ['users.accepted == 200', 'noToken.closed[4401] == 10'];
    expect(outcome.reported(rules), outcome.output).toEqual([
      { rule: rules[0], held: false, actual: '0' },
      { rule: rules[1], held: true, actual: '10' },
    ]);
    expect(outcome.code, outcome.output).toBe(1);
  });

  test('fails when the server mixes up two namespaces a single time', async () => {
    const { wsUrl, apiUrl } = await startFaulty(...SERVER, '--fault', 'leaks-one');
    const args = [...REMOTE, '--url', wsUrl, ...emits(apiUrl)];
    const outcome = await benchWith(args);
    expect(outcome.broken, outcome.output).toEqual(['cursors.leaked == 0 1']);
    expect(outcome.code, outcome.output).toBe(1);
  });
});

test('a run that emits is refused with exit 2, where a server by command has no API of ours', async () => {
  const args = ['remote', '--server-command', faultyCommand(undefined, '--no-api')];
  const { code, stdout, stderr } = await runBench(args);
  expect([code, stdout], stderr).toEqual([2, '']);
  expect(stderr).toMatch(/emits cursors.*404.*--admin-url.*--emit-url/);
});
