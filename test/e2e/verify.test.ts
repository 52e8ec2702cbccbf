import { afterEach, expect, test } from 'vitest';
import { disposeProcesses, startCli } from '../support/cli-process.js';
import { runVerify } from '../support/verify-process.js';

afterEach(disposeProcesses);

test('serve passes some clauses of each kind', async () => {
  const ids = ['auth/1', 'hello/1', 'message/1', 'cursor/1', 'limits/1', 'close/1', 'rfc6455/1', 'http/20'];
  const { code, clauses, failed, output } = await runVerify(...ids.flatMap((id) => ['--only', id]));
  expect(failed, output).toEqual([]);
  expect(code, output).toBe(0);
  expect(clauses.map(({ outcome }) => outcome)).toEqual(ids.map(() => 'passed'));
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
