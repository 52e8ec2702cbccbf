import { monotonicMs } from '../measure/clock.js';
import { contains, countFor, dueMs, type EmissionPlan, namespaceAt } from '../measure/emission-plan.js';
import { ordinalsDueBefore, Reception } from '../measure/reception.js';
import { Spread } from '../measure/skew.js';
import { Tally } from '../measure/tally.js';
import { BenchClient, type ClientHost, type CohortState, cohortState } from './bench-client.js';
import type { FleetCalls, SettleOrder, WorkerSetup, WorkerStatus } from './messages.js';

/** A client that has just opened need not get cursors that were due up to this much later: they were in flight. */
const OPENING_MS = 250;
/** Nor one that has ended, those that were due less than this before. */
const CLOSING_MS = 5000;
/** From one look at whether everything has come to the next. */
const SETTLE_POLL_MS = 20;
/** How long a refusal takes to arrive behind its handshake. */
const REFUSAL_MS = 50;
/** How long clients that leave have for the closing handshake. */
const LEAVE_MS = 5000;

interface PlanState {
  readonly plan: EmissionPlan;
  /** Namespace index to whose turn it is. */
  readonly turns: ReadonlyMap<number, number>;
  readonly spread: Spread;
  lastReceiptMs: number;
  isSettled: boolean;
  /** Receptions of connections that have ended, and up to where they had to get cursors. */
  readonly ended: { reception: Reception; final: number; cohort: CohortState }[];
}

/** The clients of one worker process, and everything they measure. Knows nothing of processes. */
export class ClientFleet implements FleetCalls, ClientHost {
  readonly readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
  #setup!: WorkerSetup;
  #urls: URL[] = [];
  #cohorts: CohortState[] = [];
  #clients: BenchClient[][] = [];
  readonly #plans: PlanState[] = [];
  #currentPlan: PlanState | undefined;
  #failed = 0;
  #received = 0;

  now(): number {
    return monotonicMs();
  }

  setup(setup: WorkerSetup): void {
    this.#setup = setup;
    this.#urls = setup.urls.map((url) => new URL(url));
    this.#cohorts = setup.cohorts.map((cohort) => cohortState(cohort, new Tally()));
    this.#clients = this.#cohorts.map((state) => {
      const { clients, namespaces } = state.cohort;
      const mine: BenchClient[] = [];
      for (let index = setup.worker; index < clients; index += setup.workers) {
        mine.push(new BenchClient(this, state, index, namespaces[index % namespaces.length] as number));
      }
      return mine;
    });
  }

  async connect(order: {
    cohort: number;
    startMs: number;
    ratePerSecond: number;
    timeoutMs: number;
  }): Promise<void> {
    const outcomes: Promise<void>[] = [];
    for (const client of this.#clients[order.cohort] ?? []) {
      if (client.state !== 'idle' && client.state !== 'ended') continue;
      const intendedMs = order.startMs + (client.index * 1000) / order.ratePerSecond;
      const wait = intendedMs - this.now();
      if (wait > 0) await sleep(wait);
      outcomes.push(this.#connect(client, intendedMs, order.timeoutMs));
    }
    await Promise.all(outcomes);
    // A refusal is a close frame right behind the handshake: let it arrive in the phase that it belongs to.
    await sleep(REFUSAL_MS);
  }

  #connect(client: BenchClient, intendedMs: number, timeoutMs: number): Promise<void> {
    const { urls, localAddresses, namespaces } = this.#setup;
    const { cohort, behavior } = client.cohort;
    return client.connect({
      url: this.#urls[client.index % urls.length] as URL,
      localAddress: localAddresses[Math.floor(client.index / urls.length) % localAddresses.length],
      token: behavior.token === 'own' ? namespaces[client.namespace] : undefined,
      clientId: `bench-${cohort.name}-${client.index}`,
      intendedMs,
      timeoutMs,
    });
  }

  expectPlan(plan: EmissionPlan): void {
    this.#currentPlan = {
      plan,
      turns: new Map(plan.namespaces.map((namespace, turn) => [namespace, turn])),
      spread: new Spread(),
      lastReceiptMs: 0,
      isSettled: false,
      ended: [],
    };
    this.#plans.push(this.#currentPlan);
  }

  async settle(order: SettleOrder) {
    const state = this.#plans.find(({ plan }) => plan.id === order.plan);
    if (state === undefined) throw new Error(`plan ${order.plan} is not known`);
    const account = new PlanAccount(state.plan, order);
    const pending = [...this.#listeners(state)];
    while (pending.length > 0) {
      // From the back, so that whoever is complete is looked at once.
      for (let index = pending.length - 1; index >= 0; index--) {
        const { client, reception } = pending[index] as { client: BenchClient; reception: Reception };
        if (client.isOpen && !account.isComplete(reception)) continue;
        pending[index] = pending.at(-1) as (typeof pending)[number];
        pending.pop();
      }
      if (pending.length === 0 || this.now() >= order.deadlineMs) break;
      await sleep(SETTLE_POLL_MS);
    }
    for (const { client, reception } of this.#listeners(state)) account.seal(reception, client.cohort.tally);
    for (const { reception, final, cohort } of state.ended) account.seal(reception, cohort.tally, final);
    state.ended.length = 0;
    state.isSettled = true;
    return { spread: state.spread.toData(), lastReceiptMs: state.lastReceiptMs };
  }

  /** The open clients that a plan is for. */
  *#listeners(state: PlanState): Generator<{ client: BenchClient; reception: Reception }> {
    for (const clients of this.#clients) {
      for (const client of clients) {
        if (!client.isOpen || !state.turns.has(client.namespace)) continue;
        yield { client, reception: this.#receptionOf(client, state) };
      }
    }
  }

  async disconnect(order: { cohort: number }): Promise<void> {
    await Promise.all((this.#clients[order.cohort] ?? []).map((client) => client.leave(LEAVE_MS)));
  }

  cut() {
    const tallies = this.#cohorts.map((state) => {
      const data = state.tally.toData();
      state.tally = new Tally();
      return data;
    });
    return { tallies };
  }

  async end() {
    const stillOpen = this.#cohorts.map((state) => state.open);
    const everybody = this.#clients.flat();
    await Promise.all(everybody.map((client) => client.leave(LEAVE_MS)));
    for (const client of everybody) client.abandon();
    return { stillOpen };
  }

  status(): Omit<WorkerStatus, 'health'> {
    return { open: this.#cohorts.map((state) => state.open), failed: this.#failed, received: this.#received };
  }

  // What the clients report.

  onOpen(): void {}

  onCursor(client: BenchClient, cursor: number, atMs: number): void {
    this.#received += 1;
    const { tally } = client.cohort;
    const state = this.#planOf(cursor);
    if (state === undefined) {
      tally.counters.foreign += 1;
      return;
    }
    const { plan } = state;
    tally.counters.received += 1;
    const index = cursor - plan.firstCursor;
    if (namespaceAt(plan, index) !== client.namespace) {
      tally.counters.leaked += 1;
      return;
    }
    this.#receptionOf(client, state).receive(index, tally);
    if (atMs > state.lastReceiptMs) state.lastReceiptMs = atMs;
    if (!plan.isOrdered) return;
    tally.histograms.fanout.record(atMs - dueMs(plan, index));
    state.spread.record(index, atMs);
  }

  onEnd(client: BenchClient): void {
    this.#failed += client.state === 'leaving' ? 0 : 1;
    for (const state of this.#plans) {
      if (state.isSettled || !state.turns.has(client.namespace)) continue;
      const reception = this.#receptionOf(client, state);
      const due = state.plan.isOrdered
        ? ordinalsDueBefore(state.plan, reception.turn, client.endedAtMs - CLOSING_MS)
        : 0;
      state.ended.push({ reception, final: Math.max(reception.next, due), cohort: client.cohort });
    }
    client.reception = undefined;
    client.otherReceptions = undefined;
  }

  #planOf(cursor: number): PlanState | undefined {
    if (this.#currentPlan !== undefined && contains(this.#currentPlan.plan, cursor)) return this.#currentPlan;
    return this.#plans.find(({ plan }) => contains(plan, cursor));
  }

  #receptionOf(client: BenchClient, state: PlanState): Reception {
    if (client.reception?.plan === state.plan) return client.reception;
    const other = client.otherReceptions?.find(({ plan }) => plan === state.plan);
    if (other !== undefined) return other;
    const turn = state.turns.get(client.namespace) as number;
    const reception = new Reception(state.plan, turn, firstExpected(state.plan, turn, client), false);
    if (client.reception !== undefined) {
      // Kept while it can still be filled; a settled one of long ago tells nothing any more.
      client.otherReceptions = [client.reception, ...(client.otherReceptions ?? [])].slice(0, 3);
    }
    client.reception = reception;
    return reception;
  }
}

/** The first ordinal that a client must get, given when it came. */
function firstExpected(plan: EmissionPlan, turn: number, client: BenchClient): number {
  const from = client.openedAtMs + OPENING_MS;
  if (client.openedAtMs < plan.startMs) return 0;
  return plan.isOrdered ? ordinalsDueBefore(plan, turn, from) : Number.POSITIVE_INFINITY;
}

/** What of a plan was really emitted, by whose turn it was. */
class PlanAccount {
  readonly #failedByTurn = new Map<number, Set<number>>();
  readonly #none: ReadonlySet<number> = new Set();

  constructor(
    private readonly plan: EmissionPlan,
    private readonly order: SettleOrder,
  ) {
    for (const index of order.failed) {
      const turn = Math.floor(index / plan.batch) % plan.namespaces.length;
      const ordinals = this.#failedByTurn.get(turn) ?? new Set();
      const request = Math.floor(index / plan.batch);
      ordinals.add(Math.floor(request / plan.namespaces.length) * plan.batch + (index % plan.batch));
      this.#failedByTurn.set(turn, ordinals);
    }
  }

  #final(turn: number): number {
    return countFor(this.plan, turn, this.order.emitted);
  }

  #failed(turn: number): ReadonlySet<number> {
    return this.#failedByTurn.get(turn) ?? this.#none;
  }

  isComplete(reception: Reception): boolean {
    return reception.isComplete(this.#final(reception.turn), this.#failed(reception.turn));
  }

  seal(reception: Reception, tally: Tally, final = this.#final(reception.turn)): void {
    reception.seal(Math.min(final, this.#final(reception.turn)), this.#failed(reception.turn), tally);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
