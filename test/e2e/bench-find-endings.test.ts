import { afterAll, expect, test } from 'vitest';
import type { JsonReport } from '../../src/bench/report/schema.js';
import { unusedPort } from '../bench/emitter/fake-api.js';
import { disposeLive, startServer } from '../support/live-server.js';
import { runWith } from '../support/run-in-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// Searches that end before there is a limit.

const { file } = temporaryFolder('bench-find-endings');
afterAll(disposeLive);

const SCENARIO = file(
  'little.yaml',
  `version: 1
name: little
cohorts:
  users: { clients: 4, namespaces: "u:{1..2}" }
phases:
  - connect: { cohort: users, atOnce: true }
expect: [users.accepted == 4]
`,
);

async function find(...flags: string[]) {
  const rules = ['--until', 'errors == 0', '--workers', '1', '--json', '-'];
  const { code, stdout, stderr } = await runWith(['bench', 'find', SCENARIO, ...rules, ...flags]);
  return { code, stderr, report: JSON.parse(stdout) as JsonReport };
}

test.concurrent('a server that is gone after the first run ends the search, with the load that it took until then', async () => {
  const { wsUrl, server, events } = await startServer();
  // One client of the preflight and four of the run.
  const gone = events.until('closed', 5).then(() => server.close());
  const { code, stderr, report } = await find('--url', wsUrl, '--from', '4');
  await gone;
  expect(code).not.toBe(0);
  const [result] = report.results;
  expect(result?.find).toMatchObject({ end: 'gone' });
  const [first, second] = result?.find?.steps ?? [];
  expect(first).toMatchObject({ load: 4 });
  expect(second).toMatchObject({ outcome: 'gone', reasons: [expect.stringContaining('Cannot reach ws://')] });
  expect(stderr).toMatch(/^ {2}2 \d+ clients ✗ the server is gone: Cannot reach ws:/m);
});

test.concurrent('a server that is not there is exit 3, as for any run, and the report says that nothing was run', async () => {
  const { code, stderr, report } = await find('--url', `ws://127.0.0.1:${await unusedPort()}/datafn/ws`);
  expect(code).toBe(3);
  const reason = expect.stringContaining('Cannot reach ws://');
  expect(report).toMatchObject({ verdict: 'aborted', results: [], notRun: [{ name: 'little', reason }] });
  expect(stderr).toMatch(/^error: Cannot reach ws:/m);
});
