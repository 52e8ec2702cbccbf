import { afterAll, expect, test } from 'vitest';
import { disposeProcesses } from '../support/cli-process.js';
import { benchWith, faultyCommand, stopFaulty } from '../support/faulty-bench.js';
import { smaller } from '../support/smaller.js';

// Somebody else's server: no line of ours in it, a token scheme and an API of its own, and nothing that it says of itself.

afterAll(async () => {
  await disposeProcesses();
  await stopFaulty();
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
