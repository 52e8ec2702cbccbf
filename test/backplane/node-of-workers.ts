import type { Backplane, BackplaneView, KickOutcome } from '../../src/backplane/backplane.js';
import { IpcBackplane } from '../../src/backplane/ipc.js';
import type { HubWorker } from '../../src/backplane/ipc-hub.js';
import type { MessageToHub, MessageToWorker } from '../../src/backplane/ipc-messages.js';
import type { Kick } from '../../src/manager/types.js';
import { completeOptions } from '../../src/options/complete.js';
import { type ServerSettings, serverTable } from '../../src/options/server-options.js';
import type { ServerObserver } from '../../src/server/events/events.js';
import { SharedCluster } from '../../src/workers/shared-cluster.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { eventually, RecordedNode } from './recorded-node.js';

/** Messages as they arrive in another process: later, in order, and as JSON. */
export function delayed<Message>(receive: (message: Message) => void): (message: Message) => void {
  return (message) => {
    const text = JSON.stringify(message);
    setImmediate(() => receive(JSON.parse(text)));
  };
}

export interface NodeOptions {
  readonly settings?: Partial<ServerSettings>;
  readonly timeoutMs?: number;
  readonly observer?: ServerObserver;
  /** Closes clients of all workers; how many. */
  readonly kick?: (kick: Kick) => Promise<number>;
}

/** A worker of a {@link NodeOfWorkers}: what its server would be given, and what it hears. */
export interface Worker {
  readonly backplane: IpcBackplane;
  readonly heard: RecordedNode;
  /** Ends it without a word, as `kill -9` does. */
  kill(): void;
}

/** A server of several workers that is part of a cluster: all but the processes and the sockets. */
export class NodeOfWorkers {
  readonly logger = new RecordingLogger();
  readonly shared: SharedCluster;
  readonly #options: NodeOptions;
  readonly #engine: Backplane;
  #workers = 0;

  constructor(engine: Backplane, options: NodeOptions = {}) {
    this.#engine = engine;
    this.#options = options;
    this.shared = new SharedCluster({
      settings: completeOptions(serverTable, options.settings ?? {}),
      workers: 2,
      backplane: engine,
      logger: this.logger,
      observer: options.observer,
      kick: async (kick) => (await options.kick?.(kick)) ?? 0,
    });
    this.shared.start();
  }

  view(): BackplaneView {
    return this.#engine.view();
  }

  /** Warnings of the log. */
  get warnings(): string[] {
    return this.logger.warnings.map(({ message }) => message);
  }

  async untilUp(nodes = 1): Promise<this> {
    await eventually(
      () => this.view().state === 'up' && this.view().nodes.length === nodes,
      `up, with ${nodes} nodes`,
    );
    return this;
  }

  /** Starts a worker and waits until it serves. */
  async worker(): Promise<Worker> {
    const made = this.connect();
    const heard = new RecordedNode(made.backplane).start();
    await heard.untilState('up');
    return { ...made, heard };
  }

  /** Connects a worker that is not started yet. */
  connect(): Omit<Worker, 'heard'> {
    this.#workers += 1;
    const { hub } = this.shared;
    let isDead = false;
    const toHub = delayed<MessageToHub>((message) => {
      if (!isDead) hub.receive(worker, message);
    });
    const cluster = { id: this.#engine.id, timeoutMs: this.#options.timeoutMs ?? 1000 };
    const { maxConnections } = serverTable;
    const ofWorker = { workers: 2, maxConnections: maxConnections.default, cluster };
    const id = `worker-${this.#workers}`;
    const backplane = new IpcBackplane({ send: toHub }, { id, ...ofWorker });
    const toWorker = delayed<MessageToWorker>((message) => {
      if (!isDead) backplane.receive(message);
    });
    const worker: HubWorker = { id, version: '1.2.3', send: toWorker };
    hub.add(worker);
    return {
      backplane,
      kill() {
        isDead = true;
        hub.remove(worker);
      },
    };
  }

  async close(): Promise<void> {
    await this.shared.close();
  }
}

/**
 * A node of two workers as one backplane: what its first worker is given, and of the node what that asks its primary for.
 * The limits are those of each call, in place of one in the settings.
 */
export async function nodeAsBackplane(engine: Backplane): Promise<Backplane> {
  const limits = new Map<string, number>();
  const limited: Backplane = {
    id: engine.id,
    start: (listener) => engine.start(listener),
    publish: (items, options) => engine.publish(items, options),
    reserve: (namespace, count) =>
      engine.reserve(namespace, count, limits.get(namespace) ?? Number.POSITIVE_INFINITY),
    kick: (kick) => engine.kick?.(kick) as Promise<KickOutcome>,
    view: () => engine.view(),
    close: () => engine.close(),
  };
  let closeHere = (_: Kick): number => 0;
  const node = new NodeOfWorkers(limited, {
    settings: { maxConnections: 1_000_000 },
    timeoutMs: 30_000,
    kick: async (kick) => closeHere(kick),
  });
  // A worker that comes later has a snapshot.
  await eventually(() => node.view().state === 'up', 'up');
  const { backplane } = node.connect();
  await node.worker();
  return {
    id: backplane.id,
    start(listener) {
      closeHere = (kick) => listener.kick?.(kick) as number;
      backplane.start(listener);
    },
    publish: (items, options) => backplane.publish(items, options),
    reserve(namespace, count, limit) {
      limits.set(namespace, limit);
      return backplane.reserve(namespace, count, limit);
    },
    take: (namespace, count, limit) => backplane.take(namespace, count, limit),
    kick: (kick) => node.shared.cluster?.kickElsewhere(kick) as Promise<KickOutcome>,
    view: () => (backplane.view().state === 'up' ? node.view() : backplane.view()),
    async close() {
      await backplane.close();
      await node.close();
    },
  };
}
