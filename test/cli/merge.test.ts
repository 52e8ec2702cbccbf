import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonReport } from '../../src/bench/report/schema.js';
import { filledReport } from '../bench/filled.js';
import { runWith } from '../support/run-in-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file, path } = temporaryFolder('merge');

/** The report of a shard, as bench writes it. */
function shard(index: number, of: number, change: (report: JsonReport) => void = () => {}): string {
  const report: JsonReport = structuredClone(filledReport(['accepted >= 1', 'fanout.p99 < 2s']));
  const [result] = report.results;
  if (result === undefined) throw new Error('no result');
  const { phases, total } = result;
  for (const measurements of [total, ...phases.map((phase) => phase.measurements)]) {
    measurements.part = {
      cohorts: measurements.cohorts.map(() => ({
        ...{ unpinged: 0, pingsOwed: 0, pingsOverdue: 0, cursorsOwed: 0, leftBehind: 0 },
      })),
      ...{ emit: { broadcasts: 1, failed: 0, delivered: 1 }, emits: [], unrecovered: 0, server: {} },
    };
  }
  result.shard = {
    ...{ index, of, run: '0badcafe', startAt: '2030-01-01T00:00:00.000Z', slackMs: 3000, clients: 3 },
    uncertaintyMs: 1,
  };
  change(report);
  return file(`${index}-${of}-${Math.random()}.json`, JSON.stringify(report));
}
const shardOf = ({ results }: JsonReport) =>
  results[0]?.shard as NonNullable<JsonReport['results'][0]['shard']>;

describe('merge', () => {
  test('of all shards, in any order, judges the rules and writes every report', async () => {
    const { code, stdout, stderr } = await runWith([
      ...['merge', shard(2, 2), shard(1, 2), '--json', path('all.json'), '--markdown', path('all.md')],
      ...['--html', path('all.html'), '--junit', path('all.xml')],
    ]);
    const { results } = JSON.parse(readFileSync(path('all.json'), 'utf8')) as JsonReport;
    expect(results[0]?.merged?.shards).toHaveLength(2);
    // Twice the same part: twice its clients.
    const [one] = filledReport(['accepted >= 1', 'fanout.p99 < 2s']).results;
    expect(results[0]?.total.cohorts.map(({ accepted }) => accepted)).toEqual(
      one?.total.cohorts.map(({ accepted }) => 2 * accepted),
    );
    expect([code, stderr.match(/^wrote /gm)?.length]).toEqual([results[0]?.verdict === 'passed' ? 0 : 1, 4]);
    expect(stdout).toMatch(/Shards\n/);
    for (const name of ['all.md', 'all.html']) expect(readFileSync(path(name), 'utf8')).toContain('± 2 ms');
  });

  test.each<[string, () => string[], RegExp]>([
    ['no report', () => [], /Expected the JSON reports of all shards\. Try: npx datafn-ws merge/],
    ['one report twice', () => ['a.json', 'a.json'], /Expected each report once, got a\.json twice/],
    ['two reports on stdin', () => ['-', '-'], /Only one report can come from stdin, got - twice/],
    ['a file that is not there', () => ['no/such.json'], /Cannot read the report of a shard/],
    ['a shard too few', () => [shard(1, 3)], /reports of 3 shards; missing: 2, 3\n/],
    ['a shard twice', () => [shard(1, 2), shard(1, 2)], /are both of shard 1\n/],
    [
      'other JSON',
      () => [file('other.json', '{}')],
      /got other JSON; make a report with: npx datafn-ws bench --shard/,
    ],
    ['an empty file', () => [file('empty.json', '')], /got an empty file/],
    [
      'a report of a whole run',
      () => [file('whole.json', JSON.stringify(filledReport(['accepted >= 1'])))],
      /one of a whole run: it was made without --shard/,
    ],
    [
      'a report that was merged already',
      () => [
        shard(1, 1, ({ results }) => Object.assign(results[0] ?? {}, { merged: { run: 'x', shards: [] } })),
      ],
      /one that is merged already/,
    ],
    [
      'shards of two runs',
      () => [
        shard(1, 2),
        shard(2, 2, (report) => Object.assign(shardOf(report), { run: 'other', slackMs: 5000 })),
      ],
      /of another run than .*--slack 5000ms, not 3000ms/,
    ],
    [
      'shards of two versions',
      () => [
        shard(1, 2),
        shard(2, 2, ({ results }) => Object.assign(results[0]?.tool ?? {}, { version: '9.9.9' })),
      ],
      /is of datafn-ws 9\.9\.9/,
    ],
    [
      'a shard of the same run whose scenario is another',
      () => [
        shard(1, 2),
        shard(2, 2, ({ results }) => Object.assign(results[0]?.scenario ?? {}, { sha256: 'other' })),
      ],
      /\S+ is of another scenario than \S+\n/,
    ],
    [
      'a report with a value that there cannot be',
      () => [shard(1, 1, ({ results }) => Object.assign(results[0] ?? {}, { durationMs: 'long' }))],
      /an invalid one at results\.0\.durationMs: .*\. Use one version of datafn-ws for all\n/,
    ],
    [
      'a report without what only all shards know',
      () => [shard(1, 1, ({ results }) => Object.assign(results[0]?.total ?? {}, { part: undefined }))],
      /one without the parts that a merge needs/,
    ],
    [
      'a shard that was not run',
      () => [
        shard(1, 1, (report) =>
          Object.assign(report, {
            results: [],
            notRun: [{ name: 'x', source: 'y', reason: 'It was late.' }],
          }),
        ),
      ],
      /one without a result: It was late\n/,
    ],
  ])('of %s is exit 2, and says what is wrong', async (_, files, why) => {
    const { code, stdout, stderr } = await runWith(['merge', ...files()]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(why);
    expect(stderr).toMatch(/^(?!.*\bat .*:\d+:\d+)/s);
  });
});

describe('bench --shard', () => {
  const part = [
    '--shard',
    '1/2',
    '--start-at',
    '2030-01-01T00:00:00Z',
    '--url',
    'ws://127.0.0.1:9/datafn/ws',
  ];
  test.each<[string, string[], RegExp]>([
    ['alone', ['--shard', '1/2'], /--shard needs --url.*\n.*--shard needs --start-at/],
    ['without its number', ['--start-at', '2030-01-01T00:00:00Z'], /--start-at needs --shard: add it/],
    ['with slack only', ['--slack', '5s'], /--slack needs --shard: add it/],
    [
      'beyond the last part',
      ['--shard', '3/2'],
      /Expected --shard to be one of the parts 1\/2 to 2\/2, got "3\/2"/,
    ],
    [
      'at a time without a zone',
      ['--start-at', '12:00'],
      /Expected --start-at to be a time such as .*, got "12:00"/,
    ],
    ['of two scenarios', ['smoke', 'fanout', ...part], /--shard is for one scenario, got 2/],
    ['repeated', [...part, '--repeat', '2'], /--repeat is not for a part of a run/],
    ['with a baseline', [...part, '--baseline', 'x.json'], /A part of a run is not compared/],
    ['with no slack', [...part, '--slack', '0s'], /Expected --slack to be at least 1s/],
    [
      'of a scenario with autocannon',
      ['emit-load', ...part],
      /Shards cannot run the scenario emit-load: .*autocannon/,
    ],
    ['of a scenario that pulls', ['herd', ...part], /Shards cannot run the scenario herd/],
  ])('%s is exit 2', async (_, args, why) => {
    const { code, stdout, stderr } = await runWith(['bench', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(why);
  });
});
