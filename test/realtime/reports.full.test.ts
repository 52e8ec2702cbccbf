import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import type { JsonReport } from '../../src/bench/report/schema.js';
import { runBench, unlessStalled } from '../support/bench-process.js';
import { everyReport, expectMarked } from '../support/bench-reports.js';
import { type CliProcess, disposeProcesses, startCli } from '../support/cli-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** For how long a process has to stand still for the result to say nothing of the server, and a little. */
const STILL_MS = 1300;

const { file: written, folder } = temporaryFolder('reports');
afterAll(disposeProcesses);

function scenario(name: string, lastPhase: string, rules: readonly string[] = []): string {
  return written(
    `${name}.yaml`,
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
}

/** Resolves when the phase behind the emits has begun. */
const underWay = (run: CliProcess) =>
  run.until(() => /^2\/3 emit/m.test(run.stderr), 'the end of the second phase');

test('every report that was asked for is written when the load generator was the bottleneck', async () => {
  const reports = everyReport(folder, 'invalid');
  const file = scenario('behind', 'emit: { namespaces: all, rate: 50/s, for: 8s, settle: 100ms }');
  const run = startCli(['bench', file, ...reports.flags]);
  await underWay(run);
  // An emitter that gets no time emits nothing, however well the server does.
  run.kill('SIGSTOP');
  await sleep(STILL_MS);
  run.kill('SIGCONT');
  expect((await run.ended()).code, run.stdout + run.stderr).toBe(5);
  await expectMarked('invalid', run.stdout, reports.read());
  for (const text of Object.values(reports.read()).slice(1))
    expect(text).toContain('the main process stalled');
});

test('a report that cannot be written in the end takes nothing from the others, and is no success', async () => {
  const gone = join(folder, 'gone');
  const html = join(folder, 'still.html');
  const flags = ['--junit', join(gone, 'x.xml'), '--html', html];
  // Nor does a summary of a job that cannot be written, which nobody asked for on the command line.
  const env = { GITHUB_STEP_SUMMARY: join(gone, 'summary.md') };
  const run = await unlessStalled('a run whose folder is removed', async () => {
    mkdirSync(gone);
    const started = startCli(['bench', scenario('gone', 'hold: 5s'), ...flags], { env });
    await underWay(started);
    rmSync(gone, { recursive: true });
    const { code } = await started.ended();
    return { code, stdout: started.stdout, stderr: started.stderr };
  });
  expect(run.code, run.stdout).toBe(74);
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
  const run = await runBench([file, ...flags], { env });
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
  expect(readFileSync(summary, 'utf8')).toMatch(
    /^What an earlier step said\.\n[\s\S]*## \S+ failed: annotated$/m,
  );
});
