import type { Peer } from '../peer/peer.js';
import type { Tenant } from '../target/tenants.js';
import type { ClientOptions, Trial } from '../trial/trial.js';
import { type Clause, DATAFN } from './clause.js';

const NAMESPACE_REASON = 'Namespace connection limit reached';
const GLOBAL_REASON = 'Connection limit reached';

/** How many clients a namespace takes; skips the clause where that is not known. */
function namespaceLimit(trial: Trial): number {
  return (
    trial.target.limits.namespace ??
    trial.skip('the limit of a namespace is not known', '--limits namespace=N')
  );
}

/** Fills a namespace to its limit: every client is admitted, at the latest when those that were there before have left. */
async function fill(
  trial: Trial,
  tenant: Tenant,
  many: number,
  options: Omit<ClientOptions, 'tenant'> = {},
): Promise<Peer[]> {
  const peers: Peer[] = [];
  const endMs = performance.now() + trial.patienceMs;
  while (peers.length < many) {
    const peer = await trial.connect({ ...options, tenant });
    await peer.roundTrip(trial.patienceMs);
    if (peer.isOpen) peers.push(peer);
    else if (peer.closeFrame?.code !== 4503 || performance.now() > endMs)
      trial.fail(`${many} clients to be admitted`, `${peers.length}, then ${peer.state}`);
    else await peer.leave(trial.patienceMs);
  }
  trial.did(`${many} clients were admitted`);
  return peers;
}

/** A client too many, which has to be refused. */
async function surplus(trial: Trial, tenant: Tenant): Promise<Peer> {
  const peer = await trial.connect({ tenant, name: 'one client too many' });
  if (peer.status === 101) await trial.closed(peer, 'a close with 4503');
  if (peer.closeFrame?.code !== 4503) trial.fail('a close with 4503', peer.state);
  return peer;
}

/** There is room for one client more, at the latest in a moment, and for no two. */
async function hasRoomForOne(trial: Trial, tenant: Tenant, withinMs = trial.patienceMs): Promise<void> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const peer = await trial.connect({ tenant, name: 'a client for the free slot' });
    await peer.roundTrip(trial.patienceMs);
    if (peer.isOpen) break;
    if (performance.now() > endMs) trial.fail('the slot to be free', peer.state);
    await peer.leave(trial.patienceMs);
  }
  await surplus(trial, tenant);
}

/** Fills the server to its global limit, over as many namespaces as that takes. */
async function fillServer(trial: Trial): Promise<{ readonly peers: Peer[]; readonly spare: Tenant }> {
  const { limits, tenants } = trial.target;
  const global = limits.global ?? trial.skip('the global limit is not known', '--limits global=N');
  const each = limits.namespace ?? (tenants.areOwn ? 10 : global);
  const peers: Peer[] = [];
  let index = 0;
  for (; peers.length < global; index++)
    peers.push(...(await fill(trial, trial.tenant(index), Math.min(each, global - peers.length))));
  trial.steps.length = 0;
  trial.did(`${global} clients were admitted, in ${index} namespaces`);
  return { peers, spare: tenants.at(trial.clause.id, index) ?? trial.tenant(0) };
}

/** A slot of a namespace is free again after its client has gone in some way. */
const freed =
  (how: string, leave: (peer: Peer, trial: Trial) => Promise<void> | void) => async (trial: Trial) => {
    const tenant = trial.tenant();
    const [first] = await fill(trial, tenant, namespaceLimit(trial));
    await surplus(trial, tenant);
    await leave(first as Peer, trial);
    trial.did(how);
    await hasRoomForOne(trial, tenant);
  };

export const LIMITS: readonly Clause[] = [
  {
    id: 'limits/1',
    level: 'MUST',
    sentence: 'A namespace takes as many clients as its limit says, and closes the next with 4503.',
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      const tenant = trial.tenant();
      const peers = await fill(trial, tenant, namespaceLimit(trial));
      await surplus(trial, tenant);
      for (const peer of peers) await trial.stillServed(peer, 'a refusal of another client');
    },
  },
  {
    id: 'limits/2',
    level: 'MUST',
    sentence: `The reason of that close is "${NAMESPACE_REASON}".`,
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      const tenant = trial.tenant();
      await fill(trial, tenant, namespaceLimit(trial));
      const { closeFrame, state } = await surplus(trial, tenant);
      if (closeFrame?.reason !== NAMESPACE_REASON) trial.fail(`"${NAMESPACE_REASON}"`, state);
    },
  },
  {
    id: 'limits/3',
    level: 'MUST',
    sentence: 'A full namespace leaves other namespaces alone.',
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      const [full, other] = trial.tenants();
      await fill(trial, full, namespaceLimit(trial));
      await surplus(trial, full);
      await trial.admitted(other, { name: 'a client of another namespace' });
    },
  },
  {
    id: 'limits/4',
    level: 'MUST',
    sentence: 'A client that closes its connection frees its slot.',
    source: DATAFN,
    lane: 'alone',
    check: freed('closed one of them', (peer, trial) => peer.leave(trial.patienceMs)),
  },
  {
    id: 'limits/5',
    level: 'MUST',
    sentence: 'A client whose connection is reset frees its slot.',
    source: DATAFN,
    lane: 'alone',
    check: freed('reset the connection of one of them', (peer) => peer.reset()),
  },
  {
    id: 'limits/6',
    level: 'MUST',
    sentence: 'A client that vanishes frees its slot, at the latest after the heartbeat timeout.',
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      const { heartbeat } = trial.target;
      if (heartbeat === undefined)
        return trial.skip('the timeout of the heartbeat is not known', '--heartbeat INTERVAL/TIMEOUT');
      const tenant = trial.tenant();
      const many = namespaceLimit(trial);
      const vanished = await trial.admitted(tenant, { pongs: 'never', answersClose: false });
      vanished.pause();
      trial.did('stopped reading and answering on it');
      await fill(trial, tenant, many - 1);
      const { intervalMs, timeoutMs } = heartbeat;
      await hasRoomForOne(trial, tenant, intervalMs + timeoutMs + Math.max(timeoutMs, 2 * trial.patienceMs));
    },
  },
  {
    id: 'limits/7',
    level: 'MUST',
    sentence: 'Refused clients take no slot of their namespace.',
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      const tenant = trial.tenant();
      const [first] = await fill(trial, tenant, namespaceLimit(trial));
      for (let count = 0; count < 5; count++) await surplus(trial, tenant);
      await first?.leave(trial.patienceMs);
      trial.did('closed an admitted client');
      await hasRoomForOne(trial, tenant);
    },
  },
  {
    id: 'limits/8',
    level: 'MUST',
    sentence: `The server takes as many clients as its global limit says, and closes the next with 4503 "${GLOBAL_REASON}".`,
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      const { spare } = await fillServer(trial);
      const { closeFrame, state } = await surplus(trial, spare);
      if (closeFrame?.reason !== GLOBAL_REASON) trial.fail(`the reason "${GLOBAL_REASON}"`, state);
    },
  },
  {
    id: 'limits/9',
    level: 'MUST',
    sentence: 'Clients that are refused, for their token or a full namespace, take no slot of the server.',
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      const crowded = trial.tenant(1);
      const peers = await fill(trial, crowded, namespaceLimit(trial));
      for (let count = 0; count < 5; count++) {
        await surplus(trial, crowded);
        const stranger = await trial.connect({
          token: trial.target.tenants.bad,
          name: 'a client with a bad token',
        });
        if (stranger.status === 101) await trial.closed(stranger, 'a refusal');
      }
      await Promise.all(peers.map((peer) => peer.leave(trial.patienceMs)));
      await fillServer(trial);
    },
  },
  {
    id: 'limits/10',
    level: 'MUST',
    sentence: 'A client that leaves frees one slot of the server, and not more.',
    source: DATAFN,
    lane: 'alone',
    async check(trial) {
      const { peers, spare } = await fillServer(trial);
      const leaving = peers.slice(0, 3);
      for (const peer of leaving) await peer.leave(trial.patienceMs);
      trial.did(`closed ${leaving.length} of them`);
      await fill(trial, trial.tenant(0), leaving.length);
      // Not in a namespace that is full itself.
      await surplus(trial, spare);
    },
  },
];
