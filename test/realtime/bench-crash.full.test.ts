import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, afterEach, expect, test } from 'vitest';
import { disposeProcesses, startCli } from '../support/cli-process.js';
import { junitErrors } from '../support/xml.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-crash-'));
const SCENARIO = join(folder, 'waits.yaml');
writeFileSync(
  SCENARIO,
  `version: 1
name: waits
cohorts:
  few: { clients: 2 }
phases:
  - connect: { cohort: few }
  - hold: 10m
expect:
  - few.accepted == 2
`,
);

afterEach(disposeProcesses);
afterAll(() => rmSync(folder, { recursive: true }));

/** In the process of bench, not in its server and its workers, a statement that runs on SIGUSR2. */
const inBench = (statement: string) =>
  `if (process.argv[2] === 'bench') process.on('SIGUSR2', () => { ${statement} });`;
/** In a worker, a statement that runs when the first phase is over. */
const inWorker = (statement: string) => `
  const on = process.on.bind(process);
  if (process.argv[1].endsWith('worker.js'))
    process.on = (event, listener) => on(event, (...values) => {
      if (event === 'message' && values[0].method === 'takeCounts') { ${statement} }
      else listener(...values);
    });`;

const REPORTS = { json: 'json', junit: 'xml', markdown: 'md', html: 'html' } as const;

test.each([
  ['an event', inBench("throw new Error('ouch')")],
  ['a timer', inBench("setTimeout(() => { throw new Error('ouch') })")],
  ['a promise', inBench("Promise.reject(new Error('ouch'))")],
  ['an event of a worker', inWorker("throw new Error('ouch')")],
])(
  'an error from %s ends the run with 70, and every report has what there is and says so',
  async (what, module) => {
    const path = (kind: string) => join(folder, `${what}.${kind}`);
    const flags = Object.entries(REPORTS).flatMap(([flag, kind]) => [`--${flag}`, path(kind)]);
    const bench = startCli(['bench', SCENARIO, SCENARIO, ...flags], {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` },
    });
    if (module.includes("'bench'")) {
      await bench.until(() => bench.stderr.includes('clients (few)'), 'the end of the first phase');
      // A run that is killed now leaves no empty files behind.
      for (const kind of Object.values(REPORTS)) expect(existsSync(path(kind))).toBe(false);
      bench.kill('SIGUSR2');
    }
    expect(await bench.ended()).toEqual({ code: 70, signal: null });
    expect(bench.stderr).toMatch(/^bug: an internal error in datafn-ws/m);
    expect(bench.stderr.match(/^(Error: ouch|Error: in worker 1: Error: ouch)/gm)).toHaveLength(1);

    const said = /A bug in datafn-ws ended the run, please report it: (in worker 1: Error: )?ouch/;
    const [json, junit, markdown, html] = Object.values(REPORTS).map((kind) =>
      readFileSync(path(kind), 'utf8'),
    );
    for (const text of [bench.stdout.replace(/\s+/g, ' '), json, junit, markdown, html])
      expect(text).toMatch(said);
    const report = JSON.parse(json as string);
    const schema = readFileSync(join(import.meta.dirname, '../../schemas/report.schema.json'), 'utf8');
    expect(new Ajv().compile(JSON.parse(schema))(report)).toBe(true);
    expect(report).toMatchObject({
      results: [{ verdict: 'invalid', aborted: false, invalidReasons: [expect.stringMatching(said)] }],
      notRun: [{ name: 'waits', reason: expect.stringMatching(said) }],
    });
    if (module.includes("'bench'")) {
      expect(report.results[0].phases).toMatchObject([
        { kind: 'connect', isFinished: true },
        { kind: 'hold', isFinished: false },
      ]);
      expect(report.results[0].total.cohorts[0].accepted).toBe(2);
    }
    expect(await junitErrors(junit as string)).toEqual([]);
  },
);
