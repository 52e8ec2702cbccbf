import { trustSystem } from '../../emit/system-certificates.js';
import { backoffMs } from '../../protocol/backoff.js';
import type { CursorMessage } from '../../protocol/server-message.js';
import { Upgrade } from '../../protocol/upgrade.js';
import { printable } from '../../text/printable.js';
import { monotonicMs, seededRandom, waitUntil } from '../measure/clock.js';
import {
  contains,
  cursorText,
  dueMs,
  type EmissionPlan,
  indexAt,
  namespaceAt,
} from '../measure/emission-plan.js';
import type { Fault, Sighting } from '../measure/evidence.js';
import { Histogram, type HistogramData } from '../measure/histogram.js';
import { ordinalsDueBefore, Reception } from '../measure/reception.js';
import { Tally } from '../measure/tally.js';
import { arrivalMs, type ConnectPhase, type EndsBy } from '../scenario/model.js';
import { BenchClient, type ClientHost, type CohortState, cohortState } from './bench-client.js';
import { badToken, tokenFor } from './credentials.js';
import { layoutOf, OUR_LAYOUT } from './message.js';
import type {
  ChurnOrder,
  FleetCalls,
  PingsOwed,
  SettleOrder,
  SettleReport,
  WorkerSetup,
  WorkerStatus,
} from './messages.js';
import { PlanState } from './plan-state.js';

/** A client that has just opened need not get cursors that were due up to this much later: they were in flight. */
const OPENING_MS = 250;
/** Nor one that leaves, those that were due less than this before. */
const LEAVING_MS = 5000;
/** One that the server ends has been sent all that went before: only what was on its way to the server is excused. */
const ENDED_BY_SERVER_MS = 1000;
/** From one look at whether everything has come to the next. */
const SETTLE_POLL_MS = 20;
/** How long a refusal takes to arrive behind its handshake. */
const REFUSAL_MS = 50;
/** How long a handshake of a client that comes back by itself, or churns, may take. */
const HANDSHAKE_MS = 10_000;
/** Characters of a cursor that are kept as evidence. */
const MAX_CURSOR_LENGTH = 64;
/** Characters of a message that is not a cursor. */
const MAX_TEXT_LENGTH = 120;
const DIGITS = /^\d+$/;

/** The clients of one worker process, and everything they measure. Knows nothing of processes. */
export class ClientFleet implements FleetCalls, ClientHost {
  readonly readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
  otherLayout = OUR_LAYOUT;
  #layoutsToLearn = 16;
  #setup!: WorkerSetup;
  #urls: { readonly url: URL; readonly upgrade: Upgrade }[] = [];
  #cohorts: CohortState[] = [];
  #clients: BenchClient[][] = [];
  readonly #plans: PlanState[] = [];
  #currentPlan: PlanState | undefined;
  #recentFanout = new Histogram();
  #failed = 0;
  #received = 0;
  /** Clients that wait to come back; empty once everybody has been told to end. */
  readonly #returning = new Map<BenchClient, NodeJS.Timeout>();
  readonly #departed = new WeakSet<BenchClient>();
  #isEnding = false;

  /** @param readLateMs for how long, at most, what is read at a time has been there to be read. */
  constructor(private readonly readLateMs: (atMs: number) => number = () => 0) {}

  setup(setup: WorkerSetup): void {
    this.#setup = setup;
    if (setup.tls === undefined && setup.urls.some((url) => url.startsWith('wss:'))) trustSystem();
    this.#urls = setup.urls.map((url) => ({
      url: new URL(url),
      upgrade: new Upgrade(url, setup.upgrade),
    }));
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

  // Phases.

  async connect(order: ConnectPhase & { readonly startMs: number }): Promise<void> {
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

  async churn({ cohort, startMs, ratePerSecond, durationMs, how }: ChurnOrder): Promise<void> {
    const mine = this.#clients[cohort] ?? [];
    if (mine.length === 0) return;
    const { worker, workers } = this.#setup;
    const ticks = Math.floor((durationMs / 1000) * ratePerSecond);
    const outcomes: Promise<void>[] = [];
    for (let tick = worker, turn = 0; tick < ticks && !this.#isEnding; tick += workers, turn++) {
      const intendedMs = startMs + (tick * 1000) / ratePerSecond;
      await waitUntil(intendedMs);
      const client = mine[turn % mine.length] as BenchClient;
      if (client.isOpen) outcomes.push(client.end(how));
      else {
        if (client.state === 'dead') client.abandon();
        if (client.isIdle) outcomes.push(this.#connect(client, intendedMs, HANDSHAKE_MS));
      }
    }
    await Promise.all(outcomes);
    await sleep(REFUSAL_MS);
  }

  async disconnect({
    cohort,
    how,
    fraction,
  }: {
    cohort: number;
    how: EndsBy;
    fraction: number;
  }): Promise<void> {
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
    this.#currentPlan = new PlanState(plan);
    this.#plans.push(this.#currentPlan);
  }

  async settle(order: SettleOrder): Promise<SettleReport> {
    const state = this.#plans.find(({ plan }) => plan.id === order.plan);
    if (state === undefined) throw new Error(`plan ${order.plan} is not known`);
    state.finish(order);
    const hasConverged = await this.#settle(state, order.deadlineMs, false);
    for (const { reception, final, client } of state.ended)
      this.#noteLost(client, state, state.sealUpTo(final, reception, client.cohort.tally));
    state.ended.length = 0;
    const receivers = this.#receiversOf(state, false).length;
    return { spread: state.spread.toData(), lastReceiptMs: state.lastReceiptMs, hasConverged, receivers };
  }

  async settleSlow({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    await Promise.all(
      this.#plans.filter(({ isOver }) => isOver).map((state) => this.#settle(state, deadlineMs, true)),
    );
  }

  /** Waits for the receivers of a plan, the slow ones or the others, and settles their accounts. */
  async #settle(state: PlanState, deadlineMs: number, slow: boolean): Promise<boolean> {
    const pending = this.#receiversOf(state, slow);
    let isLastLook = false;
    while (pending.length > 0) {
      for (let index = pending.length - 1; index >= 0; index--) {
        const { client, reception } = pending[index] as { client: BenchClient; reception: Reception };
        if (client.isOpen && !state.isComplete(reception)) continue;
        pending[index] = pending.at(-1) as (typeof pending)[number];
        pending.pop();
      }
      if (pending.length === 0 || isLastLook) break;
      // What is there when the time is up has come in time, even where this process is too busy to have read it.
      isLastLook = this.now() >= deadlineMs;
      await sleep(SETTLE_POLL_MS);
    }
    for (const { client, reception } of this.#receiversOf(state, slow)) {
      const lost = state.seal({ reception, tally: client.cohort.tally, isReading: client.isReading });
      this.#noteLost(client, state, lost);
    }
    return pending.length === 0;
  }

  /** The open clients that a plan is for. */
  #receiversOf(state: PlanState, slow: boolean): { client: BenchClient; reception: Reception }[] {
    const found: { client: BenchClient; reception: Reception }[] = [];
    for (const [index, clients] of this.#clients.entries()) {
      if ((this.#cohorts[index]?.behavior.reads === 'slowly') !== slow) continue;
      for (const client of clients) {
        if (!client.isOpen || !client.isMember || !state.turns.has(client.namespace)) continue;
        found.push({ client, reception: this.#receptionOf(client, state) });
      }
    }
    return found;
  }

  cut() {
    const tallies = this.#cohorts.map((state) => {
      const data = state.tally.toData();
      state.tally = new Tally();
      return data;
    });
    const unpinged = this.#clients.map(
      (clients) => clients.filter(({ isOpen, wasPinged }) => isOpen && !wasPinged).length,
    );
    const owed = this.#clients.map((clients) => this.#pingsOwed(clients));
    return { tallies, open: this.#cohorts.map((state) => state.open), unpinged, owed };
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
    const everybody = this.#clients.flat();
    await Promise.all(everybody.map((client) => client.end('close')));
    for (const client of everybody) client.abandon();
  }

  /** Fan-out latencies since the last time. */
  takeRecentFanout(): HistogramData {
    const recent = this.#recentFanout.toData();
    if (recent.count > 0) this.#recentFanout = new Histogram();
    return recent;
  }

  status(): Omit<WorkerStatus, 'health' | 'fanout'> {
    return { open: this.#cohorts.map((state) => state.open), failed: this.#failed, received: this.#received };
  }

  // Connecting.

  async #connect(client: BenchClient, intendedMs: number, timeoutMs: number): Promise<void> {
    const { urls, localAddresses, namespaces, credentials, upgrade, tls } = this.#setup;
    const { cohort, behavior } = client.cohort;
    const holder = {
      namespace: namespaces[client.namespace] as string,
      namespaceIndex: client.namespace,
      cohort: cohort.name,
      index: client.index,
    };
    await client.connect({
      ...(this.#urls[client.index % urls.length] as { url: URL; upgrade: Upgrade }),
      localAddress: localAddresses[Math.floor(client.index / urls.length) % localAddresses.length],
      token: {
        own: () => tokenFor(credentials, holder),
        bad: () => badToken(upgrade.tokenVia),
        none: () => undefined,
      }[behavior.token](),
      clientId: `bench-${cohort.name}-${client.index}`,
      intendedMs,
      timeoutMs,
      ...(tls === undefined ? {} : { tls }),
    });
    // One that opened and was ended since has been counted.
    if (client.state === 'ended' && client.failures > 0) this.#failed += 1;
    if (!client.isOpen) this.#comeBack(client);
  }

  /** A client that reconnects waits as DataFn's does, and tries again. */
  #comeBack(client: BenchClient): void {
    const { behavior, cohort } = client.cohort;
    const isWanted = behavior.reconnects && !this.#isEnding && !this.#departed.has(client);
    if (!isWanted || this.#returning.has(client)) return;
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

  // What the clients report.

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

  onCursor(client: BenchClient, cursor: number, length: number, atMs: number, text?: string): void {
    this.#received += 1;
    const { tally } = client.cohort;
    const state = this.#planOf(cursor);
    // The same number in other digits (`042`) is not what was emitted. A JSON number has no digits of its own.
    if (
      state === undefined ||
      (length > 0 && length !== state.lengthOf(cursor)) ||
      (text !== undefined && !DIGITS.test(text))
    ) {
      tally.counters.foreign += 1;
      this.#noteForeign(client, cursor, length, atMs, text);
      return;
    }
    const { plan } = state;
    tally.counters.received += 1;
    const index = cursor - plan.firstCursor;
    if (namespaceAt(plan, index) !== client.namespace) {
      tally.counters.leaked += 1;
      this.#noteLeaked(client, plan, index, atMs);
      return;
    }
    const reception = this.#receptionOf(client, state);
    const fault = reception.receive(index, tally);
    if (fault !== undefined) this.#noteEarlier(fault, client, reception, index, atMs);
    if (atMs > state.lastReceiptMs) state.lastReceiptMs = atMs;
    // What a slow reader gets late is its own doing.
    if (!plan.isOrdered || client.cohort.behavior.reads !== 'all') return;
    const latencyMs = atMs - dueMs(plan, index);
    tally.histograms.fanout.record(latencyMs);
    this.#recentFanout.record(latencyMs);
    state.spread.record(index, atMs);
  }

  onOtherLayout(text: string, { text: digits }: CursorMessage): void {
    // Where every message has a layout of its own, it is not worth the time.
    if (this.#layoutsToLearn === 0 || digits === undefined || !DIGITS.test(digits)) return;
    this.#layoutsToLearn -= 1;
    this.otherLayout = layoutOf(text, digits) ?? this.otherLayout;
  }

  onOtherMessage(client: BenchClient, kind: string, atMs: number, text: () => string | undefined): void {
    const { namespaces, startMs } = this.#setup;
    client.cohort.tally.otherMessages.note(shownText(kind, MAX_TEXT_LENGTH), atMs - startMs, () => {
      const beginning = text();
      return {
        client: client.index,
        namespace: namespaces[client.namespace] as string,
        ...(beginning === undefined ? {} : { text: shownText(beginning, MAX_TEXT_LENGTH) }),
      };
    });
  }

  onProtocolError(client: BenchClient, breach: string): void {
    this.#note('protocolErrors', client, this.now(), () => ({ breach }));
  }

  onEnd(client: BenchClient): void {
    const isByServer = client.state === 'ended';
    if (isByServer) this.#failed += 1;
    const isSlow = client.cohort.behavior.reads === 'slowly';
    // An end that was read late was not as late as that.
    const inFlightMs = isByServer ? ENDED_BY_SERVER_MS + this.lateMs() : LEAVING_MS;
    for (const state of this.#plans) {
      const isSettled = state.isOver && !isSlow;
      if (isSettled || !client.isMember || !state.turns.has(client.namespace)) continue;
      const reception = this.#receptionOf(client, state);
      // A slow reader finds its end behind all that it had not read yet, or leaves without it: when the server sent it
      // its last cursor, nobody knows.
      const due =
        state.plan.isOrdered && !isSlow
          ? ordinalsDueBefore(state.plan, reception.turn, client.endedAtMs - inFlightMs)
          : 0;
      const final = Math.max(reception.next, due);
      if (state.isOver) {
        this.#noteLost(client, state, state.sealUpTo(reception.next, reception, client.cohort.tally));
      } else state.ended.push({ reception, final, client });
    }
    client.reception = undefined;
    client.otherReceptions = undefined;
    this.#comeBack(client);
  }

  // Evidence: what closures of `onCursor` captured would be allocated with every delivery, so it has none.

  #note(fault: Fault, client: BenchClient, atMs: number, tell: () => Partial<Sighting>): void {
    const { namespaces, startMs } = this.#setup;
    client.cohort.tally.evidence.note(fault, atMs - startMs, () => ({
      client: client.index,
      namespace: namespaces[client.namespace] as string,
      ...tell(),
    }));
  }

  #noteForeign(client: BenchClient, cursor: number, length: number, atMs: number, text?: string): void {
    this.#note('foreign', client, atMs, () => foreignCursor(cursor, length, text));
  }

  #noteLeaked(client: BenchClient, plan: EmissionPlan, index: number, atMs: number): void {
    this.#note('leaked', client, atMs, () => ({
      cursor: shownCursor(plan, index),
      emittedTo: this.#setup.namespaces[namespaceAt(plan, index)] as string,
    }));
  }

  /** One that came again, or after a newer one. */
  #noteEarlier(
    fault: 'duplicated' | 'reordered',
    client: BenchClient,
    { plan, turn, next }: Reception,
    index: number,
    atMs: number,
  ): void {
    this.#note(fault, client, atMs, () => ({
      cursor: shownCursor(plan, index),
      ...(fault === 'reordered' ? { after: shownCursor(plan, indexAt(plan, turn, next - 1)) } : {}),
    }));
  }

  /** Keeps the cursor that a client has lost first, if it has lost any. */
  #noteLost(client: BenchClient, { plan, turns }: PlanState, ordinal: number | undefined): void {
    if (ordinal === undefined) return;
    const index = indexAt(plan, turns.get(client.namespace) as number, ordinal);
    // Connections that race to emit follow no schedule.
    const atMs = plan.isOrdered ? dueMs(plan, index) : plan.startMs;
    this.#note('lost', client, atMs, () => ({ cursor: shownCursor(plan, index) }));
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
    const conflates = client.cohort.behavior.reads === 'slowly';
    const reception = new Reception(state.plan, turn, firstExpected(state.plan, turn, client), conflates);
    if (client.reception !== undefined) {
      client.otherReceptions = [client.reception, ...(client.otherReceptions ?? [])];
      // What was settled long ago tells nothing any more; a slow reader's accounts are settled last of all.
      if (!conflates) client.otherReceptions.length = Math.min(client.otherReceptions.length, 3);
    }
    client.reception = reception;
    return reception;
  }
}

/**
 * How long a client may wait for a ping: an interval and a half, and a second. A client that has not been pinged by
 * then was left out.
 */
function pingLimitMs(intervalMs = 0): number {
  return intervalMs === 0 ? Number.POSITIVE_INFINITY : 1.5 * intervalMs + 1000;
}

/** A cursor of a plan as evidence has it: the zeros in front of a long one are left out. */
function shownCursor(plan: EmissionPlan, index: number): string {
  const text = cursorText(plan, index);
  return text.length > MAX_CURSOR_LENGTH ? String(plan.firstCursor + index) : text;
}

/** A cursor that bench did not emit, as it came; nothing for one that is too long. */
function foreignCursor(cursor: number, length: number, text: string | undefined): Pick<Sighting, 'cursor'> {
  if (length > MAX_CURSOR_LENGTH) return {};
  if (text !== undefined) return { cursor: shownText(text, MAX_CURSOR_LENGTH) };
  return Number.isSafeInteger(cursor) ? { cursor: String(cursor).padStart(length, '0') } : {};
}

/** Text from outside, fit for every report. */
function shownText(text: string, maxLength: number): string {
  return printable(text.slice(0, maxLength).toWellFormed()) + (text.length > maxLength ? '…' : '');
}

/** The first ordinal that a client must get, given when it came. */
function firstExpected(plan: EmissionPlan, turn: number, client: BenchClient): number {
  if (client.openedAtMs < plan.startMs) return 0;
  return plan.isOrdered
    ? ordinalsDueBefore(plan, turn, client.openedAtMs + OPENING_MS)
    : Number.POSITIVE_INFINITY;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
