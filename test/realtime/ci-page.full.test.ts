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
import { type BenchOutput, unlessStalled } from '../support/bench-process.js';
import { ciCommands, ciFiles, ciSteps, gitlabJob } from '../support/ci-page.js';
import { BIN } from '../support/cli-process.js';
import { junitErrors } from '../support/xml.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-ci-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A project as it is behind `npm ci`: the command is there, and the files of the page. */
function project(name: string): string {
  const root = join(folder, name);
  for (const [file, content] of Object.entries(ciFiles)) {
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

/** Runs commands as the shell of a CI system does: the first that fails is the last. */
function run(
  root: string,
  script: readonly string[],
  env: Record<string, string> = {},
): Promise<BenchOutput> {
  const inherited = Object.entries(process.env).filter(([key]) => !/^(GITHUB_|DATAFN_WS_|npm_)/.test(key));
  const path = `${join(root, 'shims')}${delimiter}${process.env.PATH}`;
  const ran = () =>
    new Promise<BenchOutput>((resolve) => {
      const child = execFile(
        'bash',
        ['-e', '-c', script.join('\n')],
        { cwd: root, env: { ...Object.fromEntries(inherited), PATH: path, ...env } },
        (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
  return unlessStalled(script.join('; '), ran);
}

describe('the commands of the page, as they stand there,', () => {
  test('pass on GitHub Actions, are compared with the main branch from then on, and fail with what does not hold', async () => {
    const root = project('github');
    const summary = join(root, 'summary.md');
    const env = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: root, GITHUB_STEP_SUMMARY: summary };
    const first = await run(root, ciCommands['GitHub Actions'], env);
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(first.stdout).toMatch(/^PASSED ci$/m);
    expect(first.stdout).not.toContain('::error');
    expect(readFileSync(summary, 'utf8')).toMatch(/^## \S+ passed: ci$/m);
    // Everything that a later step wants is there.
    const upload = ciSteps.find(({ uses }) => uses?.startsWith('actions/upload-artifact'));
    expect(upload?.with?.path).toBe('report.*');
    for (const kind of ['json', 'xml', 'html']) expect(existsSync(join(root, `report.${kind}`))).toBe(true);
    expect(await junitErrors(readFileSync(join(root, 'report.xml'), 'utf8'))).toEqual([]);

    const onMain = ciSteps.filter((step) => step.if?.includes('refs/heads/main'));
    const keep = onMain.flatMap(({ run: command }) => command ?? []);
    expect((await run(root, keep)).code).toBe(0);
    const cached = ciSteps.filter(({ uses }) => uses?.startsWith('actions/cache'));
    expect(cached.map((step) => step.with?.path)).toEqual(['baseline.json', 'baseline.json']);
    expect(existsSync(join(root, 'baseline.json'))).toBe(true);

    const scenario = join(root, 'bench', 'ci.yaml');
    writeFileSync(scenario, readFileSync(scenario, 'utf8').replace('accepted == 100', 'accepted == 101'));
    const second = await run(root, ciCommands['GitHub Actions'], env);
    expect(second.code, second.stdout + second.stderr).toBe(1);
    expect(second.stdout).toContain(
      '::error file=bench/ci.yaml,line=15,title=bench ci::expected steady.accepted == 101, got 100',
    );
    expect(second.stdout).toMatch(/baseline/);
    expect(readFileSync(summary, 'utf8')).toMatch(/^## \S+ passed: ci$[\s\S]*^## \S+ failed: ci$/m);
  });

  test('pass on GitLab, and leave the artifacts that it is told of', async () => {
    const root = project('gitlab');
    const { code, stdout, stderr } = await run(root, ciCommands.GitLab);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).not.toContain('::');
    const { paths, reports } = gitlabJob.artifacts;
    for (const path of [...paths, reports.junit]) expect(existsSync(join(root, path)), path).toBe(true);
    expect(await junitErrors(readFileSync(join(root, reports.junit), 'utf8'))).toEqual([]);
  });
});
