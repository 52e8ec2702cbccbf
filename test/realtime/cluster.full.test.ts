import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { runBench } from '../support/bench-process.js';
import { disposeProcesses } from '../support/cli-process.js';
import { EVENT_WITHIN_MS } from '../support/deadline.js';
import { canSeeProcesses, childrenOf, type ProcessEntry, untilNoneMarked } from '../support/process-tree.js';
import { hasRedis, withRedis } from '../support/redis-server.js';
import { startConnected } from '../support/started-bench.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file } = temporaryFolder('redis-cluster');
afterAll(disposeProcesses);

withRedis(
  'bench cluster --redis: three nodes catch up after every fault of their engine and of a node',
  async () => {
    const output = await runBench(['cluster', '--redis', '--workers', '1'], { withinMs: 110_000 });
    expect(output.code, output.stdout + output.stderr).toBe(0);
    expect(output.stdout).toContain('900 clients against 3 nodes and a Redis that bench started');
    expect(output.stdout.match(/✓ converged < 2s/g)).toHaveLength(3);
    for (const fault of ['kill the engine', 'stop the engine for 6 s', 'kill the last node'])
      expect(output.stderr).toContain(fault);
  },
);

const STOPPED = `version: 1
name: stopped
cluster: { nodes: 2 }
cohorts:
  steady: { clients: 10, namespaces: "user:{1..5}" }
phases:
  - connect: { cohort: steady, atOnce: true }
  - parallel:
      - stop: { what: engine, for: 60s }
      - stop: { what: node, for: 60s }
expect:
  - steady.accepted == 10
`;

const canRun = hasRedis && canSeeProcesses;
test.runIf(canRun)('SIGKILL of bench: nodes and engine go, those that stand still included', async () => {
  const mark = randomUUID();
  const scenario = file('stopped.yaml', STOPPED);
  const { run, children } = await startConnected([scenario, '--redis', '--workers', '1'], {
    env: { STARTED_BY: mark },
  });
  const all = () => children.flatMap(({ pid }) => childrenOf(pid));
  await until(() => all().filter(isStopped).length === 2, 'an engine and a node that stand still');
  run.kill('SIGKILL');
  expect(await run.ended()).toEqual({ code: null, signal: 'SIGKILL' });
  await untilNoneMarked('STARTED_BY', mark);
});

/** Whether a process has been stopped by a signal. */
function isStopped({ pid }: ProcessEntry): boolean {
  try {
    return /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(isMet: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + EVENT_WITHIN_MS;
  while (!isMet()) {
    if (performance.now() > deadlineMs) throw new Error(`there is not ${what}`);
    await sleep(20);
  }
}
