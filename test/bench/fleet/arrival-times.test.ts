import { expect, test } from 'vitest';
import { ClientFleet } from '../../../src/bench/fleet/client-fleet.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { Histogram } from '../../../src/bench/measure/histogram.js';
import { littleServer } from './little-server.js';
import { setUpFleet } from './set-up-fleet.js';

test('no handshake takes less time than none: a client never connects before it is meant to', async () => {
  const server = await littleServer({});
  const fleet = new ClientFleet();
  try {
    setUpFleet(fleet, [server.url], { few: { clients: 100 } });
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
