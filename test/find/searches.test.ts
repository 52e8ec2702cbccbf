import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runBench } from '../support/bench-process.js';
import { disposeProcesses } from '../support/cli-process.js';
import { type LimitedServer, type Limits, limitedServer } from '../support/limited-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// Whether `bench find` finds limits that are known, again and again: minutes for each search. FIND_SEARCHES sets how
// often each is searched for; `-t` selects one. A search in which a machine is busy may end as invalid, and is run again.

const SEARCHES = Number(process.env.FIND_SEARCHES ?? 10);
const LONG_MS = 1_800_000;

const { folder } = temporaryFolder('searches');
let server: LimitedServer | undefined;
afterEach(async () => {
  await disposeProcesses();
  await server?.stop();
});

const LITTLE = `
version: 1
name: little
cohorts:
  users: { clients: 100, namespaces: "u:{1..10}" }
phases:
  - connect: { cohort: users, rate: 500/s }
  - emit: { namespaces: all, rate: 10/s, for: 4s }
expect: [users.accepted == 100]
`;
/** One cursor to each client: the latency is what counts. */
const CROWD = `
version: 1
name: crowd
cohorts:
  users: { clients: 1000, namespaces: "u:{1..10}" }
phases:
  - connect: { cohort: users, rate: 1000/s }
  - emit: { namespaces: all, rate: 5/s, count: 20 }
expect: [users.accepted == 1000]
`;

interface Search {
  readonly name: string;
  readonly limits: Limits;
  readonly scenario: string;
  readonly args: readonly string[];
  readonly limit: number;
}

const SEARCHED: readonly Search[] = [
  {
    name: '1,000 deliveries a second',
    limits: { deliveriesPerSecond: 1000 },
    scenario: LITTLE,
    args: ['--of', 'deliveries', '--from', '250', '--until', 'convergence.max < 300ms'],
    limit: 1000,
  },
  {
    name: '500 connects a second',
    limits: { connectsPerSecond: 500 },
    scenario: LITTLE,
    args: ['--of', 'connect-rate', '--from', '125'],
    limit: 500,
  },
  {
    name: '3,000 clients, beyond which each makes it slower',
    limits: { slowFrom: { clients: 3000, msPerClient: 2 } },
    scenario: CROWD,
    args: ['--of', 'clients', '--from', '1000', '--until', 'fanout.p99 < 300ms'],
    limit: 3000,
  },
];

for (const { name, limits, scenario, args, limit } of SEARCHED)
  for (let index = 1; index <= SEARCHES; index++)
    test(
      `the limit of a server that takes ${name} is found within 10%, search ${index}`,
      async () => {
        server = await limitedServer(limits);
        const file = join(folder, 'scenario.yaml');
        writeFileSync(file, scenario);
        const { stdout, stderr, code } = await runBench(
          [
            ...['find', file, ...args, '--url', server.url, '--emit-url', server.pushUrl],
            ...[
              '--emit-body',
              '{"namespace":"{namespace}","cursor":"{cursor}"}',
              '--workers',
              '1',
              '--json',
              '-',
            ],
          ],
          { withinMs: LONG_MS },
        );
        expect(code, stderr).toBe(0);
        const { find } = JSON.parse(stdout).results[0];
        process.stdout.write(`${name}, search ${index}: ${find.limit}\n`);
        expect(find.end, stderr).toBe('found');
        expect(find.limit, stderr).toBeGreaterThanOrEqual(limit * 0.9);
        expect(find.limit, stderr).toBeLessThanOrEqual(limit * 1.1);
      },
      LONG_MS,
    );
