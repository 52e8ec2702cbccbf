import { afterAll, describe, expect, test } from 'vitest';
import { disposeProcesses } from '../support/cli-process.js';
import { benchWith, faultyCommand } from '../support/faulty-bench.js';
import { smaller } from '../support/smaller.js';

// Four of the faults of `npm run test:mutation`, with a few dozen clients each. Every one of these needs bench to
// own the server: for its end, or for its settings.

afterAll(disposeProcesses);

const SCENARIOS: Readonly<Record<string, string[]>> = {
  fanout: smaller(
    'fanout',
    { 'accepted == 3000': 'accepted == 40', 'open == 3000': 'open == 40' },
    {
      'cohorts.crowd.clients': '20',
      'cohorts.teams.clients': '10',
      'cohorts.mute.clients': '10',
      'phases[3].emit.for': '1s',
      'phases[4].emit.for': '1s',
      'phases[5].emit.for': '500ms',
    },
  ),
  churn: smaller(
    'churn',
    {
      'steady.accepted == 500': 'steady.accepted == 20',
      'steady.open == 500': 'steady.open == 20',
      'after.open == 300': 'after.open == 30',
      'server.connections == 800': 'server.connections == 50',
    },
    {
      'server.maxConnections': '100',
      'server.maxConnectionsPerNamespace': '10',
      'cohorts.steady.clients': '20',
      'cohorts.polite.clients': '20',
      'cohorts.rude.clients': '20',
      'cohorts.after.clients': '30',
      'phases[1].parallel[0].churn.for': '1s',
      'phases[1].parallel[1].churn.for': '1s',
      'phases[1].parallel[2].emit.for': '1s',
      'phases[8].expect[0]': 'after.accepted == 30',
      'phases[emit].emit.for': '500ms',
    },
  ),
  shutdown: smaller(
    'shutdown',
    {
      'clients.accepted == 1500': 'clients.accepted == 60',
      'clients.closed[1001 "Going Away"] == 1500': 'clients.closed[1001 "Going Away"] == 60',
    },
    {
      'server.shutdownTimeout': '500ms',
      'cohorts.clients.clients': '60',
      'cohorts.dead.clients': '2',
      'phases[emit].emit.for': '500ms',
    },
  ),
};

describe('a small run of a shipped scenario', () => {
  test.each(Object.entries(SCENARIOS))(
    "passes on somebody else's server that does right: %s",
    async (_, args) => {
      const outcome = await benchWith([...args, '--server-command', faultyCommand(undefined)]);
      expect(outcome.broken, outcome.output).toEqual([]);
      expect(outcome.code, outcome.output).toBe(0);
      // The command to repeat it starts the same server.
      expect(outcome.output).toMatch(/rerun: .* --server-command '.*faulty-server\.mjs'/);
    },
  );

  test.each([
    ['swaps-two', 'fanout', 'cursors.reordered == 0', '1'],
    // By a rule that the scenario does not have: every server owes it.
    ['masks-a-frame', 'fanout', 'protocolErrors == 0', '1'],
    ['leaks-slot-on-reset', 'churn', 'after.accepted == 30', '29'],
    ['shutdown-without-1001', 'shutdown', 'clients.closed[1001 "Going Away"] == 60', '0'],
  ])('fails on one with the fault %s: %s, by the rule %s', async (fault, scenario, rule, actual) => {
    const args = SCENARIOS[scenario] as string[];
    const outcome = await benchWith([...args, '--server-command', faultyCommand(fault)]);
    expect(outcome.reported([rule]), outcome.output).toEqual([{ rule, held: false, actual }]);
    expect(outcome.code, outcome.output).toBe(1);
  });
});
