import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { parseScenario } from '../../src/bench/scenario/load.js';
import { OwnCluster } from '../../src/bench/target/own-cluster.js';
import { OwnEngine } from '../../src/bench/target/own-engine.js';
import { EVENT_WITHIN_MS } from '../support/deadline.js';
import { canSeeProcesses, childrenOf, type ProcessEntry } from '../support/process-tree.js';
import { withRedis } from '../support/redis-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// What bench starts to test it, and what phases may do to its processes.

const { file, folder, path } = temporaryFolder('own-cluster');
const started: OwnCluster[] = [];
afterAll(() => Promise.all(started.map((one) => one.close())));

const scenario = (cluster: string) =>
  parseScenario(
    `version: 1
name: cluster
cluster: { ${cluster} }
cohorts:
  few: { clients: 1 }
phases:
  - kill: worker
expect: [few.accepted == 1]
`,
    'cluster.yaml',
  );

async function start(cluster: string, hasEngine: boolean, command?: string): Promise<OwnCluster> {
  const env = { PATH: process.env.PATH };
  const own = await OwnCluster.start(scenario(cluster), { env, command, hasEngine });
  started.push(own);
  return own;
}

/** The process that answers at an HTTP API. */
async function pidAt(apiUrl: string | undefined): Promise<number> {
  const stats = (await (await fetch(`${apiUrl}/v1/stats`)).json()) as { process: { pid: number } };
  return stats.process.pid;
}

/** The processes of a server with workers, by their numbers. */
async function workersAt(apiUrl: string | undefined): Promise<Record<string, string>> {
  const cluster = (await (await fetch(`${apiUrl}/v1/cluster`)).json()) as { nodes: { id: string }[] };
  return Object.fromEntries(cluster.nodes.map(({ id }) => id.replace('worker-', '').split('-')));
}

test.concurrent('a worker that is restarted has another process and its old number, and the other worker stays', async () => {
  const own = await start('workers: 2', false);
  const [apiUrl] = own.apiUrls;
  const before = await workersAt(apiUrl);
  await own.restart({ what: 'worker', number: 1 });
  const after = await workersAt(apiUrl);
  expect(Object.keys(after).sort()).toEqual(['1', '2']);
  expect(after[1]).not.toBe(before[1]);
  expect(after[2]).toBe(before[2]);
  expect(own.mishap).toBeUndefined();
});

withRedis.concurrent(
  'a node that is restarted serves where it did, and the others have not ended',
  async () => {
    const own = await start('nodes: 2', true);
    expect(own.size).toEqual({ nodes: 2, workers: 0, engine: true });
    const { apiUrls, wsUrls } = own;
    const before = await Promise.all(apiUrls.map(pidAt));
    await own.restart({ what: 'node', number: 1 });
    expect([own.apiUrls, own.wsUrls]).toEqual([apiUrls, wsUrls]);
    const after = await Promise.all(apiUrls.map(pidAt));
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(own.mishap).toBeUndefined();
    expect(await own.shutDown()).toBe(0);
  },
);

describe.runIf(canSeeProcesses)('an engine', () => {
  const stateOf = ({ pid }: ProcessEntry) => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];

  withRedis('that is stopped stands still until it is told to go on', async () => {
    const own = await start('nodes: 1', true);
    const isEngine = ({ command }: ProcessEntry) =>
      command.includes('127.0.0.1') && !/keeper\.js/.test(command);
    const engines = childrenOf(process.pid).flatMap(({ pid }) => childrenOf(pid).filter(isEngine));
    const resume = await own.stop({ what: 'engine', number: undefined });
    await expect.poll(() => engines.map(stateOf).join(''), { timeout: EVENT_WITHIN_MS }).toMatch(/t/i);
    resume();
    await expect.poll(() => engines.map(stateOf).join(''), { timeout: EVENT_WITHIN_MS }).not.toMatch(/t/i);
  });
});

/** A program of a few lines, in a folder that may be the PATH. */
function program(name: string, text: string): string {
  const made = file(name, `#!/bin/sh\n${text}\n`);
  chmodSync(made, 0o755);
  return made;
}

test.concurrent('an engine that exits at once is tried again, and then the error has what it said last', async () => {
  program(
    'redis-server',
    `echo tried >> '${path('tries')}'\necho 'out of memory'\necho 'bad flag' >&2\nexit 7`,
  );
  await expect(OwnEngine.start({ PATH: `${folder}:/usr/bin:/bin` })).rejects.toMatchObject({
    code: 'ERR_UNREACHABLE',
    message: expect.stringMatching(
      /^The engine for this run could not be started: it exited at once \(exit code 7\)\nout of memory\nbad flag$/,
    ),
  });
  expect(readFileSync(path('tries'), 'utf8').trim().split('\n').length).toBeGreaterThan(1);
});

withRedis.concurrent(
  'where one of two nodes does not start, the other one is told to end, and its error is that of the start',
  async () => {
    // Of two that start at once, one is the first to make a folder.
    const node = program(
      'node.sh',
      `if mkdir '${path('first')}' 2>/dev/null; then
  trap "touch '${path('ended')}'; exit 0" TERM
  echo '{"wsUrl":"ws://127.0.0.1:9/ws"}'
  while :; do sleep 0.05; done
fi
echo 'no more nodes' >&2
exit 4`,
    );
    await expect(start('nodes: 2', true, node)).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(/exited at once \(exit code 4\)\nno more nodes$/),
    });
    expect(existsSync(path('ended'))).toBe(true);
  },
);
