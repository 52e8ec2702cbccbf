import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BenchOutput, runBench } from '../support/bench-process.js';
import { everyReport, expectMarked } from '../support/bench-reports.js';
import { BIN, disposeProcesses, runCli, startServe } from '../support/cli-process.js';
import { smaller } from '../support/smaller.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { TINY } from '../support/tiny-scenarios.js';

// One run of each kind. Each is over in a moment: the shorter it is, the less a busy machine can do to it.

const { file, path, folder } = temporaryFolder('bench');
afterAll(disposeProcesses);

const tiny = file('tiny.yaml', TINY);
const base = everyReport(folder, 'base');
let passed: BenchOutput;

beforeAll(async () => {
  passed = await runBench([tiny, '--workers', '1', ...base.flags]);
}, 180_000);

/** The line of the report about a rule. */
function ruleLine({ stdout }: BenchOutput, rule: string): string | undefined {
  return stdout.split('\n').find((line) => line.includes(rule) && /[✓✗]/.test(line));
}

test('a run in which everything holds exits with 0, and says so on stdout and in every report', async () => {
  const { code, stdout, stderr } = passed;
  expect(code, stdout + stderr).toBe(0);
  const held = stdout.split('\n').filter((line) => /^ {2}✓ /.test(line));
  expect(held.filter((line) => !line.includes('(implicit)'))).toHaveLength(7);
  expect(stdout).not.toMatch(/✗/);
  // Progress is for people and goes elsewhere.
  expect(stderr).toContain('clients (steady)');
  expect(stdout).not.toContain('opened in');
  const { phases, replay } = await expectMarked('passed', stdout, base.read());
  expect(phases.map(({ kind, isFinished }) => [kind, isFinished])).toEqual([
    ...Array.from({ length: 3 }, () => ['connect', true]),
    ['emit', true],
  ]);
  expect(replay).toMatch(/^npx datafn-ws bench \S+tiny\.yaml --seed 1 --workers 1$/);
});

test('a run in which a rule does not hold exits with 1; every report names the rule and the actual value, or that there is none', async () => {
  const reports = everyReport(folder, 'failed');
  const output = await runBench([
    ...[tiny, '--workers', '1', ...reports.flags],
    ...['--set', 'expect[0]=steady.accepted == 21', '--set', 'expect[1]=api.failed == 0'],
  ]);
  expect(output.code, output.stdout + output.stderr).toBe(1);
  expect(ruleLine(output, 'steady.accepted == 21')).toMatch(/✗ steady\.accepted == 21\s+20$/);
  expect(ruleLine(output, 'api.failed == 0')).toMatch(/✗.*no samples$/);
  // Each once among the rules, and once at the end, with what it usually means.
  expect(output.stdout.match(/✗/g)).toHaveLength(4);
  expect(output.stdout + output.stderr).not.toMatch(/^\s+at .*[:(]\d+|bug:/m);
  const { junit, markdown, html } = reports.read();
  for (const text of [junit, markdown, html]) expect(text).toContain('steady.accepted == 21');
  await expectMarked('failed', output.stdout, reports.read());
});

test('a run against a server by URL that takes less than that of the baseline is a regression, exit 4, in every report; the server is left running', async () => {
  const serve = await startServe(['--max-connections-per-namespace', '8', '--admin-token', 'sesame']);
  const reports = everyReport(folder, 'worse');
  const output = await runBench([
    ...[tiny, '--workers', '1', '--url', serve.wsUrl, '--admin-token', 'sesame'],
    ...['--baseline', path('base.json'), ...reports.flags],
  ]);
  expect(output.code, output.stdout + output.stderr).toBe(4);
  expect(output.stdout).toMatch(/^REGRESSED tiny$/m);
  expect(output.stdout).toMatch(/^ {2}✗ hot\.accepted +10 -> 8$/m);
  const { json, ...texts } = reports.read();
  expect(json.verdict).toBe('regressed');
  for (const text of Object.values(texts)) {
    expect(text).toContain('hot.accepted');
    expect(text).not.toContain('sesame');
  }
  expect((await fetch(`${serve.apiUrl}/healthz`)).status).toBe(200);
  // The other way round, the count has changed as well.
  expect((await runCli(['compare', path('worse.json'), path('base.json')])).code).toBe(4);
});

test('the scenario smoke, which is the default, passes', async () => {
  const args = smaller(
    'smoke',
    {
      // Heartbeats take seconds, in which a machine can do a lot.
      'silent.closed[1001 "Heartbeat timeout"] == 50': 'silent.accepted == 50',
      'fanout.p99 < 2s': 'fanout.p99 < 20s',
      'steady.accepted == 1000': 'steady.accepted == 200',
      'steady.disconnected == 1000': 'steady.disconnected == 200',
    },
    {
      'server.heartbeatInterval': '500ms',
      'server.heartbeatTimeout': '10s',
      'cohorts.steady.clients': '200',
      'phases[emit].emit.for': '300ms',
      'phases[hold].hold': '10ms',
      'phases[6].emit.for': '300ms',
    },
  );
  expect(args.shift()).toBe('smoke');
  const { code, stdout, stderr } = await runBench(args);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/^PASSED smoke$/m);
});

/** A device on which no byte fits. */
const FULL = '/dev/full';

test.runIf(existsSync(FULL))(
  'output that does not fit on the disk is exit 74, with one line that says so',
  () => {
    const full = openSync(FULL, 'w');
    const { status, stderr } = spawnSync(process.execPath, [BIN, 'bench', '--validate', tiny], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    expect([status, stderr]).toEqual([
      74,
      expect.stringMatching(/^error: Cannot write to stdout: ENOSPC[^\n]*\n$/),
    ]);
  },
);
