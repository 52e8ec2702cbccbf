import type { HubSlots, HubWorker } from '../backplane/ipc-hub.js';
import type { ReserveMessage } from '../backplane/ipc-messages.js';
import { type Grant, Slots } from '../backplane/slots.js';
import type { NamespaceSlots } from '../server/cluster/namespace-slots.js';

/** Clients of one namespace and worker, as the cluster knows them. */
interface Known {
  /** Slots that the cluster has granted. */
  granted: number;
  /** Slots that it is being asked for. */
  asked: number;
}

/**
 * The limits of a server of several workers that is part of a cluster: that of a namespace holds for the cluster, and for the
 * workers together while the engine is away; that of all clients holds for the workers together. Workers ask for each slot.
 */
export class ClusterSlots implements HubSlots {
  /** Clients that are admitted, or may be in a moment. */
  readonly #slots: Slots<HubWorker>;
  readonly #known = new Map<HubWorker, Map<string, Known>>();

  /**
   * @param maxConnections clients that all workers together may have.
   * @param cluster where slots of the cluster come from, one client at a time.
   */
  constructor(
    maxConnections: number,
    private readonly cluster: Pick<NamespaceSlots, 'acquire' | 'release'>,
  ) {
    this.#slots = new Slots(maxConnections);
  }

  get total(): number {
    return this.#slots.total;
  }

  get namespaces(): number {
    return this.#slots.namespaces;
  }

  /** Clients of a namespace. */
  in(namespace: string): number {
    return this.#slots.in(namespace);
  }

  of(worker: HubWorker): number {
    return this.#slots.of(worker);
  }

  add(worker: HubWorker): void {
    this.#known.set(worker, new Map());
    worker.send({ type: 'ask', namespaces: [], all: true });
  }

  remove(worker: HubWorker): void {
    const known = this.#known.get(worker);
    this.#known.delete(worker);
    this.#slots.release(worker);
    for (const [namespace, { granted }] of known ?? []) this.#release(namespace, granted);
  }

  /** Not said by workers that have been told to ask. */
  held(): void {}

  asking(): void {}

  reserve(
    worker: HubWorker,
    { namespace, count, limit }: Pick<ReserveMessage, 'namespace' | 'count' | 'limit'>,
    answer: (grant: Grant) => void,
  ): void {
    const had = this.#slots.count(worker, namespace);
    const grant = this.#slots.claim(worker, namespace, count, limit ?? Number.POSITIVE_INFINITY);
    const more = grant.granted - had;
    if (more > 0) void this.#ask(worker, namespace, more, grant, answer);
    else {
      this.#giveBack(worker, namespace);
      answer(grant);
    }
  }

  dispose(): void {}

  /** Asks the cluster for what this server has room for. */
  async #ask(
    worker: HubWorker,
    namespace: string,
    more: number,
    claimed: Grant,
    answer: (grant: Grant) => void,
  ): Promise<void> {
    const known = this.#knownOf(worker, namespace);
    known.asked += more;
    const refusals = await Promise.all(Array.from({ length: more }, () => this.cluster.acquire(namespace)));
    const granted = refusals.filter((refusal) => refusal === undefined).length;
    if (!this.#known.has(worker)) {
      this.#release(namespace, granted);
      return;
    }
    known.asked -= more;
    known.granted += granted;
    const most = known.granted + known.asked;
    this.#slots.set(worker, namespace, Math.min(most, this.#slots.count(worker, namespace)));
    this.#giveBack(worker, namespace);
    const isRefused = granted < more;
    answer(isRefused ? { granted: claimed.granted - more + granted, isTotal: false } : claimed);
  }

  /** Gives back what the cluster has granted and the worker does not want any more. */
  #giveBack(worker: HubWorker, namespace: string): void {
    const known = this.#knownOf(worker, namespace);
    const surplus = known.granted - this.#slots.count(worker, namespace);
    if (surplus > 0) {
      known.granted -= surplus;
      this.#release(namespace, surplus);
    }
    if (known.granted + known.asked === 0) this.#known.get(worker)?.delete(namespace);
  }

  #release(namespace: string, count: number): void {
    for (let i = 0; i < count; i++) this.cluster.release(namespace);
  }

  #knownOf(worker: HubWorker, namespace: string): Known {
    const ofWorker = this.#known.get(worker) ?? new Map<string, Known>();
    const known = ofWorker.get(namespace) ?? { granted: 0, asked: 0 };
    ofWorker.set(namespace, known);
    return known;
  }
}
