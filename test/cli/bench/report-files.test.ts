import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { REPORT_VERSION } from '../../../src/bench/compare/older-versions.js';
import { loadRenderers } from '../../../src/bench/report/formats/index.js';
import type { JsonReport } from '../../../src/bench/report/schema.js';
import { ReportFiles } from '../../../src/cli/bench/report-files.js';
import type { Io } from '../../../src/cli/io.js';
import { readFileOfAnyKind } from '../../../src/options/read-file.js';
import { filledReport } from '../../bench/filled.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-report-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const io = { stdout: new PassThrough(), stderr: new PassThrough(), env: {} } as unknown as Io;

const renderers = await loadRenderers();
const report = filledReport(['steady.accepted == 999']);

test('that a file can be written is found out without leaving one, and without touching one that is there', async () => {
  const [json, html, link] = ['new.json', 'old.html', 'link.md'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(html, 'old');
  symlinkSync(join(folder, 'target.md'), link);
  const files = new ReportFiles(renderers, { json, html, markdown: link }, io);
  expect(readdirSync(folder).sort()).toEqual(['link.md', 'old.html']);
  expect(readFileSync(html, 'utf8')).toBe('old');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(await files.write(report)).toBe(true);
  expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual(report);
  expect(readFileSync(html, 'utf8')).toContain('<html');
  expect(existsSync(join(folder, 'target.md'))).toBe(true);
});

test.skipIf(process.platform === 'win32')('a named pipe gets the whole report', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reading = readFileOfAnyKind(pipe);
  expect(await new ReportFiles(renderers, { json: pipe }, io).write(report)).toBe(true);
  expect(JSON.parse((await reading).toString())).toEqual(report);
});

test('a format that throws leaves a file that says so, and the others are written', async () => {
  const path = (name: string) => join(folder, `throws.${name}`);
  const names = { json: path('json'), junit: path('xml'), markdown: path('md'), html: path('html') };
  const files = new ReportFiles(renderers, names, io);
  const [result] = report.results as [JsonReport['results'][number]];
  const cyclic = { ...report, results: [result], notRun: [] };
  // What no JSON can hold; the other formats do not look at it.
  Object.assign(cyclic, { itself: cyclic });
  await expect(files.write(cyclic)).rejects.toThrow(/circular/);
  const reason = /A bug in datafn-ws ended the run, please report it: Converting circular/;
  expect(JSON.parse(readFileSync(names.json, 'utf8'))).toEqual({
    version: REPORT_VERSION,
    verdict: 'aborted',
    results: [],
    notRun: [{ name: 'sample', source: 'sample.yaml', reason: expect.stringMatching(reason) }],
  });
  for (const name of [names.junit, names.markdown, names.html])
    expect(readFileSync(name, 'utf8')).toContain('steady.accepted == 999');
});

test.each([
  [
    'inside of it is named from there',
    '/home/alice/repo',
    '/home/alice/repo/bench/sample.yaml',
    'bench/sample.yaml',
  ],
  [
    'outside of it as it was given',
    '/home/alice/repo',
    '/home/alice/other/sample.yaml',
    '/home/alice/other/sample.yaml',
  ],
  [
    'is named as it was given where there is none',
    '',
    '/home/alice/repo/sample.yaml',
    '/home/alice/repo/sample.yaml',
  ],
])(
  'GitHub is told of broken rules of a scenario in its repository: a file %s',
  async (_, root, source, named) => {
    const stdout = new PassThrough();
    const env = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: root };
    const ofFile = structuredClone(report);
    for (const { scenario } of ofFile.results) scenario.source = source;
    await new ReportFiles(renderers, {}, { ...io, stdout, env } as unknown as Io).write(ofFile);
    expect(String(stdout.read())).toContain(`::error file=${named},line=`);
  },
);
