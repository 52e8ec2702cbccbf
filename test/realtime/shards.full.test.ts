import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { JsonReport, JsonResult } from '../../src/bench/report/schema.js';
import { everyReport, expectMarked } from '../support/bench-reports.js';
import { disposeProcesses, runCli, startServe } from '../support/cli-process.js';
import { preloaded } from '../support/preloaded.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Five processes of bench, each with a worker, on a machine that is busy anyway. */
const TIMEOUT_MS = 240_000;
/** Time for all of them to start; more of it when one came too late. */
const START_MS = [12_000, 25_000, 25_000];
/** Every cursor comes at least this late: what a wrong clock would make of it is seen. */
const DELAY_MS = 150;

const { file, folder, path } = temporaryFolder('shards');
afterEach(disposeProcesses);

const SCENARIO = file(
  'parts.yaml',
  `version: 1
name: parts
seed: 7
server: { maxConnectionsPerNamespace: 30 }
cohorts:
  steady: { clients: 101, namespaces: "user:{1..7}" } # not a multiple of four
  hot: { clients: 37, namespaces: hot } # seven too many
  noToken: { clients: 6, behavior: unauthenticated }
phases:
  - connect: { cohort: steady, rate: 200/s }
  - connect: { cohort: hot, rate: 100/s }
  - connect: { cohort: noToken, atOnce: true }
  - emit: { namespaces: all, rate: 40/s, for: 2s, settle: 3s }
    expect: [cursors.lost == 0]
  - parallel:
      - emit: { namespaces: "user:{1..7}", rate: 70/s, batch: 7, for: 1s, settle: 3s }
      - emit: { namespaces: hot, rate: 20/s, for: 1s, settle: 3s }
  - disconnect: { cohort: steady, fraction: 0.5 }
expect:
  - steady.accepted == 101
  - hot.accepted == 30
  - hot.closed[4503 "Namespace connection limit reached"] == 7
  - noToken.closed[4401 "Unauthorized"] == 6
  - steady.disconnected == 51
  - cursors.lost == 0
  - cursors.duplicated == 0
  - cursors.foreign == 0
  - cursors.leaked == 0
  - fanout.min >= ${DELAY_MS - 100}ms
  - fanout.max < 20s
  - fanout.skew.max < 20s
  - convergence.max < 20s
  - server.accepted == 131
`,
);

/** Clocks of a process, its workers included, that are wrong by so much. */
const shiftedBy = (ms: number) =>
  preloaded(`
    const real = process.hrtime;
    const shifted = (since) => {
      const [s, ns] = real();
      const all = BigInt(s) * 1000000000n + BigInt(ns) + ${BigInt(Math.round(ms * 1e6))}n;
      const [from, nanos] = since ?? [0, 0];
      const left = all - BigInt(from) * 1000000000n - BigInt(nanos);
      return [Number(left / 1000000000n), Number(left % 1000000000n)];
    };
    shifted.bigint = () => real.bigint() + ${BigInt(Math.round(ms * 1e6))}n;
    process.hrtime = shifted;
    const now = Date.now;
    Date.now = () => now() + ${Math.round(ms)};
  `);

const resultOf = (name: string): JsonResult => {
  const [result] = (JSON.parse(readFileSync(path(name), 'utf8')) as JsonReport).results;
  if (result === undefined) throw new Error(`${name} has no result`);
  return result;
};

async function startDelayed(): Promise<string> {
  const server = await startServe(['--max-connections-per-namespace', '30']);
  const { wsUrl, apiUrl } = server;
  const { code, stderr } = await runCli(['fault', 'set', 'delay', `delay=${DELAY_MS}ms`, '--url', apiUrl]);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return wsUrl;
}

/** Four shards, each with a clock of its own; again where the machine kept one from its timetable. */
async function runShards(shifts: readonly number[]): Promise<{ names: string[]; ends: (number | null)[] }> {
  for (const [attempt, startMs] of START_MS.entries()) {
    // A fresh server: of one that has run before, the first cursor may be another.
    const url = await startDelayed();
    const startAt = Math.ceil((Date.now() + startMs) / 1000);
    const names = shifts.map((_, index) => `shard-${attempt}-${index + 1}.json`);
    const outputs = await Promise.all(
      shifts.map((ms, index) =>
        runCli(
          [
            'bench',
            SCENARIO,
            ...['--url', url, '--shard', `${index + 1}/${shifts.length}`, '--start-at', String(startAt)],
            ...['--slack', '4s', '--workers', '1', '--json', path(names[index] as string)],
          ],
          { ...shiftedBy(ms), withinMs: TIMEOUT_MS },
        ),
      ),
    );
    const ends = outputs.map(({ code }) => code);
    if (!ends.includes(5) && !ends.includes(2)) return { names, ends };
  }
  throw new Error('bench came too late for its timetable, three times');
}

/** What does not depend on time. */
const countsOf = ({ total }: JsonResult) =>
  total.cohorts.map(({ name, accepted, closed, rejected, errors, counters }) => {
    const {
      attempts,
      opened,
      disconnected,
      expected,
      received,
      lost,
      duplicated,
      reordered,
      leaked,
      foreign,
    } = counters;
    return {
      ...{ name, accepted, closed, rejected, errors, attempts, opened, disconnected },
      ...{ expected, received, lost, duplicated, reordered, leaked, foreign },
    };
  });
const metricsOf = ({ total }: JsonResult, ...names: string[]) =>
  names.map((name) => total.metrics.find((one) => one.name === name && one.cohort === undefined)?.value);

describe('four shards whose clocks are hours, seconds and milliseconds apart', () => {
  test(
    'are one run when they are merged: the same counts, and latencies that are as exact as is said',
    async () => {
      const shifts = [0, 3 * 3_600_000, -90_250.5, 777];
      const { names, ends } = await runShards(shifts);
      expect(ends).toEqual([0, 0, 0, 0]);

      const url = await startDelayed();
      const whole = await runCli(['bench', SCENARIO, '--url', url, '--json', path('whole.json')], {
        withinMs: TIMEOUT_MS,
      });
      expect([whole.code, whole.stderr]).toEqual([0, expect.any(String)]);

      const reports = everyReport(folder, 'merged');
      const merge = await runCli(['merge', ...names.map(path).reverse(), ...reports.flags]);
      expect([merge.code, merge.stdout]).toEqual([0, expect.stringMatching(/^PASSED parts: /m)]);
      await expectMarked('passed', merge.stdout, reports.read());

      const [merged, one] = [reports.read().json.results[0] as JsonResult, resultOf('whole.json')];
      expect(countsOf(merged)).toEqual(countsOf(one));
      const counts = [
        'emit.broadcasts',
        'emit.failed',
        'emit.delivered',
        'server.accepted',
        'fanout.skew.max',
      ];
      expect(metricsOf(merged, ...counts.slice(0, 4))).toEqual(metricsOf(one, ...counts.slice(0, 4)));
      for (const key of ['fanout', 'skew', 'convergence'])
        expect([key, merged.total.histograms[key]?.count]).toEqual([key, one.total.histograms[key]?.count]);
      expect(merged.merged?.shards.map(({ clients }) => clients)).toEqual([38, 36, 35, 35]);

      // The clocks of all shards are shifts of one clock: what each found out must fit together.
      const shards = names.map((name) => resultOf(name).shard as NonNullable<JsonResult['shard']>);
      const clocks = shards.map(
        ({ clockOffsetMs = Number.NaN }, index) => clockOffsetMs + (shifts[index] as number),
      );
      // Wall clocks are read in whole milliseconds, and the offset is rounded as well.
      const rounding = 2;
      for (const [a, first] of shards.entries())
        for (const [b, second] of shards.entries()) {
          const apart = Math.abs((clocks[a] as number) - (clocks[b] as number));
          expect(apart, `shards ${a + 1} and ${b + 1}`).toBeLessThanOrEqual(
            (first.uncertaintyMs ?? Number.NaN) + (second.uncertaintyMs ?? Number.NaN) + rounding,
          );
        }
      const uncertaintyMs = merged.merged?.uncertaintyMs ?? Number.NaN;
      expect(uncertaintyMs).toBeLessThan(100);
      // The fastest delivery of each shard took as long as the server holds it back, by whichever clocks it was measured.
      for (const name of [...names, 'merged.json']) {
        const { min = Number.NaN } = resultOf(name).total.histograms.fanout ?? {};
        expect(min, name).toBeGreaterThanOrEqual(DELAY_MS - uncertaintyMs);
        expect(min, name).toBeLessThan(DELAY_MS + 500);
      }
    },
    TIMEOUT_MS * 3,
  );
});
