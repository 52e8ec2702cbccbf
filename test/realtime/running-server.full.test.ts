import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { JsonReport } from '../../src/bench/report/schema.js';
import { type BareServer, bareServer } from '../bench/target/bare-server.js';
import { unlessStalled } from '../support/bench-process.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { postCursors } from '../support/http-call.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';
import { junitErrors } from '../support/xml.js';

/** Each run starts a process, and a machine under test may be busy. */
const TIMEOUT_MS = 90_000;

/** Runs bench in this process; again when the machine kept it from running. */
const runUnlessStalled = (args: string[], env: Record<string, string> = {}) =>
  unlessStalled(args.join(' '), () => runWith(args, env));

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-running-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bares: BareServer[] = [];
afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
  await Promise.all(bares.splice(0).map((one) => one.stop()));
});
async function startBare(...limits: Parameters<typeof bareServer>): Promise<BareServer> {
  const server = await bareServer(...limits);
  bares.push(server);
  return server;
}

function scenario(name: string, body: string): string {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, `version: 1\nname: ${name}\n${body}`);
  return file;
}
const path = (name: string) => join(folder, name);
const reportOf = (name: string): JsonReport => JSON.parse(readFileSync(path(name), 'utf8'));
const emitsTo = ({ url, pushUrl }: BareServer) => [
  ...['--url', url, '--emit-url', pushUrl],
  ...['--emit-body', '{"namespace":"{namespace}","cursor":"{cursor}"}'],
];

const COUNTS = scenario(
  'counts',
  `cohorts:
  steady: { clients: 12, namespaces: "user:{1..3}" }
  full: { clients: 6, namespaces: full } # two more than it takes
  noToken: { clients: 2, behavior: unauthenticated }
phases:
  - connect: { cohort: steady }
  - connect: { cohort: full }
  - connect: { cohort: noToken }
  - emit: { namespaces: all, rate: 50/s, count: 8 }
  - disconnect: { cohort: full }
  - hold: 100ms
expect:
  - steady.open == 12
  - full.closed[4503] == 2
  - cursors.lost == 0
  - cursors.foreign == 0
  - server.accepted == 16
  - server.rejected == 4
  - server.connections == 12
  - server.closed[1000] == 4
`,
);

describe('a server that runs already', { timeout: TIMEOUT_MS }, () => {
  test('passes the same scenario again and again, and is the same as in the baseline', async () => {
    const server = await startServer({ maxConnectionsPerNamespace: 4 });
    const args = ['bench', COUNTS, '--url', server.wsUrl];
    // Somebody else is there, too.
    await openClient(server.wsUrl, 'somebody');
    const first = await runUnlessStalled([...args, '--json', path('a.json')]);
    expect(first.code, first.stdout).toBe(0);
    // It was measured: nothing passes for want of statistics.
    expect(reportOf('a.json').results[0]?.expectations.filter(({ actual }) => actual === undefined)).toEqual(
      [],
    );
    const second = await runUnlessStalled([...args, '--baseline', path('a.json'), '--json', path('b.json')]);
    expect(second.code, second.stdout).toBe(0);
    expect(
      reportOf('b.json').results[0]?.comparison?.changes.filter(({ verdict }) => verdict === 'regression'),
    ).toEqual([]);
    expect(server.server.stats().accepted).toBeGreaterThan(2 * 16);
  });

  test('is judged by the sum of what its processes count, where it is several', async () => {
    // Of one process, they would count as one.
    const servers = [await startServe(), await startServer()] as const;
    await openClient(servers[1].wsUrl, 'somebody');
    const urls = servers.flatMap(({ wsUrl }) => ['--url', wsUrl]);
    const sets = [
      // They share nothing, so each has to be told.
      'phases[3].emit.to=all',
      'expect[1]=full.closed == 0',
      'expect[4]=server.accepted == 18',
      'expect[5]=server.rejected == 2',
      'expect[7]=server.closed[1000] == 6',
    ].flatMap((one) => ['--set', one]);
    const { code, stdout } = await runUnlessStalled(['bench', COUNTS, ...urls, ...sets]);
    expect(code, stdout).toBe(0);
  });

  test('with its newest cursor an hour ahead of the clock here is emitted to all the same', async () => {
    const server = await startServer({ monotonic: true, maxConnectionsPerNamespace: 4 });
    const ahead = (Date.now() + 3_600_000) * 1000;
    await postCursors(server.apiUrl, [{ namespace: 'user:1', cursor: String(ahead) }]);
    // In the very namespaces that it has cursors in.
    const args = [
      'bench',
      COUNTS,
      '--url',
      server.wsUrl,
      '--namespace-prefix',
      'none',
      '--set',
      'expect[4]=emit.failed == 0',
    ];
    const { stdout } = await runUnlessStalled([...args, '--json', path('ahead.json')]);
    const lost = reportOf('ahead.json').results[0]?.expectations.find(
      ({ rule }) => rule === 'emit.failed == 0',
    );
    expect(lost?.actual, stdout).toBe(0);
    const cursors = server.events.of('broadcast').map(({ cursor }) => Number(cursor));
    // Namespaces may overtake each other on their way.
    expect(cursors.slice(1).sort()).toEqual(Array.from({ length: 9 }, (_, index) => ahead + 1 + index));
  });

  test('takes the next cursor of its own after a run, and hears nothing of the run', async () => {
    const server = await startServer({ monotonic: true, maxConnectionsPerNamespace: 4 });
    await postCursors(server.apiUrl, [{ namespace: 'user:1', cursor: '42' }]);
    const user = await openClient(server.wsUrl, 'user:1');
    await runUnlessStalled(['bench', COUNTS, '--url', server.wsUrl, '--json', path('own.json')]);
    const { code, stderr } = await runUnlessStalled(['emit', '43', '-n', 'user:1', '--url', server.apiUrl]);
    expect(code, stderr).toBe(0);
    await user.received(1);
    expect(user.texts).toEqual(['{"type":"cursor","cursor":"43"}']);
    const { namespacePrefix } = reportOf('own.json').results[0]?.target ?? {};
    expect(namespacePrefix).toMatch(/^bench-[0-9a-f]{8}:$/);
    const inRun = server.events.of('broadcast').map(({ namespace }) => namespace);
    expect(inRun.filter((namespace) => !namespace.startsWith(namespacePrefix as string))).toEqual([
      'user:1',
      'user:1',
    ]);
  });
});

const UNMEASURED = scenario(
  'unmeasured',
  `server: { maxConnectionsPerNamespace: 3 }
cohorts:
  steady: { clients: 6, namespaces: "user:{1..2}" }
  broken: { clients: 2, namespaces: broken, behavior: malformed, kinds: [oversized] }
phases:
  - connect: { cohort: steady }
    expect: [server.connections == 6]
  - connect: { cohort: broken }
  - emit: { namespaces: ["user:{1..2}"], rate: 50/s, count: 4 }
expect:
  - steady.open == 6
  - cursors.lost == 0
  - broken.closed[1009] == 2
  - server.connections == 6
  - server.rss < 1KiB
`,
);
const REPORTS = ['json', 'junit', 'markdown', 'html'];

describe('a right server without our statistics', { timeout: TIMEOUT_MS }, () => {
  test('passes; what is not measurable is told in every report', async () => {
    const server = await startBare();
    const files = REPORTS.flatMap((kind) => [`--${kind}`, path(`bare.${kind}`)]);
    const { code, stdout } = await runUnlessStalled(['bench', UNMEASURED, ...emitsTo(server), ...files], {
      GITHUB_ACTIONS: 'true',
    });
    expect(code, stdout).toBe(0);
    // Four of them are implicit.
    expect(stdout).toMatch(/6 of 10 rules \(4 not\s+measurable\)/);
    expect(stdout).toMatch(/– server\.connections == 6 +not measurable/);
    expect(stdout).toMatch(/^ {6}it requires maxMessageSize: 64KiB/m);
    expect(stdout.match(/^::notice .*is not measurable/gm)).toHaveLength(4);
    const [result] = reportOf('bare.json').results;
    const schema = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../schemas/report.schema.json'), 'utf8'),
    );
    expect(new Ajv().validate(schema, reportOf('bare.json'))).toBe(true);
    expect(result?.verdict).toBe('passed');
    expect(
      result?.expectations.flatMap(({ rule, passed, notMeasurable }) =>
        notMeasurable === undefined ? [] : [{ rule, passed }],
      ),
    ).toEqual(
      [
        'server.connections == 6',
        'broken.closed[1009] == 2',
        'server.connections == 6',
        'server.rss < 1KiB',
      ].map((rule) => ({ rule, passed: true })),
    );
    const [junit = '', markdown = '', html = ''] = ['junit', 'markdown', 'html'].map((kind) =>
      readFileSync(path(`bare.${kind}`), 'utf8'),
    );
    expect(await junitErrors(junit)).toEqual([]);
    expect(junit).toMatch(/skipped="4"/);
    expect(junit.match(/<skipped message="not measurable: /g)).toHaveLength(4);
    expect(markdown).toMatch(
      /\| – \| `server\.rss < 1KiB` \| not measurable \| no HTTP API of the server is known \|/,
    );
    expect(html).toMatch(/not measurable.*no HTTP API of the server is known/s);
    expect(html).toMatch(/6 of 10 rules \(4 not measurable\)/);
  });

  test('fails with --strict, and says why', async () => {
    const server = await startBare();
    const junit = path('strict.xml');
    const { code, stdout } = await runUnlessStalled([
      'bench',
      UNMEASURED,
      ...emitsTo(server),
      '--strict',
      '--junit',
      junit,
    ]);
    expect(code, stdout).toBe(1);
    expect(stdout).toMatch(/– server\.connections == 6 +not measurable/);
    expect(readFileSync(junit, 'utf8')).toMatch(
      /failures="4".*With --strict, a rule that is not measurable fails/s,
    );
  });

  test('is told which setting a rule counts on that does not hold', async () => {
    const server = await startBare({ maxConnectionsPerNamespace: 2 });
    const report = path('settings.json');
    const { code } = await runUnlessStalled(['bench', UNMEASURED, ...emitsTo(server), '--json', report]);
    expect(code).toBe(1);
    const [failed] = reportOf('settings.json').results[0]?.expectations.filter(({ passed }) => !passed) ?? [];
    expect(failed?.meaning).toMatch(
      /assumes that the server has maxConnections: 10000 and maxConnectionsPerNamespace: 3\./,
    );
  });

  test('is no worse than a baseline with statistics, and the other way round', async () => {
    const bare = await startBare();
    const { wsUrl } = await startServer();
    const rules = ['--set', 'expect=["steady.open == 6"]', '--set', 'phases[0].expect=["steady.open == 6"]'];
    const both = [emitsTo(bare), ['--url', wsUrl]];
    const [without = [], having = []] = both.map((target) => [
      'bench',
      UNMEASURED,
      ...rules,
      '--set',
      'cohorts.broken.kinds=["binary"]',
      ...target,
    ]);
    expect((await runUnlessStalled([...without, '--json', path('without.json')])).code).toBe(0);
    expect((await runUnlessStalled([...having, '--json', path('having.json')])).code).toBe(0);
    for (const [args, base] of [
      [without, 'having.json'],
      [having, 'without.json'],
    ] as const) {
      const { code, stdout } = await runUnlessStalled([...args, '--baseline', path(base)]);
      expect(code, stdout).toBe(0);
    }
  });
});

test('a server with our statistics whose limit of a message is gone does not pass for one without that setting', async () => {
  const { wsUrl } = await startServer({ maxMessageSizeBytes: 2 ** 20 });
  const { code, stdout } = await runUnlessStalled([
    'bench',
    UNMEASURED,
    '--url',
    wsUrl,
    '--set',
    'expect[4]=server.rss > 1KiB',
    '--json',
    path('limit.json'),
  ]);
  expect(code, stdout).toBe(1);
  const [failed] = reportOf('limit.json').results[0]?.expectations.filter(({ passed }) => !passed) ?? [];
  expect(failed).toMatchObject({ rule: 'broken.closed[1009] == 2', actual: 0 });
  expect(failed?.meaning).toMatch(/maxMessageSize: 64KiB/);
});
