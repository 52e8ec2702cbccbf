import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { benchOptions } from '../../src/options/bench.js';
import { flagOf } from '../../src/options/spec.js';
import { BIN } from '../support/cli-process.js';
import { junitErrors } from '../support/xml.js';

const text = readFileSync(join(import.meta.dirname, '../../docs/ci.md'), 'utf8');

/** The files that the page has: a name in backticks, and the block below it. */
const files = Object.fromEntries(
  [...text.matchAll(/^`([\w./-]+)`:\n\n```yaml\n([\s\S]*?)^```$/gm)].map(([, name, content]) => [
    name,
    content,
  ]),
) as Record<string, string>;

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly if?: string;
  readonly with?: { readonly path?: string };
}

const steps: Step[] = parse(files['.github/workflows/bench.yaml'] ?? '').jobs.bench.steps;
const job = parse(files['.gitlab-ci.yml'] ?? '').bench;

/** What a CI system runs: the commands of the page, in a project that has the package. */
const commands = {
  'GitHub Actions': steps.filter((step) => step.if === undefined).flatMap(({ run }) => run ?? []),
  GitLab: job.script as string[],
};

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-ci-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A project as it is behind `npm ci`: the command is there, and the files of the page. */
function project(name: string): string {
  const root = join(folder, name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  }
  writeFileSync(join(root, 'package.json'), '{"private":true}');
  const bin = join(root, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(BIN, join(bin, 'datafn-ws'));
  // What `npm ci` brings is there already: of npm, nothing but that one command is asked.
  mkdirSync(join(root, 'shims'));
  writeFileSync(join(root, 'shims', 'npm'), '#!/bin/sh\n[ "$*" = ci ]\n', { mode: 0o755 });
  return root;
}

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs commands as the shell of a CI system does: the first that fails is the last. */
function run(root: string, script: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const inherited = Object.entries(process.env).filter(([key]) => !/^(GITHUB_|DATAFN_WS_|npm_)/.test(key));
  const path = `${join(root, 'shims')}${delimiter}${process.env.PATH}`;
  return new Promise((resolve) => {
    const child = execFile(
      'bash',
      ['-e', '-c', script.join('\n')],
      { cwd: root, env: { ...Object.fromEntries(inherited), PATH: path, ...env } },
      (_, stdout, stderr) => resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test('the page has a scenario, a workflow and a job', () => {
  expect(Object.keys(files)).toEqual(['bench/ci.yaml', '.github/workflows/bench.yaml', '.gitlab-ci.yml']);
  expect(commands['GitHub Actions']).toHaveLength(2);
  expect(commands.GitLab).toHaveLength(2);
});

test('every flag for a file that it tells of is one, and every one is told of', () => {
  const told = [...text.matchAll(/^\| `--([\w-]+) FILE`/gm)].map(([, flag]) => flag).sort();
  const reports = Object.entries(benchOptions)
    .filter(
      ([, { help }]) => / to a file; - for stdout|; - for stdout/.test(help) || /- for stdout/.test(help),
    )
    .map(([key]) => flagOf(key));
  expect(told).toEqual(reports.sort());
});

// Runs of the tool one after the other, with npx before each: on a busy machine that takes a while.
describe.concurrent('the commands of the page, as they stand there,', { timeout: 60_000 }, () => {
  test('pass on GitHub Actions, are compared with the main branch from then on, and fail with what does not hold', async () => {
    const root = project('github');
    const summary = join(root, 'summary.md');
    const env = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: root, GITHUB_STEP_SUMMARY: summary };
    const first = await run(root, commands['GitHub Actions'], env);
    expect(first.status, first.stdout + first.stderr).toBe(0);
    expect(first.stdout).toMatch(/^PASSED ci$/m);
    expect(first.stdout).not.toContain('::error');
    expect(readFileSync(summary, 'utf8')).toMatch(/^## \S+ passed: ci$/m);
    // Everything that a later step wants is there.
    const upload = steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact'));
    expect(upload?.with?.path).toBe('report.*');
    for (const kind of ['json', 'xml', 'html']) expect(existsSync(join(root, `report.${kind}`))).toBe(true);
    expect(await junitErrors(readFileSync(join(root, 'report.xml'), 'utf8'))).toEqual([]);

    const onMain = steps.filter((step) => step.if?.includes('refs/heads/main'));
    const keep = onMain.flatMap(({ run: command }) => command ?? []);
    expect((await run(root, keep)).status).toBe(0);
    const cached = steps.filter(({ uses }) => uses?.startsWith('actions/cache'));
    expect(cached.map((step) => step.with?.path)).toEqual(['baseline.json', 'baseline.json']);
    expect(existsSync(join(root, 'baseline.json'))).toBe(true);

    const scenario = join(root, 'bench', 'ci.yaml');
    writeFileSync(scenario, readFileSync(scenario, 'utf8').replace('accepted == 100', 'accepted == 101'));
    const second = await run(root, commands['GitHub Actions'], env);
    expect(second.status, second.stdout + second.stderr).toBe(1);
    expect(second.stdout).toContain(
      '::error file=bench/ci.yaml,line=15,title=bench ci::expected steady.accepted == 101, got 100',
    );
    expect(second.stdout).toMatch(/baseline/);
    expect(readFileSync(summary, 'utf8')).toMatch(/^## \S+ passed: ci$[\s\S]*^## \S+ failed: ci$/m);
  });

  test('pass on GitLab, and leave the artifacts that it is told of', async () => {
    const root = project('gitlab');
    const { status, stdout, stderr } = await run(root, commands.GitLab);
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).not.toContain('::');
    const { paths, reports } = job.artifacts;
    for (const path of [...paths, reports.junit]) expect(existsSync(join(root, path)), path).toBe(true);
    expect(await junitErrors(readFileSync(join(root, reports.junit), 'utf8'))).toEqual([]);
  });
});
