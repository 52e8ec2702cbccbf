import type { ClientFleet } from '../../../src/bench/fleet/client-fleet.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { PLAIN_UPGRADE } from '../../../src/protocol/upgrade.js';

/**
 * Sets up a fleet with these cohorts, written as in a scenario: all of the clients, without TLS, with namespaces for
 * tokens, unless `options` say otherwise. Returns the scenario that the cohorts come from.
 */
export function setUpFleet(
  fleet: ClientFleet,
  urls: readonly string[],
  cohorts: Readonly<Record<string, unknown>>,
  options: Partial<Parameters<ClientFleet['setup']>[0]> = {},
) {
  const file = { version: 1, name: 'x', cohorts, phases: [{ hold: '1s' }], expect: ['closed == 0'] };
  const scenario = parseScenario(JSON.stringify(file), 'test');
  fleet.setup({
    urls,
    cohorts: scenario.cohorts,
    namespaces: scenario.namespaces,
    worker: 0,
    workers: 1,
    seed: 1,
    startMs: 0,
    localAddresses: [],
    credentials: { kind: 'namespace' },
    upgrade: PLAIN_UPGRADE,
    tls: undefined,
    ...options,
  });
  return scenario;
}
