import type {
  Backplane,
  BackplaneListener,
  BackplaneState,
  BackplaneView,
  ClusterCursor,
  KickOutcome,
  PublishedCursor,
  PublishOptions,
  PublishOutcome,
} from '../../backplane/backplane.js';
import { principalsAsked } from '../../manager/principals.js';
import type { BroadcastTargeting, DatafnLogger, Kick, OtherProcesses } from '../../manager/types.js';
import { cursorProblem, namespaceProblem, principalsProblem } from '../../protocol/identifiers.js';
import { formatAmount, formatDuration } from '../../text/units.js';
import { CatchUp } from './catch-up.js';
import type { ClusterClients } from './clients.js';
import { NamespaceSlots } from './namespace-slots.js';

/** What a {@link Cluster} works with. */
export interface ClusterParts {
  readonly backplane: Backplane;
  readonly logger: DatafnLogger;
  readonly maxConnectionsPerNamespace: number;
  /** Clients per second that are sent the cursors they missed; 0 is no limit. */
  readonly catchUpRate: number;
}

/** What `GET /v1/cluster` says. */
export interface ClusterView extends BackplaneView {
  /** Namespaces whose clients are still to be sent what was missed. */
  readonly catchingUp: number;
  /** Clients admitted so far while the engine was away: only the limits of this process held for them. */
  readonly admittedUnchecked: number;
}

/** What a {@link Cluster} has counted since its start. */
export interface ClusterCounts {
  /** Cursors that this process gave to the engine. */
  readonly cursorsPublished: number;
  /** Batches of cursors that the engine did not acknowledge in time. */
  readonly batchesUnacknowledged: number;
  /** Cursors that came from other processes. */
  readonly cursorsReceived: number;
  /** Cursors that were missed while the engine was away, and came when it was back. */
  readonly cursorsCaughtUp: number;
  /** Times that the engine went away. */
  readonly disconnects: number;
}

/** Ties the clients of a server to the other servers of its cluster. */
export class Cluster implements BackplaneListener {
  readonly slots: NamespaceSlots;
  readonly #catchUp: CatchUp;
  /** What the manager tells. */
  readonly others: OtherProcesses = {
    broadcast: (...cursor) => this.#forward(...cursor),
    kick: (kick) => void this.parts.backplane.kick?.(kick),
  };
  /** Closes clients of this server; how many. */
  kick: (kick: Kick) => number | Promise<number> = () => 0;
  #clients!: ClusterClients;
  /** Cursors that were broadcast in this tick of the event loop. */
  #outgoing: PublishedCursor[] = [];
  #isQuiet = false;
  #downSinceMs: number | undefined;
  /** Cursors caught up with since the engine went away. */
  #caughtUp = 0;
  readonly #counts = {
    cursorsPublished: 0,
    batchesUnacknowledged: 0,
    cursorsReceived: 0,
    cursorsCaughtUp: 0,
    disconnects: 0,
  };

  constructor(private readonly parts: ClusterParts) {
    const { backplane, maxConnectionsPerNamespace, catchUpRate } = parts;
    this.slots = new NamespaceSlots(
      (namespace, count) => backplane.reserve(namespace, count, maxConnectionsPerNamespace),
      (namespace, count) => backplane.take?.(namespace, count, maxConnectionsPerNamespace) ?? false,
    );
    this.#catchUp = new CatchUp(
      catchUpRate,
      ({ affectedPrincipals, ...item }) => this.#clients.deliver([item])[0] ?? 0,
    );
  }

  /** Connects. What these clients are told elsewhere is forwarded to this. */
  start(clients: ClusterClients): void {
    this.#clients = clients;
    this.parts.backplane.start(this);
  }

  close(): Promise<void> {
    this.#catchUp.stop();
    return this.parts.backplane.close();
  }

  view(): ClusterView {
    const { size: catchingUp } = this.#catchUp;
    return { ...this.parts.backplane.view(), catchingUp, admittedUnchecked: this.slots.unchecked };
  }

  counts(): ClusterCounts {
    return { ...this.#counts };
  }

  /** Takes a cursor that this process has broadcast; those of one tick are published together. */
  #forward(
    cursor: string,
    namespace: string,
    reset: boolean,
    targeting: BroadcastTargeting | undefined,
  ): void {
    this.#catchUp.passedBy(namespace, cursor);
    if (this.#isQuiet) return;
    const problem = namespaceProblem(namespace) ?? cursorProblem(cursor);
    if (problem !== undefined) {
      this.parts.logger.warn(
        'A cursor was broadcast on this server only: expected it to be fit for the cluster',
        {
          problem,
        },
      );
      return;
    }
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush());
    const affectedPrincipals = principalsAsked(targeting);
    // Without those that cannot be sent, it goes to everybody.
    const isFor =
      affectedPrincipals.length === 0 || principalsProblem(affectedPrincipals) !== undefined
        ? {}
        : { affectedPrincipals };
    this.#outgoing.push({ namespace, cursor, reset, ...isFor });
  }

  /** Publishes a batch, and delivers it here at once, whatever becomes of it elsewhere. */
  async emit<Result>(
    items: readonly PublishedCursor[],
    deliver: () => Result,
  ): Promise<{ result: Result; outcome: PublishOutcome }> {
    const publishing = this.#publish(items);
    const result = this.#quietly(deliver);
    return { result, outcome: await publishing };
  }

  /** Publishes a batch, and delivers it here only when the engine has taken it. */
  async emitAcknowledged<Result>(
    items: readonly PublishedCursor[],
    monotonic: boolean,
    deliver: () => Result,
  ): Promise<{ result: Result | undefined; outcome: PublishOutcome }> {
    const outcome = await this.#publish(items, { monotonic, required: true });
    return { result: outcome.replicated ? this.#quietly(deliver) : undefined, outcome };
  }

  /** Publishes a batch that the caller delivers: at once, or with `required` or `monotonic` only when the engine has taken it. */
  async publish(items: readonly PublishedCursor[], options: PublishOptions = {}): Promise<PublishOutcome> {
    const isRequired = options.required === true || options.monotonic === true;
    if (!isRequired) this.#passBy(items);
    const outcome = await this.#publish(items, options);
    if (isRequired && outcome.replicated) this.#passBy(items);
    return outcome;
  }

  cursors(items: readonly ClusterCursor[], catchUp: boolean): readonly number[] | undefined {
    if (catchUp) {
      this.#caughtUp += items.length;
      this.#counts.cursorsCaughtUp += items.length;
      this.#catchUp.add(items);
      return undefined;
    }
    this.#counts.cursorsReceived += items.length;
    this.#passBy(items);
    return this.#clients.deliver(items);
  }

  /** Closes clients of the other processes; `undefined` where the backplane cannot. */
  async kickElsewhere(kick: Kick): Promise<KickOutcome | undefined> {
    return this.parts.backplane.kick?.(kick);
  }

  connections(): number {
    return this.#clients.connectionCount;
  }

  state(state: BackplaneState, why?: string): void {
    const { logger } = this.parts;
    if (state === 'down') {
      this.#downSinceMs = performance.now();
      this.#counts.disconnects += 1;
      this.#caughtUp = 0;
      logger.warn(
        `The engine of the cluster is away: cursors reach only the clients of this server until it is back (${why})`,
      );
    } else if (state === 'up' && this.#downSinceMs !== undefined) {
      const awayMs = performance.now() - this.#downSinceMs;
      this.#downSinceMs = undefined;
      logger.warn(
        `The engine of the cluster is back after ${formatDuration(awayMs)}: ${formatAmount(this.#caughtUp, 'cursor')} caught up`,
      );
    } else if (state === 'up') {
      logger.info('Connected to the cluster');
    }
  }

  /** What waits need not be sent where these go out. */
  #passBy(items: readonly Pick<ClusterCursor, 'namespace' | 'cursor'>[]): void {
    for (const { namespace, cursor } of items) this.#catchUp.passedBy(namespace, cursor);
  }

  #flush(): void {
    const items = this.#outgoing;
    this.#outgoing = [];
    void this.#publish(items);
  }

  async #publish(items: readonly PublishedCursor[], options?: PublishOptions): Promise<PublishOutcome> {
    this.#counts.cursorsPublished += items.length;
    const outcome = await this.parts.backplane.publish(items, options);
    if (!outcome.replicated && outcome.stale === undefined) this.#counts.batchesUnacknowledged += 1;
    return outcome;
  }

  #quietly<Result>(deliver: () => Result): Result {
    this.#isQuiet = true;
    try {
      return deliver();
    } finally {
      this.#isQuiet = false;
    }
  }
}
