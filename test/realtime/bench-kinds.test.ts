import { afterAll, expect, test } from 'vitest';
import type { JsonReport } from '../../src/bench/report/schema.js';
import { type BenchOutput, machineStalls, runBench } from '../support/bench-process.js';
import { disposeProcesses } from '../support/cli-process.js';
import { withRedis } from '../support/redis-server.js';
import { smaller } from '../support/smaller.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyCluster } from '../support/tiny-scenarios.js';

// One run of each kind that is more than a scenario against one server, all at once: each is small, and mostly waits.

const { file } = temporaryFolder('bench-kinds');
afterAll(disposeProcesses);

const LITTLE = file(
  'little.yaml',
  `version: 1
name: little
server: { maxConnections: 24 }
cohorts:
  users: { clients: 10, namespaces: "u:{1..5}" }
phases:
  - connect: { cohort: users, atOnce: true }
  - emit: { namespaces: all, rate: 50/s, for: 200ms }
expect: [users.accepted == 10]
`,
);

/** A search that was ended by its own machine says nothing about the server. */
function endedByMachine(output: BenchOutput): readonly string[] | undefined {
  if (!output.stdout.includes('"end": "generator"')) return machineStalls(output);
  return ['the load generator was the limit'];
}

test.concurrent('bench find ends within its precision of the number of clients that the server takes', async () => {
  const { code, stdout, stderr } = await runBench(
    [
      ...['find', LITTLE, '--workers', '1', '--from', '10', '--precision', '30%'],
      ...['--until', 'cursors.lost == 0', '--at-least', '18', '--json', '-'],
    ],
    { stallsOf: endedByMachine },
  );
  expect(code, stdout + stderr).toBe(0);
  const { find } = (JSON.parse(stdout) as JsonReport).results[0] as { find: Record<string, unknown> };
  expect(find).toMatchObject({ end: 'found', brokenBy: { shown: '24' } });
  expect(find.limit).toBeGreaterThanOrEqual(18);
  expect(find.limit).toBeLessThanOrEqual(24);
  // Each load that was tried, with whether it held.
  expect(stderr).toMatch(/10 clients ✓ holds/);
  expect(stderr).toMatch(/40 clients ✗ breaks: users\.accepted >= 40 \(24\)/);
});

const NODES = file(
  'nodes.yaml',
  tinyCluster({
    cluster: 'nodes: 2',
    settle: '5s',
    phases: ['kill: engine', 'restart: engine', 'kill: node', 'converge: { within: 20s }'],
    // Half of them were connected to the node that was killed.
    rules: ['cursors.lost == 0', 'steady.accepted == 36', 'steady.open == 24'],
  }),
);

withRedis.concurrent(
  'bench --redis kills the engine and a node of a cluster that it started, whose clients come back and miss nothing',
  async () => {
    const { code, stdout, stderr } = await runBench([NODES, '--redis', '--workers', '1']);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain('40 clients against 2 nodes and a Redis that bench started');
    expect(stderr).toMatch(/converge within 20 s: .*12 reconnected/);
  },
);

const WORKERS = file(
  'workers.yaml',
  tinyCluster({
    cluster: 'workers: 2',
    settle: '5s',
    phases: ['stop: { what: worker, for: 300ms }', 'kill: worker', 'converge: { within: 20s }'],
    rules: ['cursors.lost == 0', 'steady.open == 24'],
  }),
);

test.concurrent('bench stops and kills a worker of the server that it started, whose clients come back and miss nothing', async () => {
  const { code, stdout, stderr } = await runBench([WORKERS, '--workers', '1']);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain('40 clients against a server with 2 workers that bench started');
  expect(stderr).toMatch(/stop the last worker for 300 ms: done.*\n.*kill the last worker: /);
});

test.concurrent('clients of the scenario herd pull what bench has pushed, each change once', async () => {
  const args = smaller(
    'herd',
    { 'tabs.accepted == 2000': 'tabs.accepted == 20', 'pull.data.p99 < 5s': 'pull.data.p99 < 60s' },
    {
      'cohorts.tabs.clients': '20',
      'phases[pull].pull.changes': '2',
      'phases[pull].pull.every': '300ms',
    },
  );
  const { code, stdout, stderr } = await runBench([...args, '--workers', '1', '--json', '-']);
  expect(code, stdout + stderr).toBe(0);
  const { total } = (JSON.parse(stdout) as JsonReport).results[0] as JsonReport['results'][number];
  // Of two changes to each of four namespaces, each client gets those of its own.
  expect(total.cohorts[0]?.counters).toMatchObject({ changesOwed: 40, changesMissing: 0, stalePulls: 0 });
});
