import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, test } from 'vitest';
import { runWith } from '../support/run-in-process.js';
import { junitErrors } from '../support/xml.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-bench-reports-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, 'little.yaml');
writeFileSync(
  file,
  `version: 1
name: little
cohorts:
  few: { clients: 2 }
phases:
  - connect: { cohort: few }
expect:
  - few.accepted == 2
`,
);

describe('a report that cannot be written fails before the run starts', () => {
  /** What is said against flags, when nothing is run with them. */
  async function refused(...flags: string[]): Promise<string> {
    const { code, stdout, stderr } = await runWith(['bench', file, ...flags]);
    expect([code, stdout]).toEqual([2, '']);
    // The name of the scenario is what a run begins with.
    expect(stderr).not.toMatch(/^little$/m);
    return stderr;
  }

  test.each(['json', 'junit', 'markdown', 'html'])(
    'into a folder there is not, and over a folder (--%s)',
    async (flag) => {
      const message = `Cannot write --${flag}: `;
      expect(await refused(`--${flag}`, join(folder, 'no', 'such'))).toMatch(
        new RegExp(`${message}.*/no does not exist\\. Check the path`),
      );
      expect(await refused(`--${flag}`, folder)).toMatch(new RegExp(`${message}.*EISDIR`));
    },
  );

  test('where another one goes as well', async () => {
    expect(await refused('--json', '-', '--html', '-')).toContain(
      'Expected one report on stdout, got --json - and --html -',
    );
    const same = join(folder, 'same');
    expect(await refused('--json', same, '--html', `${folder}/./same`)).toContain(
      'Expected --json and --html to be two files',
    );
    expect(existsSync(same) ? readFileSync(same, 'utf8') : '').toBe('');
  });
});

test('where there is no server, every report says that nothing was run, and why', async () => {
  const path = (kind: string) => join(folder, `unreachable.${kind}`);
  const flags = Object.entries({ json: 'json', junit: 'xml', markdown: 'md', html: 'html' }).flatMap(
    ([flag, kind]) => [`--${flag}`, path(kind)],
  );
  const { code, stderr } = await runWith(['bench', file, '--url', 'ws://127.0.0.1:1/', ...flags]);
  expect(code, stderr).toBe(3);
  const [json = '', junit = '', markdown = '', html = ''] = ['json', 'xml', 'md', 'html'].map((kind) =>
    readFileSync(path(kind), 'utf8'),
  );
  const schema = readFileSync(join(import.meta.dirname, '../../schemas/report.schema.json'), 'utf8');
  const report = JSON.parse(json);
  expect(new Ajv().compile(JSON.parse(schema))(report)).toBe(true);
  expect(report).toMatchObject({
    verdict: 'aborted',
    results: [],
    notRun: [{ name: 'little', source: file }],
  });
  expect(await junitErrors(junit)).toEqual([]);
  expect(junit).toContain('tests="1" failures="0" errors="1"');
  for (const text of [report.notRun[0].reason, junit, html]) expect(text).toContain('127.0.0.1:1');
  expect(markdown).toContain('little was not run');
});
