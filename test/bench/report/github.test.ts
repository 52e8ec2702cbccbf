import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { annotations } from '../../../src/bench/report/formats/annotations.js';
import { loadRenderers } from '../../../src/bench/report/formats/index.js';
import {
  markdownDocument,
  markdownReport,
  markdownSummary,
} from '../../../src/bench/report/formats/markdown.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import type { JsonReport } from '../../../src/bench/report/schema.js';
import { reportDocument } from '../../../src/bench/report/sections/document.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { judge } from '../../../src/bench/verdict/rule.js';
import { ReportFiles } from '../../../src/cli/bench/report-files.js';
import { asJson, filledReport, filledResult } from '../filled.js';

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-github-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A failed run of so many cohorts, each of which fails two rules and was closed in ways that take a line each. */
function large(cohorts: number): JsonReport {
  const names = Array.from({ length: cohorts }, (_, index) => `cohort-number-${index}`);
  const text = `version: 1
name: large
cohorts:
${names.map((name) => `  ${name}: { clients: 2 }`).join('\n')}
phases: [hold: 1s]
expect:
${names.map((name) => `  - ${name}.accepted == 2\n  - ${name}.cursors.lost == 0`).join('\n')}
`;
  const scenario = parseScenario(text, 'large.yaml');
  const measurements = emptyMeasurements(scenario.cohorts);
  for (const { tally } of measurements.cohorts) {
    Object.assign(tally.counters, { attempts: 40, opened: 20, expected: 9, received: 8, lost: 1 });
    tally.evidence.note('lost', 5, () => ({ client: 1, namespace: 'n'.repeat(60), cursor: '17' }));
    for (let code = 4000; code < 4012; code++) tally.closed.count(`${code} ${'reason & <more> '.repeat(10)}`);
  }
  const outcomes = scenario.expectations.map((expectation) => ({
    expectation,
    ...judge(expectation.rule, measurements),
  }));
  return jsonReport([asJson({ ...filledResult(['closed == 0']), scenario, measurements, outcomes })], []);
}

const few = large(3);
const some = large(50);

/** Writes a report as `bench` does under GitHub Actions; what went to stdout. */
async function writeOnGitHub(content: JsonReport, summary: string): Promise<string> {
  const stdout = new PassThrough();
  const io = {
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    env: { GITHUB_STEP_SUMMARY: summary, GITHUB_ACTIONS: 'true' },
    onStop: () => () => {},
    onReload: () => () => {},
    onStrayError: () => () => {},
    waitForReaders: () => {},
    onExit: () => () => {},
  };
  await new ReportFiles(await loadRenderers(), {}, io).write(content);
  return String(stdout.read() ?? '');
}

describe('the summary of a job', () => {
  test('of 400 cohorts stays under the 1 MiB that GitHub shows, with the verdict and what failed', async () => {
    const report = large(400);
    expect(Buffer.byteLength(markdownReport(report))).toBeGreaterThan(MIB);
    const file = join(folder, 'large.md');
    await writeOnGitHub(report, file);
    const text = readFileSync(file, 'utf8');
    expect(Buffer.byteLength(text)).toBeLessThan(MIB);
    expect(text).toMatch(/^## ❌ failed: large\n/);
    expect(text).toContain('| ✗ | `cohort-number-0.accepted == 2` | 20 |');
    // Every table that was cut says by how much, and is still a table.
    expect(text).toMatch(/^\| \| and \d\d\d more \|(?: \|)+$/m);
    expect(text).toMatch(/^\| \| and \d,\d\d\d more \| \| \|$/m);
    expect(text.match(/^<details>/gm)).toHaveLength(1);
    expect(text.match(/^<\/details>$/gm)).toHaveLength(1);
  });

  test('of a few cohorts is whole', async () => {
    const file = join(folder, 'few.md');
    await writeOnGitHub(few, file);
    expect(readFileSync(file, 'utf8')).toBe(markdownReport(few));
  });

  test('leaves room for what the step has written before', async () => {
    const file = join(folder, 'rest.md');
    writeFileSync(file, 'x'.repeat(MIB - 2000));
    await writeOnGitHub(some, file);
    const text = readFileSync(file, 'utf8');
    expect(Buffer.byteLength(text)).toBeLessThan(MIB);
    expect(text.slice(MIB - 2000)).toMatch(/^## ❌ failed: large\n[\s\S]*> The rest did not fit/);
  });

  test.each([0, 1, 100, 300, 2000, 20_000])('never has more than %i bytes, nor half a line', (bytes) => {
    const text = markdownSummary(some, bytes);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bytes);
    if (text === '') return;
    const document = reportDocument(some.results[0] as JsonReport['results'][number]);
    const whole = markdownDocument(document, 10).split('\n');
    const [kept = ''] = text.split(/\n(?:\n<\/details>\n)?\n> The rest did not fit/);
    expect(kept.split('\n')).toEqual(whole.slice(0, kept.split('\n').length));
    const opened = text.match(/<details>/g)?.length ?? 0;
    expect(text.match(/<\/details>/g)?.length ?? 0).toBe(opened);
  });

  test('for a file of one’s own is not cut', () => {
    expect(markdownReport(some).match(/\| ✗ \|/g)).toHaveLength(100);
  });
});

describe('annotations', () => {
  const ofLevel = (text: string, level: string) =>
    text.split('\n').filter((line) => line.startsWith(`::${level} `));

  test('are at most ten of a kind, the last of which counts the rest', async () => {
    const lines = ofLevel(await writeOnGitHub(some, join(folder, 'annotated.md')), 'error');
    expect(lines).toHaveLength(10);
    expect(lines[8]).toContain('expected cohort-number-4.accepted == 2, got 20');
    expect(lines[9]).toBe('::error title=bench::91 more errors: see the summary of this job');
  });

  test('of each kind have ten of their own, over all scenarios', () => {
    const [result] = filledReport(['hot.accepted == 50']).results;
    if (result === undefined) throw new Error('a report without a result');
    const change = { name: 'fanout.p99', unit: 'ms', base: 1, new: 2, why: 'it is slower' } as const;
    const changes = Array.from({ length: 24 }, (_, index) => ({
      ...change,
      verdict: index % 2 === 0 ? ('warning' as const) : ('regression' as const),
    }));
    const side = { startedAt: '', toolVersion: '', sha256: '', seed: 1, runs: 1 };
    const comparison = {
      scenario: 'sample',
      verdict: 'regressed' as const,
      base: side,
      new: side,
      warnings: [],
      problems: [],
      changes,
      numbers: [],
      compared: { counts: 0, measures: 24 },
    };
    const text = annotations(jsonReport([{ ...result, comparison }], []), (source) => source);
    expect(ofLevel(text, 'error').at(-1)).toContain('::3 more errors: ');
    expect(ofLevel(text, 'warning').at(-1)).toContain('::3 more warnings: ');
    expect([ofLevel(text, 'error').length, ofLevel(text, 'warning').length]).toEqual([10, 10]);
  });

  test('that are ten are all there', () => {
    const problems = Array.from({ length: 10 }, (_, index) => `problem ${index}`);
    const text = annotations(filledReport(['hot.accepted == 50'], { problems }), (source) => source);
    expect(ofLevel(text, 'error').map((line) => line.split('::').at(-1))).toEqual(problems);
  });
});
