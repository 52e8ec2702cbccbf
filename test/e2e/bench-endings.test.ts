import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import type { JsonReport, JsonResult } from '../../src/bench/report/schema.js';
import { startFakeApi, stopFakes, taken } from '../bench/emitter/fake-api.js';
import { type LittleServer, littleServer, type Peer } from '../bench/fleet/little-server.js';
import { Waiters } from '../support/deadline.js';
import { disposeLive, type LiveServer, startServer } from '../support/live-server.js';
import { benchInProcess, runWith } from '../support/run-in-process.js';
import { selfSignedCertificate } from '../support/self-signed.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// Runs that end otherwise than most do, each against a server in this process. Whether the machine was too busy for a run
// to be valid does not matter, so exit 5 is as good as any where a run gets to its end.

const { file, path } = temporaryFolder('bench-endings');
const littles: LittleServer[] = [];
const backends: Server[] = [];
afterAll(async () => {
  await Promise.all(littles.map((one) => one.stop()));
  for (const backend of backends) backend.close().closeAllConnections();
  await disposeLive();
  await stopFakes();
});

const scenario = (name: string, phases: readonly string[], rules: readonly string[]) =>
  file(
    `${name}.yaml`,
    `version: 1
name: ${name}
cohorts:
  few: { clients: 4, namespaces: "user:{1..2}" }
phases:
  - connect: { cohort: few, atOnce: true }
${phases.map((phase) => `  - ${phase}\n`).join('')}expect:
${rules.map((rule) => `  - ${rule}\n`).join('')}`,
  );

const rulesOf = ({ expectations }: JsonResult) =>
  Object.fromEntries(expectations.map(({ rule, passed, shown }) => [rule, { passed, shown }]));

/** A program that says that it is this server, and does something else afterwards: what bench starts in place of its own. */
function posing({ wsUrl }: LiveServer, name: string, text: string): string {
  const listening = `echo '{"wsUrl":"${wsUrl}"}'`;
  return `/bin/sh '${file(name, text.replaceAll('LISTEN', listening))}'`;
}

test.concurrent('a run of which a phase ends with a broken rule and abortOnFail has failed, and does nothing after it', async () => {
  const { wsUrl } = await startServer();
  const aborting = scenario(
    'aborting',
    ['{ hold: 1ms, expect: [few.open == 5], abortOnFail: true }', 'hold: 10m'],
    ['few.accepted == 4'],
  );
  const { code, result } = await benchInProcess([aborting, '--url', wsUrl]);
  expect([1, 5]).toContain(code);
  expect(result.phases.map(({ kind }) => kind)).toEqual(['connect', 'hold']);
  expect(result.problems).toEqual([
    'The run was stopped after "hold for 1 ms": one of its rules did not hold',
  ]);
  // What was measured until then is judged all the same.
  expect(rulesOf(result)).toMatchObject({ 'few.accepted == 4': { passed: true } });
});

test.concurrent('an error that nobody caught ends the run: what there is is reported as invalid, and the other scenario as not run', async () => {
  const { wsUrl } = await startServer();
  const waiting = scenario('waiting', ['hold: 10m'], ['few.accepted == 4']);
  let said = '';
  let onStray: (error: unknown) => void = () => {};
  const waiters = new Waiters();
  const running = benchInProcess([waiting, waiting, '--url', wsUrl], {
    onStrayError(listener) {
      onStray = listener;
      return () => {};
    },
    stderr: Object.assign(
      new Writable({
        write(chunk, _, done) {
          said += chunk;
          waiters.changed();
          done();
        },
      }),
      { isTTY: false },
    ),
  });
  await waiters.until(() => said.includes('clients (few)'), 'the end of the first phase');
  onStray(new Error('ouch'));
  const { code, report } = await running;
  expect(code).toBe(70);
  expect(said).toMatch(/^Error: ouch$/m);
  const bug = expect.stringMatching(/^A bug in datafn-ws ended the run, please report it: ouch/);
  expect(report).toMatchObject({
    verdict: 'aborted',
    results: [{ verdict: 'invalid', aborted: false, invalidReasons: [bug] }],
    notRun: [{ name: 'waiting', reason: bug }],
  });
  expect(report?.results[0]?.phases).toMatchObject([
    { kind: 'connect', isFinished: true },
    { kind: 'hold', isFinished: false },
  ]);
});

test.concurrent('a server that bench has started, and that ends by itself, is a problem of the phase in which it does, once', async () => {
  const gone = scenario('gone', ['hold: 4s', 'hold: 1ms'], ['few.accepted == 4']);
  const target = await startServer();
  const command = posing(target, 'ends.sh', 'LISTEN\nwhile [ ! -e "$0.go" ]; do sleep 0.05; done\nexit 3');
  const connected = target.events.until('connected').then(() => file('ends.sh.go', ''));
  const { code, result } = await benchInProcess([gone, '--server-command', command]);
  await connected;
  expect([1, 5]).toContain(code);
  expect(result.problems).toEqual([
    expect.stringMatching(/^The server under test exited during "(?:connect .*|hold for 4 s)": exit code 3$/),
  ]);
});

test.concurrent('a server that does not start again ends the run early, with what it said last', async () => {
  const restart = scenario('restart', ['restart-server: {}', 'hold: 10m'], ['few.accepted == 4']);
  const again = `[ -e "$0.again" ] && { echo 'the port is taken' >&2; exit 4; }
touch "$0.again"
LISTEN
trap 'exit 0' TERM
while :; do sleep 0.05; done`;
  const command = posing(await startServer(), 'again.sh', again);
  const { code, result } = await benchInProcess([restart, '--server-command', command]);
  expect([1, 5]).toContain(code);
  expect(result.problems).toEqual([
    expect.stringMatching(
      /^The run ended early: .*could not be started: it exited at once \(exit code 4\) \| the port is taken$/,
    ),
  ]);
  expect(result.phases.map(({ kind, isFinished }) => [kind, isFinished])).toEqual([
    ['connect', true],
    ['restart-server', false],
  ]);
});

test.concurrent('a target whose API takes no emits and tells no numbers fails the run, and rules about its numbers cannot be measured', async () => {
  const { wsUrl } = await startServer();
  const page = await startFakeApi((response, emissions, _, { url }) => {
    if (url === '/v1/stats') {
      const text = 'plenty';
      const process = { rssBytes: text, cpuMs: text, eventLoopDelayMaxMs: text };
      response.end(JSON.stringify({ connections: text, accepted: text, closed: text, process }));
    } else if (emissions.length === 0) response.writeHead(400).end();
    else response.end('<html>hello</html>');
  });
  const emits = scenario(
    'emits',
    [
      'emit: { namespaces: all, rate: 20/s, count: 4 }',
      'emit: { namespaces: all, via: autocannon, rate: 20/s, for: 300ms }',
    ],
    ['emit.failed == 0', 'server.connections == 4'],
  );
  // The preflight would end it before the run.
  const flags = ['--url', wsUrl, '--admin-url', `http://127.0.0.1:${page.port}`, '--no-preflight'];
  const { code, result } = await benchInProcess([emits, ...flags]);
  expect([1, 5]).toContain(code);
  // None of the cursors was taken, so none was lost.
  expect(result.total.cohorts[0]?.counters.lost).toBe(0);
  expect(rulesOf(result)).toMatchObject({
    'emit.failed == 0': { passed: false },
    'server.connections == 4': { passed: true, shown: 'not measurable' },
  });
  expect(result.problems[0]).toMatch(/^4 of 4 cursors of "emit 4 cursors .*" were not accepted: /);
  for (const problem of result.problems) expect(problem).toContain('is it a datafn-ws server?');

  const counts = scenario('counts', [], ['server.connections == 4']);
  const strict = await benchInProcess([counts, ...flags, '--strict']);
  expect(rulesOf(strict.result)).toMatchObject({ 'server.connections == 4': { passed: false } });
});

test.concurrent('a server that never sends the last cursors, and other messages besides, loses them, and its clients do not converge', async () => {
  const peers: Peer[] = [];
  const server = await littleServer({
    onPeer(peer) {
      peers.push(peer);
      peer.socket.send('x'.repeat(1024 * 1024 + 1));
    },
  });
  littles.push(server);
  let emitted = 0;
  const api = await startFakeApi((response, emissions, count, request) => {
    for (const { namespace, cursor } of emissions) {
      emitted += 1;
      if (emitted <= 2) for (const peer of peers) if (peer.token === namespace) peer.cursors(Number(cursor));
    }
    taken(1)(response, emissions, count, request);
  });
  const emits = scenario(
    'withholds',
    ['emit: { namespaces: all, rate: 100/s, count: 6, settle: 300ms }'],
    ['cursors.lost == 0', 'convergence.max < 1m'],
  );
  const { code, result } = await benchInProcess([
    ...[emits, '--url', server.url, '--no-preflight', '--emit-url', `http://127.0.0.1:${api.port}/push`],
    ...['--emit-body', '[{"namespace":"{namespace}","cursor":"{cursor}"}]'],
  ]);
  expect([1, 5]).toContain(code);
  // Two clients of each namespace miss the last two of its three cursors.
  expect(rulesOf(result)).toMatchObject({
    'cursors.lost == 0': { passed: false, shown: '8' },
    'convergence.max < 1m': { passed: false },
  });
  expect(result.total.cohorts[0]?.otherMessages).toMatchObject([
    { kind: 'longer than 1 MiB', count: 4, first: { namespace: expect.stringMatching(/:user:\d$/) } },
  ]);
  // That is more than is kept.
  expect(result.total.cohorts[0]?.otherMessages?.[0]?.first).not.toHaveProperty('text');
});

test.concurrent('a backend that takes no changes is a problem of the run, with what it said, and no client owes them', async () => {
  const { wsUrl } = await startServer();
  const backend = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(503).end('{}'));
  }).listen(0, '127.0.0.1');
  backends.push(backend);
  await once(backend, 'listening');
  const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/datafn/pull`;
  const pulls = scenario(
    'pulls',
    [`pull: { cohort: few, url: "${url}", changes: 2, every: 10ms, settle: 100ms }`],
    ['few.accepted == 4'],
  );
  const { code, result } = await benchInProcess([pulls, '--url', wsUrl]);
  expect([1, 5]).toContain(code);
  expect(result.problems).toEqual([
    expect.stringMatching(/^4 of 4 changes of "pull 2 changes with few, .*" were not accepted: HTTP 503$/),
  ]);
  expect(result.total.cohorts[0]?.counters).toMatchObject({ changesOwed: 0, changesMissing: 0 });
  const elsewhere = await runWith([
    'bench',
    pulls,
    '--validate',
    '--set',
    'phases[1].pull.url=http://h/push',
  ]);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([
    2,
    expect.stringContaining('expected an http(s) URL whose path ends with /pull'),
  ]);
});

test.concurrent('several scenarios, each run twice over TLS against a server with tokens and an API of its own, get a verdict each and one together', async () => {
  const tokens: Record<string, string> = { t0: 'user:1', t1: 'user:2', t2: 'user:2', t3: 'user:2' };
  const used = new Set<string>();
  const { wsUrl, server } = await startServer({
    tls: selfSignedCertificate('127.0.0.1'),
    namespaceProvider({ token = '' }) {
      used.add(token);
      return tokens[token];
    },
  });
  const headers = new Set<unknown>();
  const api = await startFakeApi((response, emissions, count, request) => {
    headers.add(request.headers['x-trace']);
    for (const { namespace, cursor } of emissions)
      server.websocketHandler.broadcastCursor(String(cursor), namespace);
    taken(2)(response, emissions, count, request);
  });
  const slow = `
  slow: { clients: 2, namespaces: "user:{1..2}", behavior: slow-reader, pause: 600ms }
phases:
  - connect: { cohort: slow, atOnce: true }`;
  const holds = scenario(
    'holds',
    [
      'emit: { namespaces: all, rate: 100/s, count: 4, settle: 30s }',
      'churn: { cohort: few, rate: 100/s, for: 20ms, how: vanish }',
    ],
    ['few.accepted == 4', 'slow.accepted == 2', 'cursors.lost == 0'],
  );
  file('holds.yaml', readFileSync(holds, 'utf8').replace('\nphases:', slow));
  const breaks = scenario('breaks', [], ['few.accepted == 5']);
  const { code, stdout, stderr } = await runWith([
    ...['bench', holds, breaks, '--repeat', '2', '--workers', '1', '--json', path('twice.json')],
    ...['--url', wsUrl, '--insecure', '--tokens-file', file('tokens.json', JSON.stringify(tokens))],
    ...['--emit-url', `http://127.0.0.1:${api.port}/push`, '--emit-header', 'X-Trace: on'],
    ...['--emit-body', '[{"namespace":"{namespace}","cursor":"{cursor}"}]'],
  ]);
  expect([1, 5], stderr).toContain(code);
  const { results } = JSON.parse(readFileSync(path('twice.json'), 'utf8')) as JsonReport;
  const [first, second] = results as [JsonResult, JsonResult];
  expect(results.map(({ repeat }) => repeat?.runs.length)).toEqual([2, 2]);
  expect(rulesOf(first)).toMatchObject({
    'few.accepted == 4': { passed: true },
    'slow.accepted == 2': { passed: true },
    'cursors.lost == 0': { passed: true },
  });
  expect(rulesOf(second)).toMatchObject({ 'few.accepted == 5': { passed: false, shown: '4 in run 1' } });
  // Those that stopped reading were waited for, and got what came meanwhile.
  const slowOnes = first.total.cohorts.find(({ name }) => name === 'slow');
  expect(slowOnes?.counters).toMatchObject({ expected: 4, received: 4 });
  expect([...headers]).toEqual(['on']);
  // Of several tokens of a namespace, each client has the one that is its turn: there is none with the number 2 or 5.
  expect([...used].sort()).toEqual(['t0', 't1', 't2']);

  const runs = [...stderr.matchAll(/^run (\d) of 2: \w+(.*)$/gm)].map(([, number, rest]) => [number, rest]);
  const latency = expect.stringMatching(/^, fan-out latency p99 \S+ \S+$/);
  expect(runs).toEqual([
    ['1', latency],
    ['2', latency],
    ['1', ''],
    ['2', ''],
  ]);
  const end = stdout.slice(stdout.lastIndexOf('\nOverall\n'));
  expect(end).toMatch(
    /\n {2}(?:PASSED|INVALID) holds: .*\n {2}(?:FAILED|INVALID) breaks: .*\n(?:FAILED|INVALID) 2 scenarios: /,
  );
});
