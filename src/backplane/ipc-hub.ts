import type { TimerHandle } from '../manager/clock.js';
import { cursorNumber } from '../protocol/client.js';
import type { Backplane, ClusterCursor, PublishedCursor, PublishOutcome } from './backplane.js';
import type { NodeClock } from './engine.js';
import type {
  HeldMessage,
  MessageToHub,
  MessageToWorker,
  PublishMessage,
  ReserveMessage,
} from './ipc-messages.js';
import { CursorRegister } from './register.js';
import { SharedSlots } from './shared-slots.js';
import type { Grant } from './slots.js';

/** A worker, as the hub sees it. */
export interface HubWorker {
  /** Names it in `GET /v1/cluster`. */
  readonly id: string;
  readonly version: string;
  send(message: MessageToWorker): void;
}

/** Keeps the limits over all workers. */
export interface HubSlots {
  /** Clients of all workers. */
  readonly total: number;
  /** Namespaces that have a client. */
  readonly namespaces: number;
  /** Clients of a worker. */
  of(worker: HubWorker): number;
  add(worker: HubWorker): void;
  /** Frees what a worker has. */
  remove(worker: HubWorker): void;
  /** What a worker has taken without asking, or given back. */
  held(worker: HubWorker, counts: HeldMessage['counts']): void;
  /** A worker asks from here on. */
  asking(worker: HubWorker, id: number): void;
  /** Sets how many clients of a namespace a worker has, as far as the limits allow; see `Backplane.reserve`. */
  reserve(
    worker: HubWorker,
    asked: Pick<ReserveMessage, 'namespace' | 'count' | 'limit'>,
    answer: (grant: Grant) => void,
  ): void;
  /** Stops every timer. */
  dispose(): void;
}

/** The cluster that the server of a hub is part of. */
export interface HubCluster extends Pick<Backplane, 'publish'> {
  readonly slots: HubSlots;
  /** A cursor of another server was handed to so many clients of all workers. Left out when nobody hears it. */
  readonly delivered?: ((item: ClusterCursor, count: number) => void) | undefined;
}

export interface IpcHubOptions {
  /** Clients that all workers together may have. */
  readonly maxConnections: number;
  /** The most workers that there are at a time. */
  readonly workers: number;
  /** Namespaces whose newest cursor is kept; the least recently used is evicted. */
  readonly rememberNamespaces: number;
  readonly clock: Pick<NodeClock, 'setTimeout' | 'clearTimeout'>;
  /** Milliseconds of the system clock, which the workers share. */
  readonly systemMs: () => number;
  /** Left out for a server of its own. */
  readonly cluster?: HubCluster | undefined;
}

/** How long a worker has to say how many clients it handed a cursor to; the publisher then gets the sum of the others. */
const COUNT_MS = 1000;
/** From one list of workers to the next, at least. */
const NODES_MS = 1000;
/** Namespaces in one message of a snapshot: other messages get their turn in between. */
const SNAPSHOT_PART = 1000;

/** A batch whose deliveries are being counted. */
interface Counting {
  /** Left out for cursors of other servers. */
  readonly publisher: HubWorker | undefined;
  readonly done: (delivered: readonly number[]) => void;
  readonly delivered: number[];
  readonly waitingFor: Set<HubWorker>;
  readonly deadline: TimerHandle;
}

/** The primary's end of the channels to its workers: merges their cursors, hands them on, and keeps their slots. */
export class IpcHub {
  /** The workers, and the clients that each has said it has. */
  readonly #workers = new Map<HubWorker, number>();
  readonly #newest: CursorRegister;
  readonly #slots: HubSlots;
  readonly #counting = new Map<number, Counting>();
  #lastId = 0;
  #nodesTimer: TimerHandle | undefined;

  constructor(private readonly options: IpcHubOptions) {
    this.#newest = new CursorRegister(options.rememberNamespaces);
    this.#slots = options.cluster?.slots ?? new SharedSlots<HubWorker>(options);
  }

  /** Clients of all workers, those included that are just being admitted, and those not that came in the last moment. */
  get connections(): number {
    return this.#slots.total;
  }

  /** Namespaces that have a client. */
  get namespaces(): number {
    return this.#slots.namespaces;
  }

  /** Clients of one worker. */
  connectionsOf(worker: HubWorker): number {
    return this.#slots.of(worker);
  }

  /** Takes a worker in, and hands it the newest cursors. */
  add(worker: HubWorker): void {
    this.#workers.set(worker, 0);
    this.#slots.add(worker);
    const items = [...this.#newest.entries()].map(([namespace, { cursor, epoch }]) => ({
      namespace,
      cursor,
      epoch,
    }));
    for (let from = 0; from === 0 || from < items.length; from += SNAPSHOT_PART) {
      const isLast = from + SNAPSHOT_PART >= items.length;
      worker.send({ type: 'snapshot', items: items.slice(from, from + SNAPSHOT_PART), isLast });
    }
    this.#sendNodes();
  }

  /** Forgets a worker that has ended: its slots are free from here on. */
  remove(worker: HubWorker): void {
    if (!this.#workers.delete(worker)) return;
    this.#slots.remove(worker);
    for (const [id, counting] of this.#counting) {
      if (counting.publisher === worker) this.#stopCounting(id);
      else this.#counted(id, worker, []);
    }
    this.#sendNodes();
  }

  /** Hands cursors of other servers of the cluster to all workers. */
  deliver(items: readonly ClusterCursor[]): void {
    for (const item of items) this.#newest.merge(item.namespace, item);
    const report = this.options.cluster?.delivered;
    const done = (counts: readonly number[]) => {
      for (const [index, item] of items.entries()) {
        const count = counts[index] ?? 0;
        if (count > 0) report?.(item, count);
      }
    };
    this.#handOut(items, [...this.#workers.keys()], report && { publisher: undefined, done });
  }

  /** Takes a message of a worker that was added. */
  receive(worker: HubWorker, message: MessageToHub): void {
    if (!this.#workers.has(worker)) return;
    switch (message.type) {
      case 'publish':
        this.#publish(worker, message);
        break;
      case 'reserve':
        this.#slots.reserve(worker, message, ({ granted, isTotal }) =>
          worker.send({ type: 'reserved', id: message.id, granted, ...(isTotal ? { isTotal } : {}) }),
        );
        break;
      case 'held':
        this.#slots.held(worker, message.counts);
        break;
      case 'asking':
        this.#slots.asking(worker, message.id);
        break;
      case 'delivered':
        this.#counted(message.id, worker, message.counts);
        break;
      case 'beat':
        this.#beat(worker, message.id, message.connections);
        break;
      case 'leave':
        this.remove(worker);
        break;
    }
  }

  /** Stops every timer. */
  dispose(): void {
    this.#slots.dispose();
    for (const id of [...this.#counting.keys()]) this.#stopCounting(id);
    if (this.#nodesTimer !== undefined) this.options.clock.clearTimeout(this.#nodesTimer);
    this.#nodesTimer = undefined;
  }

  #publish(worker: HubWorker, message: PublishMessage): void {
    const { items, monotonic, expiresAtMs } = message;
    // Its publisher has told its caller already that nothing was published.
    if (expiresAtMs !== undefined && this.options.systemMs() >= expiresAtMs) return;
    const { cluster } = this.options;
    if (cluster !== undefined) {
      void this.#publishToCluster(worker, message, cluster);
      return;
    }
    const stale = monotonic ? this.#staleIn(items) : undefined;
    if (stale !== undefined) {
      this.#answer(worker, message, { replicated: false, stale });
      return;
    }
    this.#deliverFor(worker, items, (delivered) =>
      this.#answer(worker, message, { replicated: true, delivered }),
    );
  }

  async #publishToCluster(worker: HubWorker, message: PublishMessage, cluster: HubCluster): Promise<void> {
    const { items, monotonic, expiresAtMs } = message;
    const deliver = () =>
      new Promise<readonly number[]>((counted) => this.#deliverFor(worker, items, counted));
    if (expiresAtMs === undefined) {
      const [outcome, delivered] = await Promise.all([cluster.publish(items), deliver()]);
      this.#answer(worker, message, { ...outcome, delivered });
      return;
    }
    const outcome = await cluster.publish(items, { monotonic, required: true });
    const delivered = outcome.replicated ? { delivered: await deliver() } : {};
    this.#answer(worker, message, { ...outcome, ...delivered });
  }

  #answer(
    worker: HubWorker,
    { id }: PublishMessage,
    outcome: Omit<PublishOutcome, 'nodes'> & Partial<PublishOutcome>,
  ): void {
    // All workers are one server.
    worker.send({ type: 'published', id, outcome: { nodes: 1, ...outcome } });
  }

  /** Hands a batch of one worker to the others. */
  #deliverFor(publisher: HubWorker, items: readonly PublishedCursor[], done: Counting['done']): void {
    const others = [...this.#workers.keys()].filter((one) => one !== publisher);
    this.#handOut(
      items.map((item) => this.#merged(item)),
      others,
      { publisher, done },
    );
  }

  /** Hands cursors to workers, and counts their clients where somebody waits for that. */
  #handOut(
    items: readonly ClusterCursor[],
    workers: readonly HubWorker[],
    counting?: Pick<Counting, 'publisher' | 'done'>,
  ): void {
    if (counting === undefined) {
      for (const worker of workers) worker.send({ type: 'cursors', items });
      return;
    }
    const delivered = items.map(() => 0);
    if (workers.length === 0) {
      counting.done(delivered);
      return;
    }
    this.#lastId += 1;
    const id = this.#lastId;
    this.#counting.set(id, {
      ...counting,
      delivered,
      waitingFor: new Set(workers),
      deadline: this.options.clock.setTimeout(() => this.#allCounted(id), COUNT_MS),
    });
    for (const worker of workers) worker.send({ type: 'cursors', id, items });
  }

  #merged({ namespace, cursor, reset, affectedPrincipals }: PublishedCursor): ClusterCursor {
    const epoch = (this.#newest.get(namespace)?.epoch ?? 0) + (reset ? 1 : 0);
    const merged = { namespace, cursor, epoch };
    this.#newest.merge(namespace, merged);
    return affectedPrincipals === undefined ? merged : { ...merged, affectedPrincipals };
  }

  /** The first cursor that is lower than the newest of its namespace, those before it in the batch included. */
  #staleIn(items: readonly PublishedCursor[]): PublishOutcome['stale'] {
    const inBatch = new Map<string, string>();
    for (const [index, { namespace, cursor, reset }] of items.entries()) {
      const newest = reset ? undefined : (inBatch.get(namespace) ?? this.#newest.get(namespace)?.cursor);
      if (newest !== undefined && cursorNumber(cursor) < cursorNumber(newest)) return { index, newest };
      inBatch.set(namespace, cursor);
    }
    return undefined;
  }

  #counted(id: number, worker: HubWorker, counts: readonly number[]): void {
    const counting = this.#counting.get(id);
    if (counting === undefined || !counting.waitingFor.delete(worker)) return;
    for (const [index, count] of counts.entries())
      if (index < counting.delivered.length)
        counting.delivered[index] = (counting.delivered[index] ?? 0) + count;
    if (counting.waitingFor.size === 0) this.#allCounted(id);
  }

  #allCounted(id: number): void {
    const counting = this.#counting.get(id);
    this.#stopCounting(id);
    counting?.done(counting.delivered);
  }

  #stopCounting(id: number): void {
    const counting = this.#counting.get(id);
    if (counting !== undefined) this.options.clock.clearTimeout(counting.deadline);
    this.#counting.delete(id);
  }

  #beat(worker: HubWorker, id: number, connections: number): void {
    worker.send({ type: 'beaten', id });
    if (this.#workers.get(worker) === connections) return;
    this.#workers.set(worker, connections);
    this.#nodesTimer ??= this.options.clock.setTimeout(() => this.#sendNodes(), NODES_MS);
  }

  #sendNodes(): void {
    if (this.#nodesTimer !== undefined) this.options.clock.clearTimeout(this.#nodesTimer);
    this.#nodesTimer = undefined;
    const nodes = [...this.#workers].map(([{ id, version }, connections]) => ({
      id,
      version,
      connections,
      ageMs: 0,
    }));
    for (const worker of this.#workers.keys()) worker.send({ type: 'nodes', nodes });
  }
}
