import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { littleServer } from '../bench/fleet/little-server.js';
import { unlessStalled } from '../support/bench-process.js';
import { postCursors } from '../support/http-call.js';
import { type LiveServer, startServer } from '../support/live-server.js';
import { preflightTests } from '../support/preflight-tests.js';
import { runWith } from '../support/run-in-process.js';

const runUnlessStalled = (args: string[]) => unlessStalled(args.join(' '), () => runWith(args));

const { folder, littles, scenario, QUIET, EMITS, causeOf } = preflightTests(runUnlessStalled);
const ONLY_REFUSED = scenario(
  'only-refused',
  `cohorts:
  noToken: { clients: 2, behavior: unauthenticated }
  forged: { clients: 2, behavior: bad-token }
  strangers: { clients: 2, namespaces: nowhere }
phases:
  - connect: { cohort: noToken }
  - connect: { cohort: forged }
  - connect: { cohort: strangers }
expect:
  # Without a rule that lets none in: it is what they send that tells.
  - noToken.closed[4401] == 2
  - forged.closed[4401] == 2
  - strangers.accepted == 0
`,
);

describe('a preflight', () => {
  /** What a server counts once a run is over. */
  const countsOf = ({ server }: LiveServer) => server.stats();

  test('is skipped with --no-preflight: then the run shows what the server does', async () => {
    const { wsUrl } = await startServer({ namespaceProvider: () => undefined });
    const { code, stdout } = await runUnlessStalled(['bench', QUIET, '--url', wsUrl, '--no-preflight']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ users\.accepted == 40 +0/);
  });

  test('does not judge clients that are meant to be refused', async () => {
    const server = await startServer({ namespaceProvider: () => undefined });
    const { code, stderr } = await runUnlessStalled(['bench', ONLY_REFUSED, '--url', server.wsUrl]);
    expect(code, stderr).toBe(0);
    expect(countsOf(server).rejected).toBe(6);
  });

  test('is no part of the numbers, and takes no more than a client a namespace needs', async () => {
    const server = await startServer({ maxConnectionsPerNamespace: 1 });
    const file = scenario(
      'one-each',
      `cohorts:
  first: { clients: 1, namespaces: a }
  second: { clients: 1, namespaces: a, behavior: slow-reader, pause: 200ms }
phases:
  - connect: { cohort: first }
  - connect: { cohort: second }
  - emit: { namespaces: [a], rate: 20/s, count: 2 }
expect:
  - first.accepted == 1
  - second.closed[4503] == 1
  - server.accepted == 1
  - server.rejected == 1
  - server.connections == 1
  - emit.broadcasts == 2
  - cursors.foreign == 0
`,
    );
    const report = join(folder, 'one-each.json');
    const { code, stdout } = await runUnlessStalled(['bench', file, '--url', server.wsUrl, '--json', report]);
    expect(code, stdout).toBe(0);
    // It was there: the server has counted more than the run is told.
    expect(countsOf(server).accepted).toBeGreaterThan(1);
    expect(countsOf(server).broadcasts).toBe(3);
  });

  test('shows no secret, not even one that the server repeats', async () => {
    const server = await littleServer({
      onUpgrade: (raw, { headers, url = '' }) =>
        raw.end(
          `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n\r\n${headers['x-key']} ${url} ${decodeURIComponent(url)}`,
        ),
    });
    littles.push(server);
    const report = join(folder, 'secrets.json');
    const flags = ['--header', 'X-Key: hush-header', '--token-template', 'hush-token:{i}'];
    const cause = await causeOf(QUIET, '--url', `${server.url}?key=hush-query`, ...flags, '--json', report);
    expect(cause).toMatch(/it answered 403 Forbidden: …/);
    expect(cause).not.toContain('hush');
    const { notRun } = JSON.parse(readFileSync(report, 'utf8'));
    expect(notRun[0].reason).toContain('403');
    expect(JSON.stringify(notRun)).not.toContain('hush');
  });

  test('emits one cursor, just above the highest of the server, and the run goes on from there', async () => {
    const server = await startServer({ monotonic: true });
    await postCursors(server.apiUrl, [{ namespace: 'user:1', cursor: '41' }]);
    const { code, stdout } = await runUnlessStalled(['bench', EMITS, '--url', server.wsUrl]);
    expect(code, stdout).toBe(0);
    const [, tried, ...run] = server.events.of('broadcast').map(({ cursor }) => Number(cursor));
    expect(tried).toBe(42);
    // Namespaces may overtake each other on their way.
    expect(run.sort()).toEqual([43, 44, 45, 46]);
  });

  test('does not wait for a silent server for ever', async () => {
    const server = await littleServer({ onUpgrade: () => {} });
    littles.push(server);
    expect(await causeOf(QUIET, '--url', server.url)).toMatch(
      /did not answer the upgrade within 5 s.*--no-preflight/,
    );
  });
});
