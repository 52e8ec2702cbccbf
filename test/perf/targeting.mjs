// npm run perf:targeting
//
// What a broadcast to some principals costs the manager, by how many clients get it and how many are in the namespace;
// and what adding and removing a client costs with and without principals. Clients are plain objects: no sockets.
import { WebSocketManager } from '../../dist/manager/index.js';
import { median } from './statistics.mjs';

const RUNS = 9;
const unlimited = { maxConnections: Infinity, maxConnectionsPerNamespace: Infinity, heartbeatIntervalMs: 0 };

/** Microseconds of one call, the median of some runs. */
function usOf(calls, call) {
  const runs = Array.from({ length: RUNS }, () => {
    const startedAtMs = performance.now();
    for (let i = 0; i < calls; i++) call(i);
    return ((performance.now() - startedAtMs) * 1000) / calls;
  });
  return median(runs);
}

function managerOf(size, recipients, isTargetable) {
  const manager = new WebSocketManager(unlimited);
  for (let i = 0; i < size; i++) {
    const principalIds = [i < recipients ? 'team:t' : `user:${i}`, `org:${i % 7}`];
    manager.addClient({ send() {} }, isTargetable ? { namespace: 'a', principalIds } : { namespace: 'a' });
  }
  return manager;
}

console.log('recipients   in the namespace   µs of a targeted broadcast   µs of one to all');
for (const recipients of [1, 10, 100, 1000]) {
  for (const size of [1000, 10_000, 100_000]) {
    const targeted = managerOf(size, recipients, true);
    const calls = Math.max(20, Math.ceil(20_000 / recipients));
    const targeting = { affectedPrincipals: ['team:t'] };
    const us = usOf(calls, (i) => targeted.broadcastCursor(String(i), 'a', targeting));
    const all = usOf(Math.max(2, Math.ceil(20_000 / size)), (i) => targeted.broadcastCursor(String(i), 'a'));
    console.log(
      [recipients, size, us.toFixed(2), all.toFixed(1)]
        .map((cell, i) => String(cell).padStart([10, 19, 28, 18][i]))
        .join(''),
    );
  }
}

console.log('\nprincipals   µs to add and remove a client');
for (const count of [0, 1, 10]) {
  const manager = managerOf(1000, 10, count > 0);
  const principalIds = count === 0 ? undefined : Array.from({ length: count }, (_, i) => `team:${i}`);
  const us = usOf(20_000, () => {
    const client = { send() {} };
    manager.addClient(client, { namespace: 'a', principalIds });
    manager.removeClient(client);
  });
  console.log(String(count).padStart(10) + us.toFixed(2).padStart(32));
}
