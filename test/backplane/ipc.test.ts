import { IpcBackplane } from '../../src/backplane/ipc.js';
import { type HubWorker, IpcHub } from '../../src/backplane/ipc-hub.js';
import type { MessageToHub, MessageToWorker } from '../../src/backplane/ipc-messages.js';
import { systemClock } from '../../src/manager/clock.js';
import { backplaneContract } from './contract.js';
import { delayed } from './node-of-workers.js';

const limits = { workers: 3, maxConnections: Number.POSITIVE_INFINITY };
const newHub = () =>
  new IpcHub({
    ...limits,
    rememberNamespaces: 1000,
    clock: systemClock,
    systemMs: Date.now,
  });
let hub = newHub();
let workers = 0;

backplaneContract({
  name: 'ipc',
  areWorkers: true,
  async make() {
    workers += 1;
    const id = `worker-${workers}`;
    const { current } = { current: hub };
    const toHub = delayed<MessageToHub>((message) => current.receive(worker, message));
    const backplane = new IpcBackplane({ send: toHub }, { id, ...limits });
    const toWorker = delayed<MessageToWorker>((message) => backplane.receive(message));
    const worker: HubWorker = { id, version: '1.2.3', send: toWorker };
    current.add(worker);
    return backplane;
  },
  async dispose() {
    hub.dispose();
    hub = newHub();
  },
});
