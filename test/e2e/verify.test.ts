import { afterEach, expect, test } from 'vitest';
import { disposeProcesses, startCli } from '../support/cli-process.js';
import { runVerify } from '../support/verify-process.js';

afterEach(disposeProcesses);

// A stopped process answers late, so the server has longer than a user would give it.
test('serve does everything that the contract says, and what cannot be tested says what to pass', async () => {
  const { code, clauses, failed, output } = await runVerify('--timeout', '6s', '--heartbeat', '2s/5s');
  expect(failed, output).toEqual([]);
  expect(code, output).toBe(0);
  const skipped = clauses.filter(({ outcome }) => outcome === 'skipped');
  // The DataFn routes, which serve does not have.
  for (const { id, remedy } of skipped) {
    expect(id).toMatch(/^(http\/[1-7]|cursor\/6)$/);
    expect(remedy).toContain('--trigger push');
  }
  expect(clauses.filter(({ outcome }) => outcome === 'passed').length).toBeGreaterThan(80);
});

test('a run that is stopped reports what it has, and exits as it was stopped', async () => {
  const verify = startCli([
    'verify',
    '--only',
    'heartbeat/4',
    '--only',
    'auth/1',
    '--heartbeat',
    '20s/20s',
    '--json',
    '-',
  ]);
  await verify.logged(/^checking ws:.*: 2 clauses$/);
  verify.kill('SIGINT');
  const { code } = await verify.ended();
  expect(code, verify.stderr).toBe(130);
  expect(JSON.parse(verify.stdout)).toMatchObject({ verdict: 'aborted', isAborted: true });
});
