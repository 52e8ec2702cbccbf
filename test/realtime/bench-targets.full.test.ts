import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { runBench } from '../support/bench-process.js';
import { disposeProcesses } from '../support/cli-process.js';
import { disposeLive, startServer } from '../support/live-server.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-targets-'));
const SCENARIO = join(folder, 'both-ways.yaml');
writeFileSync(
  SCENARIO,
  `version: 1
name: both-ways
cohorts:
  few: { clients: 8, namespaces: "user:{1..2}" }
phases:
  - connect: { cohort: few }
  - emit: { namespaces: all, rate: 20/s, count: 4, settle: 1s, to: all }
  - emit: { namespaces: all, via: autocannon, rate: 20/s, for: 500ms, settle: 1s, to: all }
expect:
  - few.accepted == 8
  - cursors.lost == 0
  - emit.failed == 0
  - api.failed == 0
  - server.connections == 8
`,
);

afterEach(async () => {
  await disposeProcesses();
  await disposeLive();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function bench(...flags: string[]) {
  const json = join(folder, 'report.json');
  const { code, stdout, stderr } = await runBench([SCENARIO, '--json', json, ...flags]);
  expect(stderr).not.toContain('bug:');
  const [result] = JSON.parse(readFileSync(json, 'utf8')).results;
  const held = Object.fromEntries(
    result.expectations.map(({ rule, passed }: { rule: string; passed: boolean }) => [rule, passed]),
  );
  return { code, stdout, result, held };
}

test('with two targets, a cursor reaches the clients of both, whichever way it is emitted', async () => {
  const [one, two] = [await startServer(), await startServer()];
  const { held, result } = await bench('--url', one.wsUrl, '--url', two.wsUrl);
  expect(held).toMatchObject({
    'few.accepted == 8': true,
    'cursors.lost == 0': true,
    'api.failed == 0': true,
  });
  expect(result.problems).toEqual([]);
  const cursors = ({ events }: typeof one) => events.of('broadcast').map(({ cursor }) => cursor);
  expect(cursors(one).length).toBeGreaterThan(4);
  expect(new Set(cursors(one))).toEqual(new Set(cursors(two)));
});
