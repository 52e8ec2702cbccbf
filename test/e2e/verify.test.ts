import { afterEach, expect, test } from 'vitest';
import { BIN, disposeProcesses, startCli, startServe } from '../support/cli-process.js';
import { runVerify } from '../support/verify-process.js';

afterEach(disposeProcesses);

test('serve passes some clauses of each kind', async () => {
  const ids = ['auth/1', 'hello/1', 'message/1', 'cursor/1', 'limits/1', 'close/1', 'rfc6455/1', 'http/20'];
  const { code, clauses, failed, output } = await runVerify(...ids.flatMap((id) => ['--only', id]));
  expect(failed, output).toEqual([]);
  expect(code, output).toBe(0);
  expect(clauses.map(({ outcome }) => outcome)).toEqual(ids.map(() => 'passed'));
});

test('cursors come by pushes of a DataFn client, or by a command of the user, where they are asked for', async () => {
  const pushed = await runVerify('--trigger', 'push', '--only', 'cursor/6', '--only', 'http/4');
  expect(
    pushed.clauses.map(({ outcome }) => outcome),
    pushed.output,
  ).toEqual(['passed', 'passed']);
  const { wsUrl, apiUrl } = await startServe();
  const command = `command:${process.execPath} ${BIN} emit {cursor} -n {namespace} --url ${apiUrl}`;
  const commanded = await runVerify(wsUrl, '--trigger', command, '--only', 'cursor/1', '--only', 'cursor/2');
  expect(
    commanded.clauses.map(({ outcome }) => outcome),
    commanded.output,
  ).toEqual(['passed', 'passed']);
});

test('a command that fails is why a clause fails, with what it printed', async () => {
  const { wsUrl } = await startServe();
  const command = `command:${process.execPath} -e "console.error('no such queue');process.exit(3)"`;
  const { code, clauses, output } = await runVerify(wsUrl, '--trigger', command, '--only', 'cursor/1');
  expect(code, output).toBe(1);
  expect(JSON.stringify(clauses[0])).toContain('no such queue');
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
