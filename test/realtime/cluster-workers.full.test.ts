import { afterAll, expect, test } from 'vitest';
import { type BenchOutput, runBench } from '../support/bench-process.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyCluster } from '../support/tiny-scenarios.js';

const { file } = temporaryFolder('cluster');
afterAll(disposeProcesses);

/** What a cluster owes its clients, in a moment. */
const tiny = file(
  'tiny-cluster.yaml',
  tinyCluster({
    cluster: 'workers: 2',
    settle: '500ms',
    phases: ['converge: { within: 500ms }', '{ only: workers, kill: worker }'],
    rules: [
      'steady.accepted == 24',
      'cursors.lost == 0',
      'cursors.leaked == 0',
      'converged < 10s',
      'server.accepted == 34',
    ],
  }),
);

/** The line of the report about a rule. */
function ruleLine({ stdout }: BenchOutput, rule: string): string | undefined {
  return stdout.split('\n').find((line) => line.includes(rule) && /[✓✗]/.test(line));
}

test('bench cluster: one server with two workers holds what it promises, a killed worker included', async () => {
  const output = await runBench(['cluster', '--workers', '1']);
  expect(output.code, output.stdout + output.stderr).toBe(0);
  expect(output.stdout).toContain('900 clients against a server with 2 workers that bench started');
  expect(output.stderr).toMatch(/kill the last worker: .*closed by the server/);
  expect(output.stdout).toMatch(/connection lost to reconnected\s+[1-9]/);
  expect(output.stdout).toMatch(/✓ converged < 2s/);
});

test('two servers that share nothing are no cluster: half of the clients are left behind', async () => {
  const [one, two] = await Promise.all([startServe(serveFlags()), startServe(serveFlags())]);
  const output = await runBench([tiny, '--workers', '1', '--url', one.wsUrl, '--url', two.wsUrl]);
  expect(output.code, output.stdout + output.stderr).toBe(1);
  expect(ruleLine(output, 'steady.accepted == 24')).toMatch(/✓.* 24$/);
  // Each has eight of the sixteen, and its own limit of ten.
  expect(ruleLine(output, 'hot.accepted == 10')).toMatch(/✗.* 16$/);
  // Of 50 cursors in turn, 10 to each namespace; half of its clients are not on the first server.
  expect(ruleLine(output, 'cursors.lost == 0')).toMatch(/✗.* 200$/);
  expect(ruleLine(output, 'cursors.leftBehind == 0')).toMatch(/✗.* 20$/);
  expect(ruleLine(output, 'converged < 10s')).toMatch(/✗.*no samples$/);
  expect(ruleLine(output, 'cursors.leaked == 0')).toMatch(/✓/);
  expect(output.stdout).toContain('1 phase of this scenario did not run');
});

test('with emits to each of them, no client of those two misses a cursor', async () => {
  const [one, two] = await Promise.all([startServe(serveFlags()), startServe(serveFlags())]);
  const toAll = ['--set', 'phases[2].emit.to=all', '--set', 'expect[0]=hot.accepted == 16'];
  const sum = ['--set', 'expect[6]=server.accepted == 40'];
  const urls = ['--url', one.wsUrl, '--url', two.wsUrl];
  const output = await runBench([tiny, '--workers', '1', ...toAll, ...sum, ...urls]);
  expect(output.code, output.stdout + output.stderr).toBe(0);
});

test('a server that is given twice counts once', async () => {
  const { wsUrl } = await startServe(serveFlags());
  const again = wsUrl.replace('127.0.0.1', 'localhost');
  const output = await runBench([tiny, '--workers', '1', '--url', wsUrl, '--url', again]);
  expect(output.code, output.stdout + output.stderr).toBe(0);
  expect(ruleLine(output, 'server.accepted == 34')).toMatch(/✓.* 34$/);
});

function serveFlags(): string[] {
  return ['--max-connections-per-namespace', '10', '--resume'];
}
