import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runBench } from '../support/bench-process.js';
import { disposeProcesses } from '../support/cli-process.js';
import { type LimitedServer, limitedServer } from '../support/limited-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { folder } = temporaryFolder('bench-find');
let server: LimitedServer | undefined;
afterAll(async () => {
  await disposeProcesses();
  await server?.stop();
});

const SCENARIO = `
version: 1
name: little
cohorts:
  users: { clients: 50, namespaces: "u:{1..10}" }
phases:
  - connect: { cohort: users }
  - emit: { namespaces: all, rate: 10/s, for: 4s }
expect: [users.accepted == 50]
`;

// A dozen runs of four seconds, and more of them on a busy machine.
test('of a server that makes 500 deliveries a second, the limit is found within 10%', async () => {
  server = await limitedServer({ deliveriesPerSecond: 500 });
  const file = join(folder, 'little.yaml');
  writeFileSync(file, SCENARIO);
  const { stdout, stderr, code } = await runBench(
    [
      ...['find', file, '--of', 'deliveries', '--from', '125', '--until', 'convergence.max < 300ms'],
      ...['--url', server.url, '--emit-url', server.pushUrl, '--workers', '1', '--json', '-'],
      ...['--emit-body', '{"namespace":"{namespace}","cursor":"{cursor}"}'],
    ],
    { withinMs: 600_000 },
  );
  expect(code, stderr).toBe(0);
  const { limit, end, brokenBy } = JSON.parse(stdout).results[0].find;
  expect(end, stderr).toBe('found');
  expect(limit, stderr).toBeGreaterThanOrEqual(450);
  expect(limit, stderr).toBeLessThanOrEqual(550);
  expect(brokenBy.rule, stderr).toBe('convergence.max < 300ms');
}, 600_000);
