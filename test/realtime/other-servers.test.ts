import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { everyReport } from '../support/bench-reports.js';
import { disposeProcesses } from '../support/cli-process.js';
import { benchWith, faultyCommand, startFaulty, stopFaulty } from '../support/faulty-bench.js';
import { leaksIn } from '../support/leaks.js';
import { smaller } from '../support/smaller.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// Somebody else's server: no line of ours in it, a token scheme and an API of its own, and nothing that it says of itself.

const { folder } = temporaryFolder('other-servers');
afterAll(async () => {
  await disposeProcesses();
  await stopFaulty();
});

test('the scenario remote passes by URL, with tokens and an API of the server, and no secret is printed', async () => {
  const [secret, header] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')];
  const { wsUrl, apiUrl } = await startFaulty('--no-api', '--jwt-secret', secret);
  const reports = everyReport(folder, 'remote');
  const remote = smaller(
    'remote',
    {
      // Heartbeats take seconds, in which a machine can do a lot.
      'silent.closed[1001] == 10': 'silent.accepted == 10',
      'heartbeat.falseTimeouts == 0': 'spoofers.accepted == 10',
      'users.heartbeat.interval.p50 > 25s': 'users.accepted == 200',
      'users.heartbeat.interval.p50 < 35s': 'cursors.foreign == 0',
      'fanout.p99 < 2s': 'fanout.p99 < 20s',
    },
    {
      'phases[0].connect.rate': '1000/s',
      'phases[emit].emit.for': '500ms',
      'phases[hold].hold': '10ms',
      'phases[6].emit.for': '500ms',
    },
  );
  const outcome = await benchWith([
    ...[...remote, '--url', wsUrl, '--workers', '1', ...reports.flags],
    ...['--jwt-secret', secret, '--jwt-claims', '{"tenant":"{namespace}"}'],
    ...['--emit-url', `${apiUrl}/push`, '--emit-body', '{"namespace":"{namespace}","cursor":"{cursor}"}'],
    ...['--emit-header', `x-key: ${header}`],
  ]);
  expect(outcome.broken, outcome.output).toEqual([]);
  expect(outcome.code, outcome.output).toBe(0);
  const { json, ...texts } = reports.read();
  const printed = [outcome.output, JSON.stringify(json), ...Object.values(texts)];
  expect(leaksIn(printed.join('\n'), [secret, header])).toEqual([]);
  // Left running.
  expect((await fetch(`${apiUrl}/readyz`)).status).toBe(200);
});

/** Enough emits of single cursors for a fault that begins with the twentieth. */
const FANOUT = smaller(
  'fanout',
  {
    'accepted == 3000': 'accepted == 40',
    'open == 3000': 'open == 40',
    'fanout.p99 < 2s': 'fanout.p99 < 20s',
    'fanout.skew.p99 < 2s': 'fanout.skew.p99 < 20s',
    'convergence.max < 3s': 'convergence.max < 20s',
  },
  {
    'cohorts.crowd.clients': '20',
    'cohorts.teams.clients': '10',
    'cohorts.mute.clients': '10',
    'phases[3].emit.for': '300ms',
    'phases[4].emit.for': '500ms',
    'phases[5].emit.for': '200ms',
  },
);

test.each([
  ['passes', undefined, 0, []],
  ['fails when two cursors change places a single time', 'swaps-two', 1, ['cursors.reordered == 0 1']],
])('the scenario fanout on a server by command %s', async (_, fault, code, broken) => {
  const args = [...FANOUT, '--workers', '1', '--server-command', faultyCommand(fault)];
  const outcome = await benchWith(args);
  expect(outcome.broken, outcome.output).toEqual(broken);
  expect(outcome.code, outcome.output).toBe(code);
  // The command to repeat it starts the same server.
  expect(outcome.output).toMatch(/rerun: .* --server-command '.*faulty-server\.mjs/);
});
