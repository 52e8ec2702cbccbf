import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { disposeProcesses, runCli } from '../support/cli-process.js';
import { within } from '../support/deadline.js';
import { canSeeProcesses, type ProcessEntry } from '../support/process-tree.js';
import { isWorker, spinning, startConnected } from '../support/started-bench.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** The built one: its workers are processes, which run no sources. */
const POOL = pathToFileURL(join(import.meta.dirname, '../../dist/bench/fleet/worker-pool.js')).href;
/** For how long a process has to stand still for the result to say nothing of the server, and a little. */
const STILL_MS = 1300;

const temporary = temporaryFolder('load-generator');
afterAll(disposeProcesses);

/** A scenario of a few clients that a healthy generator plays with ease. */
function scenario(name: string, phase: string): string {
  return temporary.file(
    `${name}.yaml`,
    `version: 1
name: ${name}
cohorts:
  steady: { clients: 4 }
phases:
  - connect: { cohort: steady, atOnce: true }
  - ${phase}
expect:
  - steady.accepted == 4
`,
  );
}

describe('workers that have no time for their clients', () => {
  test('make the result invalid, exit 5, whatever came of its rules, and the report names the resource', async () => {
    const args = [
      'bench',
      scenario('late', 'emit: { namespaces: all, rate: 5/s, for: 6s }'),
      '--workers',
      '1',
    ];
    const { code, stdout, stderr } = await runCli(args, spinning('expectPlan', 400, 30_000));
    expect(code, stdout + stderr).toBe(5);
    expect(stdout).toMatch(/^INVALID late$/m);
    const said = stdout.replace(/\s+/g, ' ');
    expect(said).toMatch(/load generator was the bottleneck: worker \d ran at \d+% CPU/);
    expect(said).toMatch(/event-loop delay of up to \d{3,} ms/);
    // The rules are shown as they stand, and do not make it a pass.
    expect(stdout).toMatch(/[✓✗] steady\.accepted == 4/);
    expect(stderr).not.toMatch(/EPIPE|^\s+at /m);
  });

  test('leave without a word on Ctrl-C, though they have more to tell than anybody hears', async () => {
    const file = scenario('stopped', 'emit: { namespaces: all, rate: 50/s, for: 60s }');
    const { run } = await startConnected([file, '--workers', '4'], spinning('expectPlan', 50, 60_000));
    run.kill('SIGINT');
    expect(await run.ended()).toEqual({ code: 130, signal: null });
    expect(run.stdout).toMatch(/^ABORTED stopped$/m);
    expect(run.stderr).not.toMatch(/EPIPE|Error|^\s+at /m);
  });
});

describe.runIf(canSeeProcesses)('a process of the load generator that stands still', () => {
  test('makes the result invalid, exit 5, and is named with how long it did: a worker, and the one that emits', async () => {
    const { run, children } = await startConnected([scenario('still', 'hold: 9s'), '--workers', '1']);
    const worker = children.find(isWorker) as ProcessEntry;
    for (const pid of [worker.pid, run.pid]) {
      process.kill(pid, 'SIGSTOP');
      await sleep(STILL_MS);
      process.kill(pid, 'SIGCONT');
    }
    expect(await run.ended(), run.stdout).toEqual({ code: 5, signal: null });
    const said = run.stdout.replace(/\s+/g, ' ');
    for (const name of ['worker 1', 'the main process'])
      expect(said).toMatch(
        new RegExp(`load generator was the bottleneck: ${name} stalled for \\d\\.\\d\\d s`),
      );
    expect(said).toMatch(/✓ steady\.accepted == 4/);
  });

  test('for good is given up, and no call to it waits any longer', async () => {
    const { WorkerPool } = (await import(POOL)) as typeof import('../../src/bench/fleet/worker-pool.js');
    const deaths: string[] = [];
    let reported!: () => void;
    const started = new Promise<void>((resolve) => {
      reported = resolve;
    });
    const pool = new WorkerPool(1, reported, ({ message }) => deaths.push(message), 1000);
    try {
      await started;
      const [pid] = pool.pids as [number];
      process.kill(pid, 'SIGSTOP');
      await expect(within(pool.call('takeCounts'), 'an end of the call')).rejects.toThrow(
        /has not reported for 1 s/,
      );
      expect(deaths).toEqual([`Worker 1 (process ${pid}) has not reported for 1 s`]);
    } finally {
      await pool.stop();
    }
  });
});
