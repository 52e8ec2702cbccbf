import { expect, test } from 'vitest';
import { ClientFleet } from '../../../src/bench/fleet/client-fleet.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { Histogram } from '../../../src/bench/measure/histogram.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { PLAIN_UPGRADE } from '../../../src/protocol/upgrade.js';
import { littleServer } from './little-server.js';

test('no handshake takes less time than none: a client never connects before it is meant to', async () => {
  const server = await littleServer({});
  const fleet = new ClientFleet();
  try {
    const file = {
      version: 1,
      name: 'x',
      cohorts: { few: { clients: 100 } },
      phases: [{ hold: '1s' }],
      expect: ['closed == 0'],
    };
    const { cohorts, namespaces } = parseScenario(JSON.stringify(file), 'test');
    fleet.setup({
      urls: [server.url],
      cohorts,
      namespaces,
      worker: 0,
      workers: 1,
      seed: 1,
      startMs: 0,
      localAddresses: [],
      credentials: { kind: 'namespace' },
      upgrade: PLAIN_UPGRADE,
      tls: undefined,
    });
    await fleet.connect({
      cohort: 0,
      arrivals: { fromPerSecond: 470, toPerSecond: 470 },
      startMs: monotonicMs(),
      timeoutMs: 5000,
    });
    const { handshake } = fleet.takeCounts().tallies[0]?.histograms ?? {};
    expect(handshake?.count).toBe(100);
    expect(Histogram.from(handshake as NonNullable<typeof handshake>).minMs).toBeGreaterThan(0);
  } finally {
    await fleet.end();
    await server.stop();
  }
});
