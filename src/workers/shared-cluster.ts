import type { Backplane } from '../backplane/backplane.js';
import { IpcHub } from '../backplane/ipc-hub.js';
import { systemClock } from '../manager/clock.js';
import { guardLogger } from '../manager/contain.js';
import type { DatafnLogger, Kick } from '../manager/types.js';
import type { ServerSettings } from '../options/server-options.js';
import { Cluster } from '../server/cluster/cluster.js';
import type { ServerObserver } from '../server/events/events.js';
import { ClusterSlots } from './cluster-slots.js';

export interface SharedClusterParts {
  readonly settings: ServerSettings;
  /** How many worker processes. */
  readonly workers: number;
  /** Left out for a server that is not part of a cluster. */
  readonly backplane: Backplane | undefined;
  readonly logger: DatafnLogger;
  readonly observer: ServerObserver | undefined;
  /** Closes clients of all workers; how many. */
  kick(kick: Kick): Promise<number>;
}

/** What connects the workers to each other, and to the cluster that their server is part of, if any. */
export class SharedCluster {
  readonly hub: IpcHub;
  /** The cluster, of which all workers are one server. */
  readonly cluster: Cluster | undefined;
  readonly #start: () => void;

  constructor({ settings, workers, backplane, logger, observer, kick }: SharedClusterParts) {
    const { maxConnections, rememberNamespaces } = settings;
    const ofHub = { maxConnections, workers, rememberNamespaces, clock: systemClock, systemMs: Date.now };
    if (backplane === undefined) {
      this.hub = new IpcHub(ofHub);
      this.#start = () => {};
      return;
    }
    const cluster = new Cluster({ ...settings, backplane, logger: guardLogger(logger) });
    const slots = new ClusterSlots(maxConnections, cluster.slots);
    const delivered =
      observer?.broadcast &&
      (({ namespace, cursor }: { namespace: string; cursor: string }, count: number) =>
        observer.broadcast?.(namespace, cursor, count));
    const publish: Backplane['publish'] = (items, options) => cluster.publish(items, options);
    const hub = new IpcHub({ ...ofHub, cluster: { slots, delivered, publish } });
    cluster.kick = kick;
    this.hub = hub;
    this.cluster = cluster;
    this.#start = () =>
      cluster.start({
        get connectionCount() {
          return hub.connections;
        },
        deliver(items) {
          hub.deliver(items);
          // All of them, since the workers say later who was handed it: the next ones wait long enough.
          return items.map(({ namespace }) => slots.in(namespace));
        },
      });
  }

  /** Connects to the cluster. */
  start(): void {
    this.#start();
  }

  /** Tells the cluster what it does not know yet, and leaves it. */
  async close(): Promise<void> {
    await this.cluster?.close();
    this.hub.dispose();
  }
}
