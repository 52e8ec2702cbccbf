import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { REPORT_VERSION } from '../../src/bench/compare/older-versions.js';
import type { JsonReport } from '../../src/bench/report/schema.js';
import { fanoutTimes, repeatedOf, resultOf, tallyOf } from '../bench/compare/results.js';
import { filledReport } from '../bench/filled.js';
import { runWith } from '../support/run-in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-compare-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const reportOf = (...results: JsonReport['results']): JsonReport => ({
  version: REPORT_VERSION,
  verdict: 'passed',
  results,
  notRun: [],
});
const named = (name: string, result = resultOf()) => {
  result.scenario.name = name;
  return result;
};

const base = file('base.json', reportOf(resultOf()));
const slow = file('slow.json', reportOf(repeatedOf(fanoutTimes(3), fanoutTimes(3))));
const lossy = file(
  'lossy.json',
  reportOf(
    resultOf((all) => {
      tallyOf(all, 'hot').counters.lost += 1;
    }),
  ),
);

describe('the exit code of compare', () => {
  test.each<[string, string[], number, string]>([
    ['the same', [base, base], 0, 'SAME'],
    ['a cursor that was lost', [base, lossy], 4, 'REGRESSED'],
    ['a cursor that is lost no more', [lossy, base], 0, 'IMPROVED'],
    ['a duration', [base, slow], 0, 'CHANGED'],
    ['a duration that a rule is about', [base, slow, '--fail-on', 'fanout.p99 +20% +10ms'], 4, 'REGRESSED'],
    [
      'one of several rules',
      [base, slow, '--fail-on', 'api.rate -1%', '--fail-on', 'fanout.p50 +1%'],
      4,
      'REGRESSED',
    ],
    ['a rule that is kept', [base, slow, '--fail-on', 'fanout.p99 +900%'], 0, 'CHANGED'],
  ])('for %s', async (_, args, wanted, word) => {
    const { code, stdout, stderr } = await runWith(['compare', ...args]);
    expect([code, stderr]).toEqual([wanted, '']);
    expect(stdout.split('\n')[0]).toBe(`${word} sample`);
  });
});

describe('what cannot be compared is exit 2, and says why', () => {
  const aborted = file('aborted.json', filledReport(['fanout.p99 < 2s'], { aborted: true }));
  const invalid = file('invalid.json', filledReport(['fanout.p99 < 2s'], { invalid: ['Worker 1 died'] }));
  const other = file('other.json', reportOf(named('other')));
  const newer = file('newer.json', { ...reportOf(resultOf()), version: REPORT_VERSION + 1 });

  test.each<[string, string[], string]>([
    ['no file', ['no/such.json', base], 'Cannot read the baseline: /'],
    ['a folder', [base, folder], 'Cannot read the newer report: it is a folder'],
    ['no JSON', [file('text.json', 'hello'), base], 'to be a JSON report of bench, got invalid JSON'],
    ['an empty file', [base, file('empty.json', '')], 'got an empty file'],
    [
      'other JSON',
      [file('package.json', { name: 'x' }), base],
      'got other JSON; make a report with: npx datafn-ws bench --json FILE',
    ],
    ['another version', [newer, base], `one of version ${REPORT_VERSION + 1} of the format`],
    [
      'an aborted baseline',
      [aborted, base],
      `Expected the baseline to be of complete, valid runs, got a run of sample that was stopped`,
    ],
    ['an invalid run', [base, invalid], 'Expected the newer report to be of complete, valid runs'],
    ['another scenario', [base, other], 'to be of the same scenarios, got sample and other'],
    [
      'a rule about nothing',
      [base, base, '--fail-on', 'fanout.p9 +1%'],
      'unknown metric `fanout.p9`. Did you mean',
    ],
    [
      'a rule without a limit',
      [base, base, '--fail-on', 'fanout.p99'],
      '--fail-on "fanout.p99": expected a metric and by how much',
    ],
    ['stdin twice', ['-', '-'], 'Only one of the two reports can come from stdin'],
    ['one file', [base], 'Expected two JSON reports, got one'],
    ['three files', [base, base, base], 'too many arguments'],
    [
      'two results on stdout',
      [base, base, '--json', '-', '--markdown', '-'],
      'Expected one report on stdout',
    ],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await runWith(['compare', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
  });
});

describe('reports of several scenarios', () => {
  const [first, second, third] = ['first', 'second', 'third'];

  test('are compared scenario by scenario, whatever their order; the worst decides', async () => {
    const before = file('several.json', reportOf(named(first), named(second)));
    const after = file('reversed.json', reportOf(named(second, resultOf(fanoutTimes(3))), named(first)));
    const { code, stdout } = await runWith(['compare', before, after, '--fail-on', 'fanout.p99 +20%']);
    expect(code).toBe(4);
    expect(stdout.match(/^[A-Z]+ \w+$/gm)).toEqual(['REGRESSED second', 'SAME first']);
  });

  test('tell which of them only one has', async () => {
    const before = file('before.json', reportOf(named(first), named(second)));
    const after = file('after.json', reportOf(named(second), named(third)));
    const { code, stderr } = await runWith(['compare', before, after]);
    expect(code).toBe(0);
    expect(stderr).toBe(
      'Only the baseline has first: not compared\nThe baseline does not have third: not compared\n',
    );
  });

  test('take the first of a scenario that was run twice for the first, and the second for the second', async () => {
    const twice = file('twice.json', reportOf(resultOf(), resultOf(fanoutTimes(3))));
    const { stdout } = await runWith(['compare', twice, twice]);
    expect(stdout.match(/^SAME sample$/gm)).toHaveLength(2);
  });
});

describe('what compare writes', () => {
  test('for machines goes to a file, or to stdout alone', async () => {
    const path = join(folder, 'comparison.json');
    const { code, stdout } = await runWith(['compare', base, lossy, '--json', path]);
    expect(code).toBe(4);
    const written = JSON.parse(readFileSync(path, 'utf8'));
    expect(written).toMatchObject({
      version: 1,
      verdict: 'regressed',
      comparisons: [
        { scenario: 'sample', changes: [{ name: 'cursors.lost', cohort: 'hot', base: 9, new: 10 }] },
      ],
      onlyInBase: [],
      onlyInNew: [],
    });
    const alone = await runWith(['compare', base, lossy, '--json', '-']);
    expect(JSON.parse(alone.stdout)).toEqual(written);
    expect(alone.stderr).toBe(stdout);
  });

  test('as Markdown is a table', async () => {
    const { stdout } = await runWith(['compare', base, lossy, '--markdown', '-']);
    expect(stdout).toContain('| ✗ | `hot.cursors.lost` | 9 -&#62; 10 | ');
  });

  test('is refused before anything is compared when it cannot be written', async () => {
    const { code, stdout, stderr } = await runWith(['compare', base, lossy, '--json', folder]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Cannot write --json');
  });

  test('has colours on a terminal only', async () => {
    const csi = '\u001b[';
    expect((await runWith(['compare', base, lossy], {}, true)).stdout).toContain(csi);
    expect((await runWith(['compare', base, lossy], { NO_COLOR: '1' }, true)).stdout).not.toContain(csi);
    expect((await runWith(['compare', base, lossy])).stdout).not.toContain(csi);
  });
});

test('a report is read from stdin, as either of the two', async () => {
  const input = readFileSync(base, 'utf8');
  expect((await runWith(['compare', '-', lossy], {}, false, input)).code).toBe(4);
  expect((await runWith(['compare', lossy, '-'], {}, false, input)).code).toBe(0);
  expect((await runWith(['compare', '-', base], {}, false, '')).stderr).toContain('(stdin)');
});

describe('bench --baseline is refused before anything is run', () => {
  const scenario = file(
    'sample.yaml',
    `version: 1
name: sample
cohorts: { few: { clients: 2 } }
phases: [connect: { cohort: few }]
expect: [few.accepted == 2]
`,
  );
  const aborted = file('stopped.json', filledReport(['fanout.p99 < 2s'], { aborted: true }));
  const other = file('of-another.json', reportOf(named('other')));

  test.each<[string, string[], string]>([
    ['no file', ['--baseline', 'no/such.json'], 'Cannot read --baseline: /'],
    ['no report', ['--baseline', file('x.json', '{}')], 'to be a JSON report of bench, got other JSON'],
    ['a report of another scenario', ['--baseline', other], 'to have a result of sample, got other'],
    [
      'an aborted run',
      ['--baseline', aborted],
      'of complete, valid runs, got a run of sample that was stopped',
    ],
    ['a rule about nothing', ['--baseline', base, '--fail-on', 'cold.open -1'], 'unknown metric `cold.open`'],
    [
      'a rule and no baseline',
      ['--fail-on', 'fanout.p99 +1%'],
      '--fail-on needs a baseline to compare with: add --baseline FILE',
    ],
    ['no repetition', ['--repeat', '0'], 'Expected --repeat to be a whole number from 1 to 1000, got "0"'],
  ])('for %s', async (_, flags, message) => {
    const report = join(folder, 'never.json');
    const { code, stdout, stderr } = await runWith(['bench', scenario, '--json', report, ...flags]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(existsSync(report)).toBe(false);
  });
});

test('each stream has its own colors: none in a log, although stdout is a terminal, and the other way round', async () => {
  const bytes = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof bytes, isTTY: boolean) =>
    Object.assign(
      new PassThrough().on('data', (chunk) => (bytes[name] += chunk)),
      { isTTY },
    );
  const colored = async (stdout: boolean, stderr: boolean) => {
    Object.assign(bytes, { stdout: '', stderr: '' });
    const streams = { stdout: stream('stdout', stdout), stderr: stream('stderr', stderr) };
    // With the JSON on stdout, the report goes to stderr.
    expect((await runWith(['compare', base, base, '--json', '-'], {}, false, '', streams)).code).toBe(0);
    expect(() => JSON.parse(bytes.stdout)).not.toThrow();
    return bytes.stderr.includes('\x1b[');
  };
  expect(await colored(true, false)).toBe(false);
  expect(await colored(false, true)).toBe(true);
});
