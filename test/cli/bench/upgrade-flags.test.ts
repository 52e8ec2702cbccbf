import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadScenario, scenarioFile } from '../../../src/bench/scenario/load.js';
import { remoteOptions } from '../../../src/cli/bench/remote-options.js';
import { replayFlags } from '../../../src/cli/bench/replay-flags.js';
import { benchOptions } from '../../../src/options/bench.js';
import { traceOptions } from '../../../src/options/spec.js';
import { runWith } from '../../support/run-in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-upgrade-flags-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'words.yaml');
writeFileSync(
  file,
  `version: 1
name: words
cohorts:
  few: { clients: 2, namespaces: "two words" }
phases:
  - connect: { cohort: few }
expect:
  - few.accepted == 2
`,
);

const URL = ['--url', 'ws://127.0.0.1:1/'];
test.each<[string[], RegExp]>([
  [['--header', 'no colon'], /Expected --header to be a header such as/],
  [['--header', 'a: b\r\nc: d'], /Expected --header to be a header such as/],
  [['--header', 'Upgrade: x'], /a header other than upgrade/],
  [
    ['--header', 'Sec-WebSocket-Key: hush'],
    /a header other than sec-websocket-key \(the handshake sets it\)/,
  ],
  [['--header', 'Sec-WebSocket-Protocol: a'], /use --subprotocol/],
  [['--header', 'Origin: https://a.test'], /use --origin/],
  [
    ['--header', 'Authorization: Bearer hush', '--token-via', 'header'],
    /--token-via header sets the Authorization header/,
  ],
  [['--origin', 'a.test/path'], /Expected --origin to be an origin such as/],
  [['--subprotocol', 'a b'], /Expected --subprotocol to be a subprotocol name/],
  [['--token-via', 'body'], /query, header, cookie or subprotocol/],
  [['--token-via', 'header'], /--token-via header takes tokens of visible ASCII characters/],
  [['--namespace-prefix', '{runs}'], /\{runs\} is unknown\. Did you mean `\{run\}`/],
  [['--namespace-prefix', 'a'.repeat(250)], /at most 255 characters/],
])('%j is wrong usage, and no secret is shown', async (flags, message) => {
  const { code, stdout, stderr } = await runWith(['bench', file, ...URL, ...flags]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain('hush');
});

test('--no-preflight does nothing without --url', async () => {
  const { code, stderr } = await runWith(['bench', file, '--no-preflight']);
  expect(code).toBe(2);
  expect(stderr).toContain('--no-preflight needs --url: add it');
});

test('credentials of the environment, which are those of another server, do not concern the server of bench', async () => {
  const scenario = await loadScenario(await scenarioFile(file), {});
  const { values } = traceOptions(benchOptions, { flags: {}, env: { DATAFN_WS_JWT_SECRET: 'x'.repeat(32) } });
  expect(values.jwtSecret).toBe('x'.repeat(32));
  expect((await remoteOptions(values, scenario)).credentials).toEqual({ kind: 'namespace' });
  const remote = { ...values, url: ['ws://127.0.0.1:1'] };
  expect((await remoteOptions(remote, scenario)).credentials).toMatchObject({ kind: 'jwt' });
});

test('the command that repeats a run has what the upgrade requests had, less the values of headers', () => {
  const flags = {
    header: ['X-Key: hush', 'Cookie: hush=hush'],
    origin: 'https://app.test',
    subprotocol: ['a', 'b'],
    tokenVia: 'cookie',
    namespacePrefix: 'load-{run}:',
    preflight: false,
    strict: true,
  };
  expect(replayFlags(traceOptions(benchOptions, { flags, env: {} }))).toEqual([
    "--header 'X-Key: …'",
    "--header 'Cookie: …'",
    '--origin https://app.test',
    '--subprotocol a',
    '--subprotocol b',
    '--token-via cookie',
    "--namespace-prefix 'load-{run}:'",
    '--no-preflight',
    '--strict',
  ]);
});
