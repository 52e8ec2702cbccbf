import { trustSystem } from '../../emit/system-certificates.js';
import { backoffMs } from '../../protocol/backoff.js';
import { Upgrade } from '../../protocol/upgrade.js';
import { BEHAVIORS } from '../behaviors/behaviors.js';
import { monotonicMs, seededRandom, waitUntil } from '../measure/clock.js';
import { DeliveryLedger, type PlanAccount } from '../measure/delivery-ledger.js';
import type { EmissionPlan } from '../measure/emission-plan.js';
import type { HistogramData } from '../measure/histogram.js';
import { Tally } from '../measure/tally.js';
import { arrivalMs } from '../model/scenario.js';
import type { PulledChanges, PullOrder, PullReport, PushedChange, PushOrder } from '../pulls/pull-fleet.js';
import { BenchClient, type ClientHost } from './bench-client.js';
import { churnTurns } from './churn-turns.js';
import { badToken, tokenFor } from './credentials.js';
import type { CohortState } from './inbox.js';
import type {
  ChurnOrder,
  ConnectOrder,
  ConvergeOrder,
  ConvergeReport,
  DisconnectOrder,
  FleetCalls,
  FleetCounts,
  PingsOwed,
  SettleOrder,
  SettleReport,
  WorkerSetup,
  WorkerStatus,
} from './messages.js';
import { nodeOfClient } from './node-of-client.js';
import { holderOf, PullingCohorts } from './pulling-cohorts.js';
import { Stragglers } from './stragglers.js';
import { CursorLayouts } from './wire.js';

/** Cursors that were due less than this before a client left were in flight: it need not have them. */
const LEAVING_MS = 5000;
/** The same for one that the server ended: it sends what came before, so only what was on its way to it is excused. */
const ENDED_BY_SERVER_MS = 1000;
/** From one look at whether everything has come to the next. */
const SETTLE_POLL_MS = 20;
/** How long a refusal takes to arrive behind its handshake. */
const REFUSAL_MS = 50;
/** How long a handshake of a client that comes back by itself, or churns, may take. */
const HANDSHAKE_MS = 10_000;
/** The clients of one worker process: when each connects, leaves and comes back. Knows nothing of processes. */
export class ClientFleet implements FleetCalls, ClientHost {
  readonly readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
  readonly layouts = new CursorLayouts();
  ledger = new DeliveryLedger([], 0);
  #stragglers!: Stragglers;
  #setup!: WorkerSetup;
  #urls: { readonly url: URL; readonly upgrade: Upgrade }[] = [];
  #cohorts: CohortState[] = [];
  #clients: BenchClient[][] = [];
  #pulling!: PullingCohorts;
  #failed = 0;
  #attempts = 0;
  /** Clients that wait to reconnect; empty once the fleet ends. */
  readonly #returning = new Map<BenchClient, NodeJS.Timeout>();
  readonly #departed = new WeakSet<BenchClient>();
  #isEnding = false;

  /** @param readLateMs for how long, at most, what is read at a time has been there to be read. */
  constructor(private readonly readLateMs: (atMs: number) => number = () => 0) {}

  setup(setup: WorkerSetup): void {
    this.#setup = setup;
    this.ledger = new DeliveryLedger(setup.namespaces, setup.startMs);
    const isReturning = (client: BenchClient) => client.joinedAtMs > 0 && this.#mayReturn(client);
    this.#stragglers = new Stragglers(this.ledger.newest, isReturning, () => this.now());
    this.#pulling = new PullingCohorts(setup, () => this.now());
    if (setup.tls === undefined && setup.urls.some((url) => url.startsWith('wss:'))) trustSystem();
    this.#urls = setup.urls.map((url) => ({
      url: new URL(url),
      upgrade: new Upgrade(url, setup.upgrade),
    }));
    this.#cohorts = setup.cohorts.map((cohort) => ({
      cohort,
      behavior: BEHAVIORS[cohort.behavior],
      tally: new Tally(),
      open: 0,
    }));
    this.#clients = this.#cohorts.map((state) => {
      const { clients, namespaces } = state.cohort;
      const mine: BenchClient[] = [];
      for (let index = setup.worker; index < clients; index += setup.workers) {
        mine.push(new BenchClient(this, state, index, namespaces[index % namespaces.length] as number));
      }
      return mine;
    });
  }

  // Phases.

  async connect(order: ConnectOrder): Promise<void> {
    const outcomes: Promise<void>[] = [];
    for (const client of this.#clients[order.cohort] ?? []) {
      if (!client.isIdle) continue;
      this.#departed.delete(client);
      const intendedMs =
        order.startMs + arrivalMs(order.arrivals, client.cohort.cohort.clients, client.index);
      await waitUntil(intendedMs);
      outcomes.push(this.#connect(client, intendedMs, order.timeoutMs));
    }
    await Promise.all(outcomes);
    // A refusal is a close frame right behind the handshake: let it arrive in the phase that it belongs to.
    await sleep(REFUSAL_MS);
  }

  async churn(order: ChurnOrder): Promise<void> {
    const { cohort, startMs, how } = order;
    const mine = this.#clients[cohort] ?? [];
    if (mine.length === 0) return;
    const { worker, workers, seed } = this.#setup;
    const outcomes: Promise<void>[] = [];
    for (const { at, client: index, what } of churnTurns(order, mine, worker, workers, seed)) {
      if (this.#isEnding) break;
      const intendedMs = startMs + at;
      await waitUntil(intendedMs);
      const client = mine[index] as BenchClient;
      if (client.isOpen && what !== 'come') outcomes.push(client.end(how));
      else if (!client.isOpen && what !== 'go') {
        if (client.state === 'dead') client.abandon();
        if (client.isIdle) outcomes.push(this.#connect(client, intendedMs, HANDSHAKE_MS));
      }
    }
    await Promise.all(outcomes);
    await sleep(REFUSAL_MS);
  }

  async disconnect({ cohort, how, fraction }: DisconnectOrder): Promise<void> {
    const leaving = (this.#clients[cohort] ?? []).filter(
      ({ index, cohort: { cohort: description } }) => index < Math.round(description.clients * fraction),
    );
    await Promise.all(
      leaving.map((client) => {
        this.#departed.add(client);
        return client.end(how);
      }),
    );
  }

  expectPlan(plan: EmissionPlan): void {
    this.ledger.expect(plan);
  }

  async settle({ plan, emitted, failed, deadlineMs }: SettleOrder): Promise<SettleReport> {
    const account = this.ledger.finish(plan, emitted, failed);
    const hasConverged = await this.#settle(account, deadlineMs, false);
    this.ledger.settleEnded(account);
    return {
      skew: account.skew.toData(),
      lastReceiptMs: account.lastReceiptMs,
      hasConverged,
      receivers: this.#receiversOf(account, false).length,
    };
  }

  async settleSlow({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    await Promise.all(this.ledger.finished.map((account) => this.#settle(account, deadlineMs, true)));
  }

  /** Waits for the receivers of a plan, the slow ones or the others, and settles their accounts. */
  async #settle(account: PlanAccount, deadlineMs: number, slow: boolean): Promise<boolean> {
    const pending = this.#receiversOf(account, slow);
    let isLastLook = false;
    while (pending.length > 0) {
      for (let index = pending.length - 1; index >= 0; index--) {
        const client = pending[index] as BenchClient;
        if (client.isOpen && !account.isComplete(client)) continue;
        pending[index] = pending.at(-1) as BenchClient;
        pending.pop();
      }
      if (pending.length === 0 || isLastLook) break;
      // What is there when the time is up has come in time, even where this process is too busy to have read it.
      isLastLook = this.now() >= deadlineMs;
      await sleep(SETTLE_POLL_MS);
    }
    this.ledger.settle(account, this.#receiversOf(account, slow));
    return pending.length === 0;
  }

  /** The open clients that a plan is for. */
  #receiversOf({ slots }: PlanAccount, slow: boolean): BenchClient[] {
    return this.#clients.flatMap((clients, index) =>
      (this.#cohorts[index]?.behavior.reads === 'slowly') === slow
        ? clients.filter(({ isOpen, isMember, namespace }) => isOpen && isMember && slots.has(namespace))
        : [],
    );
  }

  converge(order: ConvergeOrder): Promise<ConvergeReport> {
    return this.#stragglers.converge(this.#clients.flat(), order);
  }

  startPulls(order: PullOrder): Promise<void> {
    return this.#pulling.start(order, this.#clients[order.cohort] ?? []);
  }

  push(order: PushOrder): Promise<readonly PushedChange[]> {
    return this.#pulling.push(order, this.#clients[order.cohort] ?? []);
  }

  settlePulls(order: PulledChanges): Promise<PullReport> {
    return this.#pulling.settle(order);
  }

  takeCounts(): FleetCounts {
    const tallies = this.#cohorts.map((state) => {
      const data = state.tally.toData();
      state.tally = new Tally();
      return data;
    });
    const unpinged = this.#clients.map(
      (clients) => clients.filter(({ isOpen, wasPinged }) => isOpen && !wasPinged).length,
    );
    const owed = this.#clients.map((clients) => this.#pingsOwed(clients));
    const behind = this.#clients.map((clients) => this.#stragglers.count(clients));
    return { tallies, open: this.#cohorts.map((state) => state.open), unpinged, owed, behind };
  }

  /** Clients that must have got a ping by now, and those of them that wait for one longer than they should. */
  #pingsOwed(clients: readonly BenchClient[]): PingsOwed {
    const limitMs = pingLimitMs(this.#setup.heartbeatIntervalMs);
    const now = this.now();
    const owed = clients.filter(
      ({ isOpen, isMember, openedAtMs, cohort: { behavior } }) =>
        isOpen && isMember && behavior.reads === 'all' && now - openedAtMs > limitMs,
    );
    return { pings: owed.length, overdue: owed.filter(({ unpingedMs }) => unpingedMs > limitMs).length };
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    for (const timer of this.#returning.values()) clearTimeout(timer);
    this.#returning.clear();
    const clients = this.#clients.flat();
    await Promise.all(clients.map((client) => client.end('close')));
    for (const client of clients) client.abandon();
  }

  /** Fan-out latencies since the last time. */
  takeRecentFanout(): HistogramData {
    return this.ledger.takeRecentFanout();
  }

  status(): Omit<WorkerStatus, 'health' | 'fanout'> {
    const open = this.#cohorts.map((state) => state.open);
    return { open, failed: this.#failed, attempts: this.#attempts, received: this.ledger.received };
  }

  // Connecting.

  async #connect(client: BenchClient, intendedMs: number, timeoutMs: number): Promise<void> {
    const { urls, localAddresses, credentials, upgrade, tls, shards = 1 } = this.#setup;
    const { cohort, behavior } = client.cohort;
    this.#attempts += 1;
    const node = nodeOfClient(client.index, cohort.namespaces.length, client.losses, urls.length);
    await client.connect({
      ...(this.#urls[node] as { url: URL; upgrade: Upgrade }),
      localAddress: localAddresses[Math.floor(client.index / (urls.length * shards)) % localAddresses.length],
      token: {
        own: () => tokenFor(credentials, holderOf(client, this.#setup.namespaces)),
        bad: () => badToken(upgrade.tokenVia),
        none: () => undefined,
      }[behavior.token](),
      clientId: `bench-${cohort.name}-${client.index}`,
      intendedMs,
      timeoutMs,
      tls,
    });
    // One that opened and was ended since has been counted.
    if (client.state === 'ended' && client.failures > 0) this.#failed += 1;
    if (!client.isOpen) this.#comeBack(client);
  }

  #mayReturn(client: BenchClient): boolean {
    return client.cohort.behavior.reconnects && !this.#isEnding && !this.#departed.has(client);
  }

  /** A client that reconnects waits as DataFn's does, and tries again. */
  #comeBack(client: BenchClient): void {
    const { cohort } = client.cohort;
    if (!this.#mayReturn(client) || this.#returning.has(client)) return;
    const delayMs = backoffMs(
      Math.max(0, client.failures - 1),
      client.random(),
      cohort.settings.backoffScale,
    );
    const timer = setTimeout(() => {
      this.#returning.delete(client);
      if (client.isIdle) void this.#connect(client, this.now(), HANDSHAKE_MS);
      else this.#comeBack(client);
    }, delayMs);
    this.#returning.set(client, timer);
  }

  // What the clients ask for and report.

  now(): number {
    return monotonicMs();
  }

  lateMs(): number {
    return this.readLateMs(this.now());
  }

  random(client: BenchClient, draw: number): number {
    const cohort = this.#cohorts.indexOf(client.cohort);
    return seededRandom(this.#setup.seed, cohort * 1_000_003 + client.index, draw);
  }

  onEnd(client: BenchClient): void {
    const isByServer = client.state === 'ended';
    if (isByServer) this.#failed += 1;
    // An end that was read late was not as late as that.
    const inFlightMs = isByServer ? ENDED_BY_SERVER_MS + this.lateMs() : LEAVING_MS;
    this.ledger.ended(client, client.endedAtMs - inFlightMs);
    this.#comeBack(client);
  }
}

/**
 * How long a client may wait for a ping: an interval and a half, and a second. A client that has not been pinged by
 * then was left out.
 */
function pingLimitMs(intervalMs = 0): number {
  return intervalMs === 0 ? Number.POSITIVE_INFINITY : 1.5 * intervalMs + 1000;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
