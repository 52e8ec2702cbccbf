import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import type { JsonReport } from '../../src/bench/report/schema.js';
import { runBench } from '../support/bench-process.js';
import { disposeProcesses } from '../support/cli-process.js';
import { smaller } from '../support/smaller.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { path } = temporaryFolder('herd');
afterAll(disposeProcesses);

/** The scenario with 60 clients and two changes. */
function little(more: Readonly<Record<string, string>> = {}) {
  return smaller(
    'herd',
    { 'tabs.accepted == 2000': 'tabs.accepted == 60', 'pull.data.p99 < 5s': 'pull.data.p99 < 60s' },
    {
      'cohorts.tabs.clients': '60',
      'phases[pull].pull.changes': '2',
      'phases[pull].pull.every': '2s',
      ...more,
    },
  );
}

test('clients of two workers pull what was pushed from the memory backend of serve, and none is left behind', async () => {
  const json = path('herd.json');
  const { code, stdout, stderr } = await runBench([...little(), '--workers', '2', '--json', json]);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/^Pulls$/m);
  const { results }: JsonReport = JSON.parse(readFileSync(json, 'utf8'));
  const counters = results[0]?.total.cohorts[0]?.counters;
  expect(counters).toMatchObject({
    changesOwed: 120,
    changesMissing: 0,
    pullersLeftBehind: 0,
    stalePulls: 0,
  });
  // The cursors are those of the backend, and it repeats each.
  expect(counters?.foreign).toBe(0);
  expect(results[0]?.total.histograms.pullData?.count).toBe(120);
});

test('a backend that does not answer fails the run, and the report says what came instead', async () => {
  const { code, stdout } = await runBench([
    ...little({
      'phases[pull].pull.url': 'http://127.0.0.1:1/datafn/pull',
      'phases[pull].pull.settle': '1s',
    }),
    '--workers',
    '1',
  ]);
  expect(code, stdout).toBe(1);
  expect(stdout.replace(/\s+/g, ' ')).toMatch(
    /8 of 8 changes of "pull .* with tabs.*" were not accepted: ECONNREFUSED/,
  );
});
