import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { disposeProcesses, runCli, startCli } from '../support/cli-process.js';
import { within } from '../support/deadline.js';
import { canSeeProcesses, childrenOf, type ProcessEntry } from '../support/process-tree.js';

/** Longer than any run here takes on a busy machine. */
const WITHIN_MS = 28_000;
/** The built one: its workers are processes, which run no sources. */
const POOL = pathToFileURL(join(import.meta.dirname, '../../dist/bench/fleet/worker-pool.js')).href;
const SPINNING = join(import.meta.dirname, '../support/spinning-worker.cjs');

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-load-generator-'));
afterAll(async () => {
  await disposeProcesses();
  rmSync(folder, { recursive: true });
});

/** A scenario of a few clients that a healthy generator plays with ease. */
function scenario(name: string, phase: string): string {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(
    file,
    `version: 1
name: ${name}
cohorts:
  steady: { clients: 4 }
phases:
  - connect: { cohort: steady, at-once: true }
  - ${phase}
expect:
  - steady.accepted == 4
`,
  );
  return file;
}

/** Makes the workers of a run spin, and only them, for so long at a time and in all. */
const spinning = (ms: number, forMs: number) => ({
  env: { NODE_OPTIONS: `--require "${SPINNING}"`, SPIN_MS: String(ms), SPIN_FOR_MS: String(forMs) },
});

describe.concurrent('workers that have no time for their clients', () => {
  test('make the result invalid, exit 5, whatever came of its rules, and the report names the resource', async () => {
    const args = ['bench', scenario('late', 'emit: { namespaces: all, rate: 5/s, for: 4s }')];
    const { code, stdout, stderr } = await runCli(args, { ...spinning(400, 30_000), withinMs: WITHIN_MS });
    expect(code, stdout + stderr).toBe(5);
    expect(stdout).toMatch(/^INVALID late$/m);
    const said = stdout.replace(/\s+/g, ' ');
    expect(said).toMatch(/load generator was the bottleneck: worker \d ran at \d+ % CPU/);
    expect(said).toMatch(/event-loop delay of up to \d{3,} ms/);
    // The rules are shown as they stand, and do not make it a pass.
    expect(stdout).toMatch(/[✓✗] steady\.accepted == 4/);
    expect(stderr).not.toMatch(/EPIPE|^\s+at /m);
  });

  test('leave without a word on Ctrl-C, though they have more to tell than anybody hears', async () => {
    const args = ['bench', scenario('stopped', 'emit: { namespaces: all, rate: 50/s, for: 60s }')];
    const run = startCli([...args, '--workers', '4'], spinning(50, 60_000));
    await run.until(() => run.stderr.includes('connect steady'), 'the clients', WITHIN_MS);
    run.kill('SIGINT');
    expect(await run.ended(WITHIN_MS)).toEqual({ code: 130, signal: null });
    expect(run.stdout).toMatch(/^ABORTED stopped$/m);
    expect(run.stderr).not.toMatch(/EPIPE|Error|^\s+at /m);
  });
});

describe.runIf(canSeeProcesses).concurrent('a process of the load generator that stands still', () => {
  const isWorker = ({ command }: ProcessEntry) => /worker\.js/.test(command);

  test.each([
    ['a worker', 'worker 1'],
    ['the one that emits', 'the main process'],
  ])('makes the result invalid, exit 5, and is named with how long it did: %s', async (_which, name) => {
    const file = scenario(name.replace(/\W+/g, '-'), 'hold: 3s');
    const run = startCli(['bench', file, '--workers', '1']);
    await run.until(() => run.stderr.includes('connect steady'), 'the clients', WITHIN_MS);
    const worker = childrenOf(run.pid).find(isWorker) as ProcessEntry;
    const pid = name === 'worker 1' ? worker.pid : run.pid;
    process.kill(pid, 'SIGSTOP');
    await sleep(1300);
    process.kill(pid, 'SIGCONT');
    expect(await run.ended(WITHIN_MS), run.stdout).toEqual({ code: 5, signal: null });
    const said = run.stdout.replace(/\s+/g, ' ');
    expect(said).toMatch(
      new RegExp(`load generator was the bottleneck: ${name} stood still for \\d\\.\\d\\d s`),
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
      await expect(within(pool.call('cut'), 'an end of the call')).rejects.toThrow(
        /has not reported for 1 s/,
      );
      expect(deaths).toEqual([`Worker 1 (process ${pid}) has not reported for 1 s`]);
    } finally {
      await pool.stop();
    }
  });
});
