import {
  type PulledChanges,
  PullFleet,
  type PullOrder,
  type PullReport,
  type PushedChange,
  type PushOrder,
} from '../pulls/pull-fleet.js';
import type { BenchClient } from './bench-client.js';
import { type TokenHolder, tokenFor } from './credentials.js';
import type { WorkerSetup } from './messages.js';

/** The cohorts of a worker whose clients pull. */
export class PullingCohorts {
  readonly #fleets = new Map<number, PullFleet>();

  constructor(
    private readonly setup: WorkerSetup,
    private readonly now: () => number,
  ) {}

  async start(order: PullOrder, clients: readonly BenchClient[]): Promise<void> {
    const { urls, tls, credentials, namespaces } = this.setup;
    const fleet = new PullFleet({
      clients,
      order,
      pullUrl: order.url === undefined ? pullUrlOf(urls[0] as string) : new URL(order.url),
      tls,
      tokenOf: (client) => tokenFor(credentials, holderOf(client as BenchClient, namespaces)),
      now: this.now,
    });
    this.#fleets.set(order.cohort, fleet);
    await fleet.start();
  }

  /** Pushes into those namespaces of which this worker has the first client. */
  push(order: PushOrder, clients: readonly BenchClient[]): Promise<readonly PushedChange[]> {
    const { cohorts } = this.setup;
    const { namespaces = [] } = cohorts[order.cohort] ?? {};
    const mine = clients
      .filter(({ index, namespace }) => namespaces.indexOf(namespace) === index)
      .map((client) => ({ namespace: client.namespace, client }));
    return this.#of(order.cohort).push(order, mine);
  }

  async settle({ cohort, changes, deadlineMs }: PulledChanges): Promise<PullReport> {
    const fleet = this.#of(cohort);
    this.#fleets.delete(cohort);
    return fleet.settle(changes, deadlineMs);
  }

  #of(cohort: number): PullFleet {
    const fleet = this.#fleets.get(cohort);
    if (fleet === undefined) throw new Error(`cohort ${cohort} does not pull`);
    return fleet;
  }
}

/** Whose token a client shows. */
export function holderOf(
  { namespace, index, cohort: { cohort } }: BenchClient,
  namespaces: readonly string[],
): TokenHolder {
  return {
    namespace: namespaces[namespace] as string,
    namespaceIndex: namespace,
    cohort: cohort.name,
    index,
  };
}

/** The pull route beside a WebSocket endpoint: `ws://host/datafn/ws` has `http://host/datafn/pull`. */
export function pullUrlOf(webSocketUrl: string): URL {
  const url = new URL(webSocketUrl);
  url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
  url.search = '';
  return new URL('pull', url);
}
