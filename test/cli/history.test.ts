import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { jsonReport } from '../../src/bench/report/json.js';
import { fanoutTimes, resultOf } from '../bench/compare/results.js';
import { runWith } from '../support/run-in-process.js';

const root = mkdtempSync(join(tmpdir(), 'datafn-ws-history-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A folder of a report a day, twice as slow from the twentieth on. */
const reports = join(root, 'reports');
mkdirSync(join(reports, 'nightly'), { recursive: true });
for (let day = 0; day < 30; day++) {
  const result = resultOf(fanoutTimes(day < 20 ? 1 : 2));
  const dated = {
    ...result,
    startedAt: new Date(Date.UTC(2026, 0, day + 1)).toISOString(),
    revision: `<r${day}>`,
  };
  writeFileSync(join(reports, 'nightly', `${day}.json`), JSON.stringify(jsonReport([dated], [])));
}
writeFileSync(join(reports, 'package.json'), '{"name":"x"}');

test('steps are told with their metric, both levels, the date and the revision', async () => {
  const { code, stdout, stderr } = await runWith(['compare', '--history', reports]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^skipped: Expected package\.json to be a JSON report of bench, got other JSON/);
  expect(stdout).toContain('CHANGED sample');
  expect(stdout.replace(/\s+/g, ' ')).toContain(
    '30 runs, from 2026-01-01 00:00, revision <r0> to 2026-01-30 00:00, revision <r29>.',
  );
  expect(stdout).toMatch(
    /✗ fanout\.p99 +33\d ms -> 67\d ms \(\+100%\)\n +since 2026-01-21 00:00, revision <r20>/,
  );
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
    /^CHANGED sample: \d+ steps in \d+ metrics of 30 runs$/,
  );
});

test('the page has a chart of every metric, and nothing in a report is markup', async () => {
  const page = join(root, 'trends.html');
  const { code, stderr } = await runWith(['compare', '--history', reports, '--html', page]);
  expect([code, stderr]).toEqual([0, expect.stringContaining(`wrote ${page}`)]);
  const text = readFileSync(page, 'utf8');
  expect(text).toMatch(/fanout\.p99 over 30 runs: from 33\d ms to 67\d ms at run 21/);
  expect(text).not.toContain('<r20>');
});

test('--json and --markdown have the same steps', async () => {
  const json = JSON.parse((await runWith(['compare', '--history', reports, '--json', '-'])).stdout);
  const series = json.scenarios[0].series.find(({ name }: { name: string }) => name === 'fanout.p99');
  expect(series.steps).toMatchObject([{ run: 20, verdict: 'worse' }]);
  const { stdout } = await runWith(['compare', '--history', reports, '--markdown', '-']);
  expect(stdout).toContain('| ✗ | `fanout.p99` |');
});

describe('wrong usage is exit 2', () => {
  const empty = join(root, 'empty');
  mkdirSync(empty);
  test.each<[string, string[], string]>([
    [
      'no report',
      [],
      'Expected two JSON reports, got none. Try: npx datafn-ws compare main.json branch.json',
    ],
    ['one report', ['a.json'], 'Expected two JSON reports, got one. Try: npx'],
    ['reports and a folder', ['a.json', 'b.json', '--history', reports], 'either two reports or --history'],
    ['a rule', ['--history', reports, '--fail-on', 'fanout.p99 +1%'], '--fail-on is for two reports'],
    ['a page of two reports', ['a.json', 'b.json', '--html', 'x.html'], '--html needs --history'],
    ['no such folder', ['--history', join(root, 'nothing')], 'does not exist. Check the path'],
    ['a file', ['--history', join(reports, 'package.json')], 'package.json is a file'],
    [
      'a folder without reports',
      ['--history', empty],
      `got none in ${empty}; make one with: npx datafn-ws bench`,
    ],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await runWith(['compare', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});
