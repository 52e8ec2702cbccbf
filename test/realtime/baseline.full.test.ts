import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JsonReport, type JsonResult, reportSchema } from '../../src/bench/report/schema.js';
import { runBench } from '../support/bench-process.js';
import { disposeProcesses, runCli, startCli, startServe } from '../support/cli-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file, path } = temporaryFolder('baseline');
afterAll(disposeProcesses);

const read = (name: string) => readFileSync(path(name), 'utf8');
const readReport = (name: string): JsonReport => reportSchema.parse(JSON.parse(read(name)));

/** Five clients more than their namespace takes, cursors, and one cohort that comes and goes by chance. */
const SCENARIO = (name: string, rules: readonly string[] = []) => `version: 1
name: ${name}
server: { maxConnectionsPerNamespace: 20 }
cohorts:
  steady: { clients: 20, namespaces: "user:{1..4}" }
  hot: { clients: 25 }
  flappers: { clients: 5, behavior: flapping, dropEvery: 100ms, backoffScale: 0.05 }
phases:
  - connect: { cohort: steady, atOnce: true }
  - connect: { cohort: hot, rate: 1000/s }
  - connect: { cohort: flappers, atOnce: true }
  - emit: { namespaces: "user:{1..4}", rate: 100/s, for: 400ms }
  - hold: 10ms
expect:
  - steady.accepted == 20
  - cursors.lost == 0
${rules.map((rule) => `  - ${rule}\n`).join('')}`;

const scenario = (name: string, ...rest: Parameters<typeof SCENARIO>) => file(name, SCENARIO(...rest));
const little = scenario('little.yaml', 'little');

beforeAll(async () => {
  const { code, stderr } = await runBench([little, '--workers', '1', '--json', path('base.json')]);
  expect(code, stderr).toBe(0);
}, 180_000);

describe('a run of the same scenario with the same server', () => {
  test('with another seed and other workers is no regression, and compare says the same as the run did', async () => {
    const again = await runBench([
      little,
      ...['--seed', '77', '--workers', '2'],
      ...['--baseline', path('base.json'), '--json', path('again.json')],
    ]);
    expect(again.code, again.stderr + again.stdout).toBe(0);
    expect(again.stdout).toContain('Against the baseline: ');
    const result = readReport('again.json').results[0] as JsonResult;
    expect(result.verdict).toBe('passed');
    expect(result.comparison?.changes.filter(({ verdict }) => verdict === 'regression')).toEqual([]);
    expect(result.comparison?.compared.counts).toBeGreaterThan(20);
    const { code, stdout } = await runCli(['compare', path('base.json'), path('again.json'), '--json', '-']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).comparisons).toEqual([result.comparison]);
  });
});

describe('a run with a server that takes less', () => {
  test('is exit 1 when a rule of a scenario does not hold: that weighs more; one without a baseline is not compared', async () => {
    const serve = await startServe(['--max-connections-per-namespace', '15']);
    const { code, stdout, stderr } = await runBench([
      ...[little, scenario('strict.yaml', 'strict', ['hot.accepted == 20'])],
      ...['--url', serve.wsUrl, '--admin-url', serve.apiUrl],
      ...['--baseline', path('base.json'), '--json', path('failed.json')],
    ]);
    expect(code, stderr + stdout).toBe(1);
    expect(stdout.match(/^[A-Z]+ \w+$/gm)).toEqual(['REGRESSED little', 'FAILED strict']);
    expect(stderr).toContain('strict is not in the baseline: it will not be compared\n');
    const { verdict, results } = readReport('failed.json');
    expect(verdict).toBe('failed');
    expect(results.map(({ comparison }) => comparison?.verdict)).toEqual(['regressed', undefined]);
  });
});

describe('--repeat', () => {
  test('runs a scenario so many times, reports medians, and is a baseline with a spread', async () => {
    const { code, stdout, stderr } = await runBench([
      little,
      ...['--workers', '1', '--repeat', '2', '--json', path('twice.json')],
    ]);
    expect(code, stderr + stdout).toBe(0);
    expect(stderr.match(/^run \d of 2: passed, fan-out latency p99 \S+ \S+$/gm)).toHaveLength(2);
    expect(stdout.match(/^PASSED little$/gm)).toHaveLength(1);
    const result = readReport('twice.json').results[0] as JsonResult;
    expect(result.repeat?.runs).toHaveLength(2);
    const fanout = result.total.metrics.find(
      ({ name, cohort }) => name === 'fanout.p99' && cohort === undefined,
    );
    expect(fanout?.spread?.low).toBeLessThan(fanout?.spread?.high ?? 0);
    expect(fanout?.value).toBeGreaterThanOrEqual(fanout?.spread?.low ?? Number.NaN);
    expect(fanout?.value).toBeLessThanOrEqual(fanout?.spread?.high ?? Number.NaN);
    const compared = await runCli(['compare', path('twice.json'), path('base.json')]);
    expect(compared.code, compared.stdout).toBe(0);
  });

  test('that is interrupted in its second run is 130, and reports what there is as aborted, compared with nothing', async () => {
    const long = scenario('long.yaml', 'little');
    const bench = startCli([
      'bench',
      long,
      ...['--workers', '1', '--repeat', '3', '--set', 'phases[4].hold=4s'],
      ...['--baseline', path('base.json'), '--json', path('cut.json')],
    ]);
    await bench.until(() => /run 1 of 3[\s\S]*emit/.test(bench.stderr), 'the second run');
    bench.kill('SIGINT');
    const { code } = await bench.ended();
    expect(code, bench.stderr).toBe(130);
    expect(bench.stderr).toContain('little is aborted: it is not compared\n');
    const result = readReport('cut.json').results[0] as JsonResult;
    expect(result).toMatchObject({ verdict: 'aborted', aborted: true, repeat: { times: 3 } });
    expect(result.repeat?.runs.map(({ verdict }) => verdict)).toEqual([expect.any(String), 'aborted']);
    expect(result).not.toHaveProperty('comparison');
  });
});
