import type { IpcHub } from '../backplane/ipc-hub.js';
import type { Kick } from '../manager/types.js';
import type { Cluster } from '../server/cluster/cluster.js';
import { type ClientList, type ClientQuery, numberOf, pageOf } from '../server/events/clients.js';
import { processMemory } from '../server/health/memory.js';
import { clockMs, type ServerStats } from '../server/health/statistics.js';
import type { KickAnswer } from '../server/http/clients.js';
import {
  addEnded,
  clusterSnapshot,
  type EndedCounts,
  type MetricsSnapshot,
  sumSnapshots,
} from '../server/metrics/snapshot.js';
import type { Ask, NamespaceCount, Questions } from './messages.js';
import { foldEnded, sumStats } from './sum-stats.js';
import type { WorkerProcess } from './worker-process.js';

/** Answers for the whole server, gathered from its workers. */
export class Gathering {
  readonly #startedAtMs = performance.now();
  /** The counts of the workers that have ended. */
  #ended: ServerStats | undefined;
  /** What else they counted for `GET /metrics`. */
  #endedCounts: EndedCounts | undefined;

  /** @param workers returns those that serve. */
  constructor(
    private readonly shared: {
      readonly hub: Pick<IpcHub, 'namespaces'>;
      /** The cluster that the server is part of. */
      readonly cluster: Cluster | undefined;
    },
    private readonly workers: () => readonly WorkerProcess[],
  ) {}

  /** Clients that left with 1001, of workers that have ended. */
  get goneAway(): number {
    return this.#ended?.goneAway ?? 0;
  }

  /** A worker has ended. What it counted since its last report is lost. */
  ended({ stats, snapshot }: WorkerProcess): void {
    if (stats !== undefined) this.#ended = foldEnded(this.#ended, stats);
    if (snapshot !== undefined) this.#endedCounts = addEnded(this.#endedCounts, snapshot);
  }

  /** Asks every worker. Those that do not answer are left out. */
  async all<Name extends keyof Questions>(
    name: Name,
    argument?: Questions[Name]['argument'],
  ): Promise<Exclude<Questions[Name]['answer'], undefined>[]> {
    const answers = await Promise.all(this.workers().map((worker) => worker.ask(name, argument)));
    return answers.filter((one): one is Exclude<typeof one, undefined> => one !== undefined);
  }

  /** Answers what a worker was asked about the whole server. */
  async answer(question: Ask): Promise<unknown> {
    switch (question.name) {
      case 'stats':
        return this.stats();
      case 'snapshot':
        return this.snapshot();
      case 'namespaces':
        return sumNamespaces(await this.all('namespaces'));
      case 'clients': {
        const { argument } = question;
        return argument && clientPage(await this.all('clients', argument), argument);
      }
      case 'kick':
        return question.argument && this.#kickEverywhere(question.argument);
      case 'cluster':
        return this.shared.cluster?.view();
      case 'announce':
        return (await this.all('announce')).reduce((sum, count) => sum + count, 0);
      default:
        return undefined;
    }
  }

  /** Closes clients of all workers; how many. */
  async kick(kick: Kick): Promise<number> {
    return (await this.all('kick', kick)).reduce((sum, { closed }) => sum + closed, 0);
  }

  async #kickEverywhere(kick: Kick): Promise<KickAnswer> {
    const elsewhere = this.shared.cluster?.kickElsewhere(kick);
    const closed = await this.kick(kick);
    const answers = await elsewhere;
    return answers === undefined ? { closed } : { ...answers, closed: closed + answers.closed };
  }

  /** What `GET /metrics` tells. */
  async snapshot(): Promise<MetricsSnapshot> {
    await Promise.all(
      this.workers().map(async (worker) => {
        // Of one that does not answer in time, what it said before: its counts must not be missing from the sums.
        const snapshot = await worker.ask('snapshot');
        if (snapshot === undefined) return;
        worker.snapshot = snapshot;
        worker.stats = snapshot.stats;
      }),
    );
    const snapshots = this.workers().flatMap(
      ({ ended, snapshot }) => (ended === undefined && snapshot) || [],
    );
    const sum = sumSnapshots(snapshots, this.#sum(this.#known()), this.#endedCounts);
    const { cluster } = this.shared;
    // Without, it is the sum of what the workers say of each other.
    return cluster === undefined ? sum : { ...sum, cluster: clusterSnapshot(cluster) };
  }

  async stats(): Promise<ServerStats> {
    await Promise.all(
      this.workers().map(async (worker) => {
        worker.stats = (await worker.ask('stats')) ?? worker.stats;
      }),
    );
    return this.#sum(this.#known());
  }

  /** The newest counts of the workers. One that has ended is among those that have. */
  #known(): (ServerStats | undefined)[] {
    return this.workers().map((worker) => (worker.ended === undefined ? worker.stats : undefined));
  }

  #sum(ofWorkers: readonly (ServerStats | undefined)[]): ServerStats {
    const all = [this.#ended, ...ofWorkers].filter((one): one is ServerStats => one !== undefined);
    const { user, system } = process.cpuUsage();
    return sumStats(all, {
      namespaces: this.shared.hub.namespaces,
      uptimeMs: Math.round(performance.now() - this.#startedAtMs),
      timeMs: clockMs(),
      primary: {
        pid: process.pid,
        ...processMemory(),
        cpuMs: Math.round((user + system) / 1000),
      },
    });
  }
}

/** The namespaces of all workers, each once. */
export function sumNamespaces(lists: readonly (readonly NamespaceCount[])[]): NamespaceCount[] {
  const sums = new Map<string, number>();
  for (const list of lists)
    for (const { namespace, connections } of list)
      sums.set(namespace, (sums.get(namespace) ?? 0) + connections);
  return [...sums].map(([namespace, connections]) => ({ namespace, connections }));
}

/** A page out of the pages of all workers. */
export function clientPage(lists: readonly ClientList[], query: ClientQuery): ClientList {
  const all = lists.flatMap(({ clients }) => clients).sort((a, b) => numberOf(a.id) - numberOf(b.id));
  const { page: clients, hasMore } = pageOf(all, query, ({ id }) => numberOf(id));
  const isCut = hasMore || lists.some(({ next }) => next !== undefined);
  const total = lists.reduce((sum, list) => sum + list.total, 0);
  return { total, clients, ...(isCut ? { next: clients.at(-1)?.id } : {}) };
}
