import { formatDuration } from '../../text/units.js';
import type { Peer } from '../peer/peer.js';
import { pause } from '../peer/waiters.js';
import type { HeartbeatSettings } from '../target/settings.js';
import type { Trial } from '../trial/trial.js';
import { type Clause, DATAFN, OBSERVED } from './clause.js';

/** Skips a clause where the interval and the timeout are not known. */
function settingsOf(trial: Trial): HeartbeatSettings {
  return (
    trial.target.heartbeat ??
    trial.skip('the interval and the timeout of the heartbeat are not known', '--heartbeat INTERVAL/TIMEOUT')
  );
}

/** How much later than promised something may be: a timer is late, and a machine is busy. */
const graceMs = (trial: Trial, ms: number) => Math.max(trial.patienceMs / 2, ms / 2);

/** How many clients answer: one in a hundred is found out. */
const CROWD = 100;

/** As many clients as the limits and the tokens allow, up to {@link CROWD}. */
async function crowd(trial: Trial): Promise<Peer[]> {
  const { limits, tenants } = trial.target;
  const perNamespace = limits.namespace ?? CROWD / 2;
  // Half of the server is left to the clauses that are tested at the same time.
  const many = Math.min(CROWD, Math.floor((limits.global ?? Number.POSITIVE_INFINITY) / 2));
  const peers: Peer[] = [];
  for (let index = 0; peers.length < many; index++) {
    const tenant = tenants.at(trial.clause.id, index);
    if (tenant === undefined || (!tenants.areOwn && index > 1)) break;
    const share = Math.min(many - peers.length, tenants.areOwn ? perNamespace : Math.floor(perNamespace / 2));
    peers.push(...(await Promise.all(Array.from({ length: share }, () => trial.admitted(tenant)))));
  }
  trial.steps.length = 0;
  trial.did(`connected ${peers.length} clients that answer every ping`);
  return peers;
}

/** A client that is closed for its silence: when its first ping came, and when the close. */
async function silenced(trial: Trial): Promise<Peer> {
  const { intervalMs, timeoutMs } = settingsOf(trial);
  const tenant = trial.tenant();
  const silent = await trial.admitted(tenant, { name: 'a client that sends no pong', pongs: 'never' });
  const others = [await trial.admitted(tenant, { name: 'a client that answers' })];
  const waitMs = intervalMs + timeoutMs + graceMs(trial, intervalMs) + graceMs(trial, timeoutMs);
  await trial.closed(silent, 'a close with 1001 for the client without a pong', waitMs);
  for (const other of others) if (!other.isOpen) trial.fail('the client that answers to stay', other.state);
  return silent;
}

export const HEARTBEAT: readonly Clause[] = [
  {
    id: 'heartbeat/1',
    level: 'MUST',
    sentence: 'Every client is pinged, whenever it connected, at the interval.',
    source: DATAFN,
    isTimed: true,
    async check(trial) {
      const { intervalMs } = settingsOf(trial);
      const tenant = trial.tenant();
      const peers: Peer[] = [];
      const many = Math.min(4, trial.target.limits.namespace ?? 4);
      for (let count = 0; count < many; count++) {
        peers.push(await trial.admitted(tenant));
        // The last of them comes after the first pings.
        await pause(intervalMs * 0.4);
      }
      const grace = graceMs(trial, intervalMs);
      for (const [index, peer] of peers.entries()) {
        const who = `client ${index + 1} of ${peers.length}`;
        const isPinged = await peer.until(() => peer.pings.length >= 3, 3 * (intervalMs + grace));
        if (!isPinged) trial.fail(`three pings to ${who}`, `${peer.pings.length}, and ${peer.state}`);
        const gaps = peer.pings.slice(1).map((atMs, at) => atMs - (peer.pings[at] as number));
        const wrong = gaps.find((ms) => ms < intervalMs * 0.5 - 20 || ms > intervalMs + grace);
        if (wrong !== undefined)
          trial.fail(`${formatDuration(intervalMs)} between pings to ${who}`, formatDuration(wrong));
      }
    },
  },
  {
    id: 'heartbeat/2',
    level: 'MUST',
    sentence: 'A client that sends no pong is closed with 1001 once the timeout after its ping is over.',
    source: DATAFN,
    isTimed: true,
    async check(trial) {
      const { timeoutMs } = settingsOf(trial);
      const peer = await silenced(trial);
      if (peer.closeFrame?.code !== 1001) return trial.fail('a close with 1001', peer.state);
      const [firstMs] = peer.pings;
      if (firstMs === undefined) return trial.fail('a ping before the close', 'none');
      const tookMs = peer.closeFrame.atMs - firstMs;
      const latest = timeoutMs + graceMs(trial, timeoutMs);
      if (tookMs < timeoutMs * 0.9 - 20 || tookMs > latest)
        trial.fail(
          `the close ${formatDuration(timeoutMs)} after the ping, at most ${formatDuration(latest)}`,
          `it ${formatDuration(tookMs)} after the ping`,
        );
    },
  },
  {
    id: 'heartbeat/3',
    level: 'SHOULD',
    sentence: 'The reason of that close is "Heartbeat timeout".',
    source: DATAFN,
    async check(trial) {
      const peer = await silenced(trial);
      if (peer.closeFrame?.reason !== 'Heartbeat timeout') trial.fail('"Heartbeat timeout"', peer.state);
    },
  },
  {
    id: 'heartbeat/4',
    level: 'MUST',
    sentence: 'Clients that answer stay.',
    source: DATAFN,
    async check(trial) {
      const { intervalMs, timeoutMs } = settingsOf(trial);
      const peers = await crowd(trial);
      await pause(2 * intervalMs + timeoutMs + graceMs(trial, timeoutMs) / 2);
      const lost = peers.filter((peer) => !peer.isOpen);
      if (lost[0] !== undefined)
        trial.fail('all of them to be connected', `${lost.length} closed, the first by ${lost[0].state}`);
    },
  },
  {
    id: 'heartbeat/5',
    level: 'MUST',
    sentence: 'A pong that comes late but within the timeout counts, after a newer ping as well.',
    source: 'RFC 6455 section 5.5.3',
    isTimed: true,
    async check(trial) {
      const { intervalMs, timeoutMs } = settingsOf(trial);
      // After the next ping, if the timeout allows it.
      const afterMs = Math.min(timeoutMs * 0.7, timeoutMs > intervalMs ? intervalMs * 1.25 : timeoutMs * 0.7);
      const tenant = trial.tenant();
      const peer = await trial.admitted(tenant, {
        name: `a client that answers pings ${formatDuration(afterMs)} late`,
        pongs: { afterMs },
      });
      await pause(3 * intervalMs + timeoutMs + graceMs(trial, timeoutMs) / 2);
      if (!peer.isOpen) trial.fail('it to be connected', peer.state);
      if (peer.pings.length < 2) trial.fail('several pings', `${peer.pings.length}`);
    },
  },
  {
    id: 'heartbeat/6',
    level: 'SHOULD',
    sentence: 'Messages are no pong: a client that talks but sends no pong is closed as well.',
    source: OBSERVED,
    async check(trial) {
      const { intervalMs, timeoutMs } = settingsOf(trial);
      const peer = await trial.admitted(trial.tenant(), {
        name: 'a client that talks and sends no pong',
        pongs: 'never',
      });
      const untilMs = performance.now() + intervalMs + timeoutMs + 2 * graceMs(trial, timeoutMs);
      while (peer.isOpen && performance.now() < untilMs) {
        peer.text('{"type":"presence"}');
        await pause(Math.max(50, timeoutMs / 4));
      }
      if (peer.closeFrame?.code !== 1001) trial.fail('a close with 1001', peer.state);
    },
  },
  {
    id: 'heartbeat/7',
    level: 'MUST',
    sentence: 'No client of the whole run that answered at once was closed for a missing pong.',
    source: DATAFN,
    lane: 'after',
    check(trial) {
      const closed = trial.ledger.falseTimeouts();
      trial.did(`looked at what ${trial.ledger.clients} clients got`);
      if (closed.length > 0)
        trial.fail('none', `${closed.length}, during ${[...new Set(closed)].join(', ')}`);
    },
  },
];
