import { afterAll, describe, expect, test } from 'vitest';
import { type BenchOutput, runBench } from '../support/bench-process.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file } = temporaryFolder('bench-full');
afterAll(disposeProcesses);

// Silent clients are closed in time even if the server stands still for three seconds.
const HEARTBEATS = `version: 1
name: tiny
summary: A few clients of every kind for a second.
server: { maxConnections: 100, maxConnectionsPerNamespace: 10, heartbeatInterval: 500ms, heartbeatTimeout: 2s }
cohorts:
  steady: { clients: 30, namespaces: "user:{1..5}" }
  hot: { clients: 14 }
  silent: { clients: 5, behavior: silent }
  noToken: { clients: 5, behavior: unauthenticated }
phases:
  - connect: { cohort: steady, rate: 500/s }
  - connect: { cohort: hot, rate: 500/s }
  - connect: { cohort: noToken, rate: 500/s }
  - connect: { cohort: silent, rate: 500/s }
  - emit: { namespaces: ["user:{1..5}", hot], rate: 60/s, for: 500ms }
  - hold: 6s
expect:
  - steady.accepted == 30
  - hot.accepted == 10
  - hot.closed[4503 "Namespace connection limit reached"] == 4
  - noToken.closed[4401] == 5
  - silent.closed[1001 "Heartbeat timeout"] == 5
  - heartbeat.falseTimeouts == 0
  - emit.delivered == 200
  - cursors.received == 200
  - cursors.lost == 0
  - cursors.duplicated == 0
  - cursors.leaked == 0
`;
const heartbeats = file('heartbeats.yaml', HEARTBEATS);
const SET_UP = [
  ...['--max-connections', '100', '--max-connections-per-namespace', '10'],
  ...['--heartbeat-interval', '500ms', '--heartbeat-timeout', '2s'],
];

function expectPassed({ code, stdout, stderr }: BenchOutput, name: string): void {
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(new RegExp(`^PASSED ${name}$`, 'm'));
}

test('the scenario smoke passes as it ships, but for a server that stands still', async () => {
  expectPassed(
    await runBench([
      '--set',
      'expect[14]=fanout.p99 < 20s',
      '--set',
      'phases[5].hold=5s',
      '--set',
      'phases[6].emit.for=4s',
    ]),
    'smoke',
  );
});

test('a run with every kind of client passes on a server of its own', async () => {
  const output = await runBench([heartbeats]);
  expectPassed(output, 'tiny');
  const held = output.stdout.split('\n').filter((line) => /^ {2}✓ /.test(line));
  expect(held.filter((line) => !line.includes('(implicit)'))).toHaveLength(11);
});

test('a run of several scenarios gives one verdict: one that fails fails all, and the others are still run', async () => {
  const other = file(
    'other.yaml',
    HEARTBEATS.replace('name: tiny', 'name: other').replace('steady.accepted == 30', 'steady.accepted == 31'),
  );
  const output = await runBench([other, heartbeats]);
  expect(output.code, output.stdout + output.stderr).toBe(1);
  expect(output.stdout).toMatch(/^FAILED other$/m);
  expect(output.stdout).toMatch(/^PASSED tiny$/m);
  expect(output.stdout).toMatch(/^FAILED 2 scenarios: 1 passed, 1 failed; /m);
});

describe('a run against a server by URL', () => {
  test('passes on a server that is set up as the scenario wants it', async () => {
    const serve = await startServe(SET_UP);
    expectPassed(await runBench([heartbeats, '--url', serve.wsUrl, '--admin-url', serve.apiUrl]), 'tiny');
    // Somebody else's server is left running.
    expect((await fetch(`${serve.apiUrl}/healthz`)).status).toBe(200);
  });

  test('that asks for a token passes with it, and does not show it', async () => {
    const serve = await startServe([...SET_UP, '--admin-token', 'sesame']);
    const output = await runBench([heartbeats, '--url', serve.wsUrl, '--admin-token', 'sesame']);
    expectPassed(output, 'tiny');
    expect(output.stdout + output.stderr).not.toContain('sesame');
  });
});
