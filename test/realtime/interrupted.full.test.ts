import { afterAll, describe, expect, test } from 'vitest';
import { runBench, unlessStalled } from '../support/bench-process.js';
import { disposeProcesses, startCli } from '../support/cli-process.js';
import {
  canSeeProcesses,
  childrenOf,
  type ProcessEntry,
  untilChildren,
  untilGone,
  untilNoneMarked,
} from '../support/process-tree.js';
import { isServer, isWorker, spinning, startConnected } from '../support/started-bench.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { WAITING } from '../support/tiny-scenarios.js';

const { file } = temporaryFolder('interrupted-full');
afterAll(disposeProcesses);

const waiting = file('waiting.yaml', WAITING);

describe.runIf(canSeeProcesses)('the end of a run before its time', () => {
  test.each([
    ['SIGHUP', 129],
    ['SIGTERM', 143],
  ] as const)(
    'by %s: what there is so far is reported as aborted, exit %i, and no process is left',
    async (signal, code) => {
      const { run, children } = await startConnected([waiting, '--workers', '2']);
      run.kill(signal);
      expect(await run.ended()).toEqual({ code, signal: null });
      expect(run.stdout).toMatch(/^ABORTED waiting$/m);
      expect(run.stdout).toMatch(/✓ steady\.accepted == 20\s+20$/m);
      expect(run.stdout).toMatch(/steady\s+accepted\s+open at the end\s+20/);
      await untilGone(children);
    },
  );

  test('by SIGINT in the first of several scenarios: the others are not run', async () => {
    const { run } = await startConnected([waiting, waiting, '--workers', '1']);
    run.kill('SIGINT');
    expect((await run.ended()).code).toBe(130);
    expect(run.stdout.match(/^ABORTED waiting$/gm)).toHaveLength(1);
    expect(run.stdout).toContain('not run');
  });

  test('by SIGINT while its server still starts: exit 130, and no process is left', async () => {
    const run = startCli(['bench', waiting]);
    const children = await untilChildren(run.pid, (found) => found.some(isServer));
    run.kill('SIGINT');
    expect(await run.ended()).toEqual({ code: 130, signal: null });
    await untilGone(children);
  });

  // A server that never says where it listens, and one that says so and then heeds nothing.
  const mute = file('mute.cjs', `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`);
  const deaf = file('deaf.cjs', `console.log('{"wsUrl":"ws://127.0.0.1:9/"}'); require('./mute.cjs');`);
  const isNode = ({ command }: ProcessEntry) => / \S*\.cjs /.test(command);

  test('by SIGINT while it waits for a server that never comes up: exit 130, and no process is left', async () => {
    const run = startCli(['bench', waiting, '--server-command', `node ${mute}`]);
    const children = await untilChildren(run.pid, (found) => found.some(isNode));
    await untilChildren(children[0]?.pid as number, (found) => found.some(isNode));
    run.kill('SIGINT');
    expect(await run.ended()).toEqual({ code: 130, signal: null });
    expect(run.stdout).toMatch(/^Overall\n {2}NOT RUN waiting\nABORTED 1 scenario: 1 not run\n$/m);
    await untilGone(children);
  });

  test('by SIGINT twice: it waits for nothing any more, and no process is left', async () => {
    const mark = `${process.pid} twice`;
    const args = ['bench', waiting, '--server-command', `node ${deaf}`];
    const run = startCli(args, { env: { BENCH_TEST_MARK: mark } });
    await run.until(() => run.stderr.includes('clients (steady)'), 'the first phase');
    run.kill('SIGINT');
    // The server has ten seconds to shut down, and three more: it is alive still when the run is not.
    await untilChildren(run.pid, (found) => !found.some(isWorker));
    run.kill('SIGINT');
    expect(await run.ended()).toEqual({ code: 130, signal: null });
    expect(run.stdout).not.toContain('ABORTED');
    await untilNoneMarked('BENCH_TEST_MARK', mark);
  });

  describe('by SIGKILL in the middle of its start: whatever it has started goes with it', () => {
    // It takes no notice of its channel nor of SIGTERM, nor does what it has started.
    const stubborn = file(
      'stubborn.sh',
      `trap '' TERM
node -e 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)' &
echo '{"wsUrl":"ws://127.0.0.1:9/ws"}'
while :; do sleep 600; done
`,
    );
    test.each<[string, string[], (children: readonly ProcessEntry[]) => boolean]>([
      ['when its server has just been started', [], (children) => children.some(isServer)],
      ['when its workers have just been started', [], (children) => children.some(isWorker)],
      [
        'when the keeper of a server by a command has just been started',
        ['--server-command', `sh ${stubborn}`],
        (children) => children.length > 0,
      ],
      [
        'when a server by a command runs that heeds nothing',
        ['--server-command', `sh ${stubborn}`],
        (children) =>
          children.some(({ pid }) => childrenOf(pid).some((one) => childrenOf(one.pid).length > 1)),
      ],
    ])('%s', async (what, args, isTime) => {
      const mark = `${process.pid} ${what}`;
      const run = startCli(['bench', waiting, ...args], { env: { BENCH_TEST_MARK: mark } });
      await untilChildren(run.pid, isTime);
      run.kill('SIGKILL');
      await run.ended();
      await untilNoneMarked('BENCH_TEST_MARK', mark);
    });
  });

  test('of a server that does not come back from a restart: exit 1, with a report that says why', async () => {
    const once = file(
      'once.cjs',
      `const fs = require('node:fs');
if (fs.existsSync(__filename + '.ran')) { console.error('not again'); process.exit(7); }
fs.writeFileSync(__filename + '.ran', '');
console.log('{"wsUrl":"ws://127.0.0.1:9/"}');
setInterval(() => {}, 1000);`,
    );
    const args = ['--set', 'phases[1]=restart-server: {}', '--server-command', `node ${once}`];
    const output = await runBench([waiting, ...args]);
    expect(output.code, output.stdout + output.stderr).toBe(1);
    expect(output.stdout).toMatch(/^FAILED waiting$/m);
    expect(output.stdout.replace(/\s+/g, ' ')).toContain(
      'The run ended early: The server for this run could not be started: it exited at once (exit code 7) | not again',
    );
    expect(output.stdout + output.stderr).not.toMatch(/^\s+at .*[:(]\d+|bug:/m);
  });

  test('of the server: the run has failed, exit 1, and it says once that the server ended', async () => {
    const holds = file('holds.yaml', WAITING.replace(/( +- )hold: .*/, '$1hold: 5s\n$1hold: 100ms'));
    const run = async () => {
      const { run: started, children } = await startConnected([holds, '--workers', '1']);
      process.kill((children.find(isServer) as ProcessEntry).pid, 'SIGKILL');
      const { code } = await started.ended();
      return { code, stdout: started.stdout, stderr: started.stderr, children };
    };
    const { code, stdout, children } = await unlessStalled('a run whose server is killed', run);
    expect(code, stdout).toBe(1);
    // At the top and at the end.
    expect(stdout.match(/server under test exited/g)).toHaveLength(2);
    expect(stdout).toMatch(/lost without a close frame \(1006\)\s+20/);
    await untilGone(children);
  });
});

test.runIf(canSeeProcesses)('SIGKILL: the workers and the server go with it', async () => {
  const { run, children } = await startConnected([waiting, '--workers', '1']);
  run.kill('SIGKILL');
  expect(await run.ended()).toEqual({ code: null, signal: 'SIGKILL' });
  await untilGone(children);
});

test('workers that have no time for their clients: the result is not valid, exit 5, and it says which and for how long', async () => {
  const late = file(
    'late.yaml',
    WAITING.replace('hold: 60s', 'emit: { namespaces: all, rate: 20/s, for: 200ms }'),
  );
  const { run } = await startConnected([late, '--workers', '1'], spinning('expectPlan', 1500, 0));
  expect((await run.ended()).code, run.stdout + run.stderr).toBe(5);
  expect(run.stdout).toMatch(/^INVALID waiting$/m);
  expect(run.stdout.replace(/\s+/g, ' ')).toMatch(
    /load generator was the bottleneck: worker 1 stalled for \d\.\d\d s/,
  );
  // The rules are shown as they stand, and do not make it a pass.
  expect(run.stdout).toMatch(/✓ steady\.accepted == 20/);
});
