import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CliProcess, disposeProcesses, runCli, startCli, startServe } from '../support/cli-process.js';
import {
  canSeeProcesses,
  childrenOf,
  type ProcessEntry,
  untilChildren,
  untilGone,
  untilNoneMarked,
} from '../support/process-tree.js';
import { smaller } from '../support/smaller.js';

/** Longer than any run here takes on a busy machine. */
const WITHIN_MS = 25_000;

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-bench-'));
// Tests run side by side here, most of the time of each being waits: what is left over is ended after the last.
afterAll(async () => {
  await disposeProcesses();
  rmSync(folder, { recursive: true });
});

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const bench = (...args: string[]): Promise<Output> => runCli(['bench', ...args], { withinMs: WITHIN_MS });

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const TINY = `version: 1
name: tiny
summary: A few clients of every kind for a second.
server: { maxConnections: 100, maxConnectionsPerNamespace: 10, heartbeatInterval: 500ms, heartbeatTimeout: 1s }
cohorts:
  steady: { clients: 30, namespaces: "user:{1..5}" }
  hot: { clients: 14 }
  silent: { clients: 5, behavior: silent }
  nobody: { clients: 5, behavior: unauthenticated }
phases:
  - connect: { cohort: steady, rate: 500/s }
  - connect: { cohort: hot, rate: 500/s }
  - connect: { cohort: nobody, rate: 500/s }
  - connect: { cohort: silent, rate: 500/s }
  - emit: { namespaces: ["user:{1..5}", hot], rate: 60/s, for: 500ms }
  - hold: 1500ms
expect:
  - steady.accepted == 30
  - hot.accepted == 10
  - hot.closed[4503 "Namespace connection limit reached"] == 4
  - nobody.closed[4401] == 5
  - silent.closed[1001 "Heartbeat timeout"] == 5
  - heartbeat.killed == 0
  - emit.delivered == 200
  - cursors.received == 200
  - cursors.lost == 0
  - cursors.duplicated == 0
  - cursors.leaked == 0
`;
const tiny = file('tiny.yaml', TINY);

/** Connects and then does nothing for a minute, to be interrupted. */
const waiting = file(
  'waiting.yaml',
  `version: 1
name: waiting
cohorts:
  steady: { clients: 20, namespaces: "user:{1..5}" }
phases:
  - connect: { cohort: steady, rate: 500/s }
  - hold: 60s
expect:
  - steady.accepted == 20
`,
);

/** An error is for the one who made it: it says what is wrong, and not where in our code it was found. */
function expectNoTrace({ stdout, stderr }: Output): void {
  expect(stdout + stderr).not.toMatch(/^\s+at .*[:(]\d+/m);
  expect(stderr).not.toContain('bug:');
}

/** The line of the report about a rule. */
function ruleLine({ stdout }: Output, rule: string): string | undefined {
  return stdout.split('\n').find((line) => line.includes(rule) && /[✓✗]/.test(line));
}

const HELD = /^\s*✓/;
const FAILED = /^\s*✗/;

test('the smoke scenario, which is the default, passes', async () => {
  const output = await bench();
  expect(output.code, output.stdout + output.stderr).toBe(0);
  expect(output.stdout).toMatch(/^PASSED smoke$/m);
});

describe.concurrent('a run with a server of its own', () => {
  test('in which everything holds exits with 0, says so on stdout, and leaves nothing behind', async () => {
    const output = await bench(tiny);
    expect(output.code, output.stdout + output.stderr).toBe(0);
    expect(output.stdout).toMatch(/^PASSED tiny$/m);
    const held = output.stdout.split('\n').filter((line) => HELD.test(line));
    expect(held.filter((line) => !line.endsWith('(implicit)'))).toHaveLength(11);
    expect(output.stdout).not.toMatch(/✗/);
    // Progress is for people and goes elsewhere.
    expect(output.stdout).not.toContain('opened in');
    expect(output.stderr).toContain('connect steady');
  });

  test('in which a rule does not hold exits with 1, and names the rule and the actual value, or that there is none', async () => {
    const output = await bench(
      tiny,
      ...['--set', 'expect[1]=hot.accepted == 11'],
      ...['--set', 'expect[0]=api.failed == 0'],
    );
    expect(output.code).toBe(1);
    expect(output.stdout).toMatch(/^FAILED tiny$/m);
    expect(ruleLine(output, 'hot.accepted == 11')).toMatch(/✗ hot\.accepted == 11\s+10$/);
    expect(ruleLine(output, 'api.failed == 0')).toMatch(/✗.*no samples$/);
    // Each once among the rules, and once at the end, with what it usually means.
    expect(output.stdout.match(/✗/g)).toHaveLength(4);
    expectNoTrace(output);
  });

  test('of several scenarios gives one verdict: one that fails fails all, and the others are still run', async () => {
    const other = file(
      'other.yaml',
      TINY.replace('name: tiny', 'name: other').replace('steady.accepted == 30', 'steady.accepted == 31'),
    );
    const output = await bench(other, tiny);
    expect(output.code).toBe(1);
    expect(output.stdout).toMatch(/^FAILED other$/m);
    expect(output.stdout).toMatch(/^PASSED tiny$/m);
    expect(output.stdout).toMatch(/^FAILED 2 scenarios: 1 passed, 1 failed; /m);
  });
});

describe.concurrent('a run against a server by URL', () => {
  test('passes on a server that is set up as the scenario wants it', async () => {
    const serve = await startServe([
      ...['--max-connections', '100', '--max-connections-per-namespace', '10'],
      ...['--heartbeat-interval', '500ms', '--heartbeat-timeout', '1s'],
    ]);
    const output = await bench(tiny, '--url', serve.wsUrl, '--admin-url', serve.apiUrl);
    expect(output.code, output.stdout + output.stderr).toBe(0);
    // Somebody else's server is left running.
    expect((await fetch(`${serve.apiUrl}/healthz`)).status).toBe(200);
  });

  test('that asks for a token is refused without, before anything is opened, and passes with it', async () => {
    const serve = await startServe([
      ...['--max-connections-per-namespace', '10', '--admin-token', 'sesame'],
      ...['--heartbeat-interval', '500ms', '--heartbeat-timeout', '1s'],
    ]);
    const without = await bench(tiny, '--url', serve.wsUrl);
    expect(without.code).toBe(2);
    expect(without.stderr).toContain('--admin-token');
    expect(without.stdout).toBe('');
    expectNoTrace(without);
    const withToken = await bench(tiny, '--url', serve.wsUrl, '--admin-token', 'sesame');
    expect(withToken.code, withToken.stdout + withToken.stderr).toBe(0);
    expect(withToken.stdout + withToken.stderr).not.toContain('sesame');
  });

  test('where nobody listens exits with 3 and says where', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const output = await bench(tiny, '--url', `ws://127.0.0.1:${port}/datafn/ws`);
    expect(output.code).toBe(3);
    expect(output.stderr).toContain(`127.0.0.1:${port}`);
    expectNoTrace(output);
  });
});

describe.concurrent('wrong usage exits with 2, says what is wrong, and runs nothing', () => {
  const broken = file('broken.yaml', 'version: 1\nname: [x\n');
  const wrong = file(
    'wrong.yaml',
    TINY.replace('clients: 14', 'clinets: 14').replace('cursors.lost', 'cursors.lots'),
  );

  test.each<[string, string[], RegExp[]]>([
    ['a flag there is not', ['--wrokers', '2'], [/--wrokers/, /--workers/]],
    ['a value that is none', ['--workers', 'many'], [/--workers/, /many/]],
    ['a URL that is none', ['--url', 'http://127.0.0.1:1/'], [/--url/, /ws:/]],
    ['a scenario there is not', ['smok'], [/smok/, /Did you mean `smoke`/]],
    ['a file there is not', ['./nowhere.yaml'], [/nowhere\.yaml/]],
    ['broken YAML', [broken], [/broken\.yaml:\d+:\d+: /]],
    [
      'several mistakes in one file',
      [wrong],
      [/wrong\.yaml:7:\d+: .*`clients`/, /wrong\.yaml:26:\d+: .*`cursors\.lost`/],
    ],
    [
      'a path that does not exist',
      [tiny, '--set', 'cohorts.stedy.clients=3'],
      [/--set/, /cohorts\.steady\.clients/],
    ],
    [
      'a value that does not fit',
      [tiny, '--set', 'cohorts.steady.clients=few'],
      [/--set cohorts\.steady\.clients/, /few/],
    ],
    ['a --set without a value', [tiny, '--set', 'seed'], [/--set/, /PATH=VALUE/]],
    [
      'more clients than a process has descriptors',
      [tiny, '--set', 'cohorts.steady.clients=9000000'],
      [/ulimit -n/],
    ],
  ])('%s', async (_what, args, hints) => {
    const output = await bench(...args);
    expect(output.code, output.stdout + output.stderr).toBe(2);
    for (const hint of hints) expect(output.stderr).toMatch(hint);
    expect(output.stdout).toBe('');
    expectNoTrace(output);
  });

  test('what cannot be run on the target is told before anything is, of every scenario', async () => {
    const output = await bench(tiny, 'shutdown', 'churn', '--url', 'ws://127.0.0.1:9/');
    expect(output.code).toBe(2);
    expect(output.stderr).toMatch(/^error: The scenario shutdown .*leave --url out/m);
    expect(output.stdout + output.stderr).not.toContain('tiny');
  });

  test('mistakes of several files are told at once', async () => {
    const { code, stderr } = await bench(broken, wrong, tiny);
    expect(code).toBe(2);
    expect(stderr).toMatch(/broken\.yaml:/);
    expect(stderr).toMatch(/wrong\.yaml:/);
  });

  test('--validate checks and runs nothing', async () => {
    const good = await bench('--validate', waiting, tiny, 'smoke');
    expect(good.code).toBe(0);
    for (const name of ['waiting', 'tiny', 'smoke'])
      expect(good.stdout).toMatch(new RegExp(`^${name} is valid`, 'm'));
    const bad = await bench('--validate', waiting, wrong);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toMatch(/wrong\.yaml:7/);
  });

  test('--list names what ships', async () => {
    const { code, stdout } = await bench('--list');
    expect(code).toBe(0);
    for (const name of ['smoke', 'limits', 'heartbeat'])
      expect(stdout).toMatch(new RegExp(`^${name} .*clients`, 'm'));
  });
});

const isServer = ({ command }: ProcessEntry) => / serve /.test(command);
const isWorker = ({ command }: ProcessEntry) => /worker\.js/.test(command);

// One after the other: each starts four processes.
describe.runIf(canSeeProcesses)('the end of a run before its time', () => {
  /** Resolves when the first phase is over. */
  const connected = (run: CliProcess) =>
    run.until(() => run.stderr.includes('connect steady'), 'the clients', WITHIN_MS);

  /** A run whose clients are connected, and every process that it has started. */
  async function running(...args: string[]): Promise<{ run: CliProcess; children: ProcessEntry[] }> {
    const run = startCli(['bench', ...args, waiting, '--workers', '2']);
    await connected(run);
    const children = childrenOf(run.pid);
    expect(children.filter(isServer)).toHaveLength(1);
    expect(children.filter(isWorker)).toHaveLength(2);
    return { run, children };
  }

  test.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'by %s: what there is so far is reported as aborted, exit %i, and no process is left',
    async (signal, code) => {
      const { run, children } = await running();
      run.kill(signal);
      expect(await run.ended(WITHIN_MS)).toEqual({ code, signal: null });
      expect(run.stdout).toMatch(/^ABORTED waiting$/m);
      expect(ruleLine(run as unknown as Output, 'steady.accepted == 20')).toMatch(/✓.*20$/);
      expect(run.stdout).toMatch(/steady\s+accepted\s+20\s+20/);
      await untilGone(children);
    },
  );

  test('by SIGINT in the first of several scenarios: the others are not run', async () => {
    const { run } = await running(waiting);
    run.kill('SIGINT');
    expect((await run.ended(WITHIN_MS)).code).toBe(130);
    expect(run.stdout.match(/^ABORTED waiting$/gm)).toHaveLength(1);
    expect(run.stdout).toContain('not run');
  });

  test('by SIGINT while its server still starts: exit 130, and no process is left', async () => {
    const run = startCli(['bench', waiting]);
    const children = await untilChildren(run.pid, (found) => found.some(isServer));
    run.kill('SIGINT');
    expect(await run.ended(WITHIN_MS)).toEqual({ code: 130, signal: null });
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
    await run.until(() => run.stderr.includes('connect steady'), 'the first phase');
    const startMs = performance.now();
    run.kill('SIGINT');
    // The server has ten seconds to shut down, and three more.
    await untilChildren(run.pid, (found) => !found.some(isWorker));
    run.kill('SIGINT');
    expect(await run.ended()).toEqual({ code: 130, signal: null });
    expect(performance.now() - startMs).toBeLessThan(9000);
    await untilNoneMarked('BENCH_TEST_MARK', mark);
  });

  test('by SIGKILL: the workers and the server go with it', async () => {
    const { run, children } = await running();
    run.kill('SIGKILL');
    expect(await run.ended(WITHIN_MS)).toEqual({ code: null, signal: 'SIGKILL' });
    await untilGone(children);
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

  test('of one worker: the result is not valid, exit 5, and it says who died', async () => {
    const { run, children } = await running();
    const worker = children.filter(isWorker)[1] as ProcessEntry;
    process.kill(worker.pid, 'SIGKILL');
    expect(await run.ended(WITHIN_MS)).toEqual({ code: 5, signal: null });
    expect(run.stdout).toMatch(/^INVALID waiting$/m);
    expect(run.stdout).toMatch(/[Ww]orker \d .*died with SIGKILL/);
    expect(run.stdout).toContain(String(worker.pid));
    await untilGone(children);
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
    const output = await bench(waiting, ...args);
    expect(output.code, output.stdout + output.stderr).toBe(1);
    expect(output.stdout).toMatch(/^FAILED waiting$/m);
    expect(output.stdout.replace(/\s+/g, ' ')).toContain(
      'The run was ended: The server for this run could not be started: it ended at once (exit code 7) | not again',
    );
    expectNoTrace(output);
  });

  test('of the server: the run has failed, exit 1, and it says once that the server ended', async () => {
    const holds = file(
      'holds.yaml',
      readFileSync(waiting, 'utf8').replace(/( +- )hold: .*/, '$1hold: 1s\n$1hold: 1s'),
    );
    const run = startCli(['bench', holds]);
    await connected(run);
    const children = childrenOf(run.pid);
    process.kill((children.find(isServer) as ProcessEntry).pid, 'SIGKILL');
    expect(await run.ended(WITHIN_MS)).toEqual({ code: 1, signal: null });
    // At the top and at the end.
    expect(run.stdout.match(/server under test ended/g)).toHaveLength(2);
    expect(run.stdout).toMatch(/closed 1006\s+20/);
    await untilGone(children);
  });
});

describe.concurrent('a check that cannot fail is no check: a shipped scenario fails on a server with one setting off', () => {
  async function against(serveFlags: readonly string[], args: readonly string[]): Promise<Output> {
    const serve = await startServe(serveFlags);
    return bench(...args, '--url', serve.wsUrl, '--admin-url', serve.apiUrl);
  }

  const limits = smaller(
    'limits',
    {
      'steady.accepted == 1850': 'steady.accepted == 185',
      'hot.accepted == 100': 'hot.accepted == 10',
      'hot.closed[4503 "Namespace connection limit reached"] == 200':
        'hot.closed[4503 "Namespace connection limit reached"] == 20',
      'crowd.accepted == 50': 'crowd.accepted == 5',
      'crowd.closed[4503 "Connection limit reached"] == 850':
        'crowd.closed[4503 "Connection limit reached"] == 85',
      'again.accepted == 100': 'again.accepted == 10',
      'open == 2000': 'open == 200',
    },
    {
      'cohorts.steady.clients': '185',
      'cohorts.hot.clients': '30',
      'cohorts.crowd.clients': '90',
      'cohorts.again.clients': '10',
      'phases[emit].emit.for': '300ms',
    },
  );
  const limitFlags = (global: number, perNamespace: number) => [
    ...['--max-connections', String(global)],
    ...['--max-connections-per-namespace', String(perNamespace)],
  ];

  test('limits passes with the right settings', async () => {
    const output = await against(limitFlags(200, 10), limits);
    expect(output.code, output.stdout + output.stderr).toBe(0);
  });

  test.each([
    ['the limit of a namespace is one too high', 200, 11, 'hot.accepted == 10', 11],
    ['the limit of a namespace is one too low', 200, 9, 'hot.accepted == 10', 9],
    ['the limit of all is one too high', 201, 10, 'crowd.accepted == 5', 6],
    ['the limit of all is one too low', 199, 10, 'crowd.accepted == 5', 4],
  ])('limits fails when %s', async (_what, global, perNamespace, rule, actual) => {
    const output = await against(limitFlags(global, perNamespace), limits);
    expect(output.code, output.stdout + output.stderr).toBe(1);
    const line = ruleLine(output, rule);
    expect(line).toMatch(FAILED);
    expect(line).toMatch(new RegExp(`\\s${actual}$`));
    // The rules that this setting does not touch go on to hold.
    expect(ruleLine(output, 'steady.accepted == 185')).toMatch(HELD);
    expect(ruleLine(output, 'cursors.lost == 0')).toMatch(HELD);
  });

  const heartbeat = smaller(
    'heartbeat',
    {
      'healthy.accepted == 1600': 'healthy.accepted == 160',
      'silent.accepted == 400': 'silent.accepted == 40',
      'silent.closed[1001 "Heartbeat timeout"] == 400': 'silent.closed[1001 "Heartbeat timeout"] == 40',
      'healthy.open == 1600': 'healthy.open == 160',
      // A fifth of the times that ship, with as much room as two busy cores need.
      'healthy.heartbeat.interval.p50 > 1700ms': 'healthy.heartbeat.interval.p50 > 300ms',
      'healthy.heartbeat.interval.p50 < 2300ms': 'healthy.heartbeat.interval.p50 < 650ms',
      'silent.heartbeat.timeout.p50 > 900ms': 'silent.heartbeat.timeout.p50 > 150ms',
      'silent.heartbeat.timeout.p50 < 1700ms': 'silent.heartbeat.timeout.p50 < 650ms',
    },
    {
      'cohorts.healthy.clients': '160',
      'cohorts.silent.clients': '40',
      'phases[emit].emit.for': '500ms',
      'phases[hold].hold': '1200ms',
    },
  );
  const beats = (interval: string, timeout: string) => [
    '--heartbeat-interval',
    interval,
    '--heartbeat-timeout',
    timeout,
  ];

  test('heartbeat passes with the right settings', async () => {
    const output = await against(beats('400ms', '200ms'), heartbeat);
    expect(output.code, output.stdout + output.stderr).toBe(0);
  });

  test('heartbeat fails when there is none', async () => {
    const output = await against(beats('0', '200ms'), heartbeat);
    expect(output.code, output.stdout + output.stderr).toBe(1);
    expect(ruleLine(output, 'silent.closed[1001 "Heartbeat timeout"] == 40')).toMatch(/✗.*\s0$/);
    expect(ruleLine(output, 'heartbeat.missed == 0')).toMatch(/✗.*\s40$/);
    expect(ruleLine(output, 'healthy.heartbeat.interval.p50 < 650ms')).toMatch(/✗.*no samples$/);
    expect(ruleLine(output, 'healthy.accepted == 160')).toMatch(HELD);
  });

  test('heartbeat fails when nobody is ever closed for not answering', async () => {
    const output = await against(beats('400ms', '0'), heartbeat);
    expect(output.code, output.stdout + output.stderr).toBe(1);
    expect(ruleLine(output, 'silent.closed[1001 "Heartbeat timeout"] == 40')).toMatch(/✗.*\s0$/);
    expect(ruleLine(output, 'heartbeat.missed == 0')).toMatch(/✗.*\s40$/);
    expect(ruleLine(output, 'silent.heartbeat.timeout.p50 < 650ms')).toMatch(/✗.*no samples$/);
    expect(ruleLine(output, 'healthy.heartbeat.interval.p50 < 650ms')).toMatch(HELD);
    expect(ruleLine(output, 'heartbeat.killed == 0')).toMatch(HELD);
  });
});
