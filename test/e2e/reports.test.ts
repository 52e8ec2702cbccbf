import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, test } from 'vitest';
import type { JsonReport, JsonResult } from '../../src/bench/report/schema.js';
import { type CliProcess, disposeProcesses, runCli, startCli } from '../support/cli-process.js';
import { canSeeProcesses, childrenOf } from '../support/process-tree.js';
import { junitErrors } from '../support/xml.js';

/** Longer than any run here takes on a busy machine. */
const WITHIN_MS = 25_000;
/** For how long a process has to stand still for the result to say nothing of the server, and a little. */
const STILL_MS = 1300;

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-reports-'));
afterAll(async () => {
  await disposeProcesses();
  rmSync(folder, { recursive: true });
});

const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../schemas/report.schema.json'), 'utf8'),
);

function scenario(name: string, lastPhase: string, rules: readonly string[] = []): string {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(
    file,
    `version: 1
name: ${name}
summary: A few clients.
cohorts:
  steady: { clients: 20, namespaces: "user:{1..5}" }
phases:
  - connect: { cohort: steady, rate: 500/s }
  - emit: { namespaces: all, rate: 50/s, for: 200ms }
  - ${lastPhase}
expect:
  - steady.accepted == 20
${rules.map((rule) => `  - ${rule}\n`).join('')}`,
  );
  return file;
}

/** Flags for every report, into files that bear a name. */
function everyReport(name: string): { readonly flags: string[]; read(): Reports } {
  const path = (kind: string) => join(folder, `${name}.${kind}`);
  const kinds = { json: 'json', junit: 'xml', markdown: 'md', html: 'html' };
  const read = (kind: string) => readFileSync(path(kind), 'utf8');
  return {
    flags: Object.entries(kinds).flatMap(([flag, kind]) => [`--${flag}`, path(kind)]),
    read: () => ({
      json: JSON.parse(read('json')),
      junit: read('xml'),
      markdown: read('md'),
      html: read('html'),
    }),
  };
}

interface Reports {
  readonly json: JsonReport;
  readonly junit: string;
  readonly markdown: string;
  readonly html: string;
}

/** That every report is there, valid, and marked as what it is. */
async function expectMarked(
  verdict: JsonReport['verdict'],
  stdout: string,
  { json, ...texts }: Reports,
): Promise<void> {
  const validate = new Ajv({ allErrors: true }).compile(schema);
  validate(json);
  expect(validate.errors ?? []).toEqual([]);
  const result = json.results[0] as JsonResult;
  expect([json.verdict, result.verdict]).toEqual([verdict, verdict]);
  expect([result.aborted, result.invalid]).toEqual([verdict === 'aborted', verdict === 'invalid']);
  expect(await junitErrors(texts.junit)).toEqual([]);
  expect(texts.junit).toContain(`<property name="verdict" value="${verdict}"/>`);
  expect(texts.junit).toMatch(
    verdict === 'failed' ? /<failure / : new RegExp(`<error [^>]*type="${verdict}"`),
  );
  expect(texts.markdown).toMatch(new RegExp(`^## \\S+ ${verdict}: `));
  expect(texts.html).toMatch(new RegExp(`<title>${verdict}: `, 'i'));
  expect(stdout).toMatch(new RegExp(`^${verdict.toUpperCase()} ${result.scenario.name}$`, 'm'));
}

/** Resolves when the phase behind the emits has begun. */
const underWay = (run: CliProcess) =>
  run.until(() => /^2\/3 emit/m.test(run.stderr), 'the end of the second phase', WITHIN_MS);

describe.concurrent('every report that was asked for is written, marked as what it is,', () => {
  test('when a run passes', async () => {
    const reports = everyReport('passed');
    const run = await runCli(['bench', scenario('good', 'hold: 1100ms'), ...reports.flags], {
      withinMs: WITHIN_MS,
    });
    expect(run.code, run.stdout + run.stderr).toBe(0);
    const { json, junit, markdown, html } = reports.read();
    const validate = new Ajv({ allErrors: true }).compile(schema);
    validate(json);
    expect(validate.errors ?? []).toEqual([]);
    expect(await junitErrors(junit)).toEqual([]);
    expect([json.verdict, /<(failure|error) /.test(junit)]).toEqual(['passed', false]);
    expect(markdown).toMatch(/^## \S+ passed: good$/m);
    expect(html).toContain('<title>Passed: good</title>');
    expect(json.results[0]?.phases.map(({ kind, isFinished }) => [kind, isFinished])).toEqual([
      ['connect', true],
      ['emit', true],
      ['hold', true],
    ]);
    const { timeline, phases } = json.results[0] as JsonResult;
    const [first, last] = [phases[0], phases.at(-1)] as [(typeof phases)[number], (typeof phases)[number]];
    expect(timeline[0]?.atMs).toBeLessThanOrEqual(first.startMs);
    expect(timeline.at(-1)?.atMs).toBeGreaterThanOrEqual(last.startMs + last.durationMs - 1);
    expect(json.results[0]?.replay).toMatch(/^datafn-ws bench \S+good\.yaml --seed 1$/);
  });

  test('when an expectation fails', async () => {
    const reports = everyReport('failed');
    const file = scenario('bad', 'hold: 10ms', ['cursors.lost == 1']);
    const run = await runCli(['bench', file, ...reports.flags], { withinMs: WITHIN_MS });
    expect(run.code, run.stdout + run.stderr).toBe(1);
    await expectMarked('failed', run.stdout, reports.read());
    for (const text of [run.stdout, ...Object.values(reports.read()).slice(1)])
      expect(text).toContain('cursors.lost == 1');
  });

  test('when it is stopped with Ctrl-C', async () => {
    const reports = everyReport('aborted');
    const run = startCli([
      'bench',
      scenario('stopped', 'hold: 60s', ['steady.open == 20']),
      ...reports.flags,
    ]);
    await underWay(run);
    run.kill('SIGINT');
    expect((await run.ended(WITHIN_MS)).code).toBe(130);
    await expectMarked('aborted', run.stdout, reports.read());
    const { phases, expectations } = reports.read().json.results[0] as JsonResult;
    expect(phases.map(({ isFinished }) => isFinished)).toEqual([true, true, false]);
    const own = expectations.filter(({ implicit }) => implicit !== true);
    expect(own.map(({ passed }) => passed)).toEqual([true, true]);
  });

  test.runIf(canSeeProcesses)('when a worker crashes', async () => {
    const reports = everyReport('crashed');
    const run = startCli(['bench', scenario('crashed', 'hold: 60s'), '--workers', '2', ...reports.flags]);
    await underWay(run);
    const worker = childrenOf(run.pid).find(({ command }) => /worker\.js/.test(command));
    process.kill(worker?.pid as number, 'SIGKILL');
    expect((await run.ended(WITHIN_MS)).code).toBe(5);
    await expectMarked('invalid', run.stdout, reports.read());
    expect(reports.read().json.results[0]?.invalidReasons).toEqual([
      expect.stringMatching(/died with SIGKILL/),
    ]);
  });
});

// Alone, so that nothing keeps the signal from being sent while the cursors go out.
test('every report that was asked for is written when the load generator was the bottleneck', async () => {
  const reports = everyReport('invalid');
  const file = scenario('behind', 'emit: { namespaces: all, rate: 50/s, for: 4s, settle: 100ms }');
  const run = startCli(['bench', file, ...reports.flags]);
  await underWay(run);
  // An emitter that gets no time emits nothing, however well the server does.
  run.kill('SIGSTOP');
  await sleep(STILL_MS);
  run.kill('SIGCONT');
  expect((await run.ended(WITHIN_MS)).code, run.stdout + run.stderr).toBe(5);
  await expectMarked('invalid', run.stdout, reports.read());
  for (const text of Object.values(reports.read()).slice(1))
    expect(text).toContain('the main process stood still');
});

test('a report that cannot be written in the end takes nothing from the others, and is no success', async () => {
  const gone = join(folder, 'gone');
  mkdirSync(gone);
  const html = join(folder, 'still.html');
  const flags = ['--junit', join(gone, 'x.xml'), '--html', html];
  // Nor does a summary of a job that cannot be written, which nobody asked for on the command line.
  const env = { GITHUB_STEP_SUMMARY: join(gone, 'summary.md') };
  const run = startCli(['bench', scenario('gone', 'hold: 500ms'), ...flags], { env });
  await underWay(run);
  rmSync(gone, { recursive: true });
  expect((await run.ended(WITHIN_MS)).code).toBe(74);
  expect(run.stderr).toMatch(/^error: Cannot write --junit .*x\.xml: .*ENOENT/m);
  expect(run.stderr).toMatch(/^error: Cannot write the job summary: .*ENOENT/m);
  expect(run.stderr).not.toContain('bug:');
  expect(readFileSync(html, 'utf8')).toContain('<title>Passed: gone</title>');
  expect(run.stdout).toMatch(/^PASSED gone$/m);
});

test('under GitHub Actions, the summary of the job gets the Markdown, and each failure an annotation at its line', async () => {
  const summary = join(folder, 'summary.md');
  writeFileSync(summary, 'What an earlier step said.\n');
  const file = scenario('annotated', 'hold: 10ms', ['cursors.lost == 1']);
  const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary, GITHUB_WORKSPACE: folder };
  const flags = ['--json', '-', '--set', 'summary=::warning::somebody else'];
  const run = await runCli(['bench', file, ...flags], { env, withinMs: WITHIN_MS });
  expect(run.code).toBe(1);
  // Nobody but bench gives commands.
  expect(run.stderr).toContain('somebody else');
  expect(run.stderr.match(/^\s*::.*/gm)).toHaveLength(1);
  // stdout is for the report alone.
  const { verdict, results } = JSON.parse(run.stdout) as JsonReport;
  expect(verdict).toBe('failed');
  expect(results[0]?.scenario.changes).toEqual([
    { path: 'summary', value: '::warning::somebody else', before: 'A few clients.' },
  ]);
  expect(run.stderr).toContain(
    '::error file=annotated.yaml,line=12,title=bench annotated::expected cursors.lost == 1, got 0\n',
  );
  expect(readFileSync(summary, 'utf8')).toMatch(/^What an earlier step said\.\n## \S+ failed: annotated$/m);
});
