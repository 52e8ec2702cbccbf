import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import type { JsonReport } from '../../src/bench/report/schema.js';
import { disposeLive, startServer } from '../support/live-server.js';
import { benchInProcess, runWith } from '../support/run-in-process.js';
import { note } from '../support/run-notes.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file, path } = temporaryFolder('bench-shards');
afterAll(disposeLive);

const SCENARIO = file(
  'parts.yaml',
  `version: 1
name: parts
cohorts:
  steady: { clients: 7, namespaces: "user:{1..3}" }
phases:
  - connect: { cohort: steady, rate: 100/s }
  - emit: { namespaces: all, rate: 30/s, count: 9, settle: 500ms }
expect:
  - steady.accepted == 7
  - server.accepted == 7
  - cursors.lost == 0
`,
);

/** How long until shards begin: longer where the machine kept one from being ready in time. */
const START_MS = [4500, 15_000, 30_000];
/** How `bench` ends when a shard came too late for its start, and when it fell behind its timetable later. */
const [REFUSED, INVALID] = [2, 5];

/** The reports of two shards of a run that both began, and what the second one said. */
async function runShards(wsUrl: string) {
  for (const startMs of START_MS) {
    const startAtMs = Math.ceil((Date.now() + startMs) / 1000) * 1000;
    const when = ['--start-at', String(startAtMs / 1000), '--slack', '1s'];
    const flags = ['--url', wsUrl, ...when, '--no-preflight'];
    const [one, two] = await Promise.all([
      benchInProcess([SCENARIO, ...flags, '--shard', '1/2']),
      benchInProcess([SCENARIO, ...flags, '--shard', '2/2']),
    ]);
    const codes = [one.code, two.code];
    if (!codes.includes(REFUSED))
      return {
        reports: [one.report, two.report],
        results: [one.result, two.result],
        said: two.stderr,
        startAtMs,
        // A machine that kept a shard from its timetable makes the run invalid, and says nothing about the product.
        isInTime: codes.every((code) => code === 0),
        codes,
      };
    note(`shards that begin after ${startMs} ms: ${one.stderr} ${two.stderr}`);
  }
  throw new Error('a shard was not ready in time, three times');
}

test('a shard is refused where the target has cursors that are greater than those of the run', async () => {
  const { wsUrl, server } = await startServer();
  const startAt = Math.ceil(Date.now() / 1000) + 600;
  server.websocketHandler.broadcastCursor(String((startAt + 1) * 1e6), 'user:1');
  const flags = ['--url', wsUrl, '--start-at', String(startAt), '--shard', '2/2'];
  const { code, stderr } = await benchInProcess([SCENARIO, ...flags]);
  expect(code).toBe(2);
  expect(stderr).toContain(
    `Expected the cursors of the target to be below ${startAt * 1e6}, the first of this run, got ${(startAt + 1) * 1e6}`,
  );
});

test('a shard that begins when the others have long begun is refused', async () => {
  const { wsUrl } = await startServer();
  const startAt = Math.floor(Date.now() / 1000) - 60;
  const flags = ['--url', wsUrl, '--start-at', String(startAt), '--shard', '1/2'];
  const { code, stderr } = await benchInProcess([SCENARIO, ...flags]);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /Expected --start-at to leave at least 2 s .* by the target's clock: start every shard again/,
  );
});

test('two shards begin together, play half of the clients each, and are one run when they are merged', async () => {
  const { wsUrl, events } = await startServer();
  const { reports, results, said, startAtMs, isInTime, codes } = await runShards(wsUrl);
  for (const code of codes) expect([0, INVALID]).toContain(code);
  expect(said).toMatch(/^ready; every shard begins in /m);

  const [one, two] = results.map(({ shard }) => shard);
  const agreed = { of: 2, run: one?.run, startAt: new Date(startAtMs).toISOString() };
  expect([one, two]).toMatchObject([
    { ...agreed, index: 1, clients: 4 },
    { ...agreed, index: 2, clients: 3 },
  ]);
  // The target has the clock of this machine.
  for (const { clockOffsetMs = Number.NaN, uncertaintyMs = Number.NaN } of [one, two].flatMap(
    (shard) => shard ?? [],
  )) {
    // Wall clocks are read in whole milliseconds.
    expect(Math.abs(clockOffsetMs)).toBeLessThanOrEqual(uncertaintyMs + 2);
  }
  for (const [index, { phases, total, expectations }] of results.entries()) {
    expect(phases.map(({ isFinished }) => isFinished)).toEqual([true, true]);
    expect(total.cohorts[0]).toMatchObject({ accepted: 4 - index });
    if (isInTime) expect(total.cohorts[0]).toMatchObject({ counters: { lost: 0, foreign: 0 } });
    // What only all shards know is judged later.
    expect(expectations.every(({ deferred }) => deferred)).toBe(true);
  }
  // Namespaces of its own for each run, the same in both shards; the second one expects what the first one emits.
  const namespaces = ['user:1', 'user:2', 'user:3'].map((name) => `bench-${one?.run}:${name}`);
  const emitted = events.of('broadcast').map(({ namespace }) => namespace);
  expect(emitted.slice(-9).sort()).toEqual(namespaces.flatMap((namespace) => Array(3).fill(namespace)));
  expect(results.map(({ total }) => total.part?.emit.broadcasts)).toEqual([9, 0]);
  if (isInTime) expect(results.map(({ total }) => total.part?.emits[0]?.first.length)).toEqual([9, 9]);

  const files = reports.map((report, index) => file(`shard-${index + 1}.json`, JSON.stringify(report)));
  const merge = await runWith(['merge', ...files, '--json', path('merged.json')]);
  expect(merge.code).toBe(isInTime ? 0 : INVALID);
  expect(merge.stdout).toMatch(isInTime ? /^PASSED parts: /m : /^INVALID parts: /m);
  const [merged] = (JSON.parse(readFileSync(path('merged.json'), 'utf8')) as JsonReport).results;
  expect(merged?.total.cohorts[0]).toMatchObject({ accepted: 7 });
  // Of nine cursors, each client gets the three of its namespace.
  const counters = { expected: 21, received: 21 };
  if (isInTime) expect(merged?.total.cohorts[0]).toMatchObject({ counters });
});
