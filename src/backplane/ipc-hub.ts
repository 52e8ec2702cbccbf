import type { TimerHandle } from '../manager/clock.js';
import { cursorNumber } from '../protocol/client.js';
import type { ClusterCursor, PublishedCursor, PublishOutcome } from './backplane.js';
import type { NodeClock } from './engine.js';
import type { MessageToHub, MessageToWorker, PublishMessage } from './ipc-messages.js';
import { CursorRegister } from './register.js';
import { SharedSlots } from './shared-slots.js';

/** A worker, as the hub sees it. */
export interface HubWorker {
  /** Names it in `GET /v1/cluster`. */
  readonly id: string;
  readonly version: string;
  send(message: MessageToWorker): void;
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
}

/** How long a worker has to say how many clients it handed a cursor to; the publisher then gets the sum of the others. */
const COUNT_MS = 1000;
/** From one list of workers to the next, at least. */
const NODES_MS = 1000;
/** Namespaces in one message of a snapshot: other messages get their turn in between. */
const SNAPSHOT_PART = 1000;

/** A batch whose deliveries are being counted. */
interface Counting {
  readonly publisher: HubWorker;
  readonly id: number;
  readonly delivered: number[];
  readonly waitingFor: Set<HubWorker>;
  readonly deadline: TimerHandle;
}

/** The primary's end of the channels to its workers: merges their cursors, hands them on, and keeps their slots. */
export class IpcHub {
  /** The workers, and the clients that each has said it has. */
  readonly #workers = new Map<HubWorker, number>();
  readonly #newest: CursorRegister;
  readonly #slots: SharedSlots<HubWorker>;
  readonly #counting = new Map<number, Counting>();
  #lastId = 0;
  #nodesTimer: TimerHandle | undefined;

  constructor(private readonly options: IpcHubOptions) {
    this.#newest = new CursorRegister(options.rememberNamespaces);
    this.#slots = new SharedSlots(options);
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

  #publish(worker: HubWorker, { id, items, monotonic, expiresAtMs }: PublishMessage): void {
    const answer = (outcome: Omit<PublishOutcome, 'nodes'>) =>
      worker.send({ type: 'published', id, outcome: { ...outcome, nodes: this.#workers.size } });
    // Its publisher has told its caller already that nothing was published.
    if (expiresAtMs !== undefined && this.options.systemMs() >= expiresAtMs) return;
    const stale = monotonic ? this.#staleIn(items) : undefined;
    if (stale !== undefined) {
      answer({ replicated: false, stale });
      return;
    }
    const cursors = items.map((item) => this.#merged(item));
    const others = [...this.#workers.keys()].filter((one) => one !== worker);
    if (others.length === 0) {
      answer({ replicated: true, delivered: cursors.map(() => 0) });
      return;
    }
    this.#lastId += 1;
    const countId = this.#lastId;
    this.#counting.set(countId, {
      publisher: worker,
      id,
      delivered: cursors.map(() => 0),
      waitingFor: new Set(others),
      deadline: this.options.clock.setTimeout(() => this.#answerCounted(countId), COUNT_MS),
    });
    for (const other of others) other.send({ type: 'cursors', id: countId, items: cursors });
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
    if (counting.waitingFor.size === 0) this.#answerCounted(id);
  }

  #answerCounted(id: number): void {
    const counting = this.#counting.get(id);
    if (counting === undefined) return;
    this.#stopCounting(id);
    const { publisher, delivered } = counting;
    const outcome = { replicated: true, nodes: this.#workers.size, delivered };
    publisher.send({ type: 'published', id: counting.id, outcome });
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
