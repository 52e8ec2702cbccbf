import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatafnWsError, messageOf } from '../protocol/errors.js';
import { formatAmount } from '../text/units.js';
import { BEHAVIORS } from './behaviors/behaviors.js';
import { driveWithAutocannon, racingPlan } from './emitter/autocannon.js';
import { type Emitted, emitPlan, orderedPlan } from './emitter/emitter.js';
import { GeneratorHealth, machineCpu, shareOfOthers } from './fleet/generator-health.js';
import type { FleetCalls, WorkerStatus } from './fleet/messages.js';
import { type Layout, machineLimits, planLayout } from './fleet/preflight.js';
import { WorkerPool } from './fleet/worker-pool.js';
import { monotonicMs } from './measure/clock.js';
import { dueMs, type EmissionPlan, Spread } from './measure/emission-plan.js';
import { Histogram, type HistogramData } from './measure/histogram.js';
import { addMeasurements, emptyMeasurements, type Measurements, Timeline } from './measure/measurements.js';
import { EMITTING_PROCESS, type GeneratorSample, SaturationWatch } from './measure/saturation.js';
import type { TallyData } from './measure/tally.js';
import {
  crashText,
  type JudgedExpectation,
  type PhaseResult,
  type RunResult,
  UncaughtError,
  type WorkerSummary,
} from './report/run-result.js';
import {
  actionsOf,
  type EmitPhase,
  type Expectation,
  type Phase,
  type PhaseAction,
  type Scenario,
} from './scenario/model.js';
import { nameRun, newRunId } from './target/run-names.js';
import { checkTarget, Target, type TargetOptions } from './target/target.js';
import { disturbance, insteadOfCursors, judgeOn } from './verdict/judge.js';

/** From telling the workers of a plan to its first cursor. */
const LEAD_MS = 100;
/** From one point of the timeline to the next. */
const MARK_MS = 1000;
/** How long workers have to tell what they counted when a run ends before its time. */
const LAST_CUT_MS = 5000;
/** How long each step of the end may take after a bug: the process has a few seconds left in all. */
const CRASH_STEP_MS = 600;
/** How long slow readers have at the end to get to the newest cursor. */
const SLOW_SETTLE_MS = 30_000;

/** A worker that says nothing for so long does not come back in time to tell anything of worth. */
const SILENT_MS = 30_000;

export interface RunOptions extends TargetOptions {
  /** Put before every namespace, with `{run}`; `undefined` leaves it to the scenario and the tokens. */
  readonly namespacePrefix: string | undefined;
  /** Whether rules that are not measurable fail. */
  readonly isStrict: boolean;
  /** Worker processes; by default as many as fit the machine. */
  readonly workers: number | undefined;
  /** Flags for the command that repeats the run; see {@link RunResult}. */
  readonly replayFlags?: readonly string[];
  readonly observer: RunObserver;
}

/** How a run stands. */
export interface RunProgress {
  /** Clients whose connection is open, by cohort. */
  readonly open: readonly number[];
  /** Connections so far that never opened, or that the server has ended. */
  readonly failed: number;
  /** Deliveries so far. */
  readonly received: number;
  /** Fan-out latency in the last second; nothing while nothing arrives. */
  readonly fanoutP99Ms: number | undefined;
}

/** Is told how a run proceeds. */
export interface RunObserver {
  phaseStarted?(phase: Phase, index: number, of: number): void;
  progress?(progress: RunProgress): void;
  phaseEnded?(phase: PhaseResult): void;
}

/**
 * Finds out, without opening anything, whether a scenario can be run, and how it is laid out on the machine.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the machine is too small for it, or it needs another target.
 */
export function planRun(
  scenario: Scenario,
  options: TargetOptions & Pick<RunOptions, 'workers' | 'namespacePrefix'>,
): Layout {
  checkTarget(scenario, options);
  // Whether it can have names at all is known before any server is asked.
  nameRun(scenario, options, newRunId());
  const clients = scenario.cohorts.reduce((total, cohort) => total + cohort.clients, 0);
  const { urls, workers } = options;
  const loadConnections = Math.max(0, ...scenario.phases.map(loadConnectionsOf));
  return planLayout(
    { clients, urls, ownServer: urls.length === 0, workers, loadConnections },
    machineLimits(availableParallelism()),
  );
}

/** Connections of autocannon in a phase, whose parts may all be at once. */
function loadConnectionsOf(phase: Phase): number {
  return sum([...actionsOf(phase)], (action) =>
    action.kind === 'emit' && action.via === 'autocannon' ? action.connections : 0,
  );
}

/**
 * Runs a scenario: starts the server and the workers, carries out the phases, judges what was measured.
 *
 * @throws {DatafnWsError} when it cannot begin: `ERR_INVALID_OPTION` (the machine is too small for it, or the target
 *   cannot do what it asks for), `ERR_UNREACHABLE` (no server). What goes wrong later, a bug of ours included, is in
 *   the result.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<RunResult> {
  const layout = planRun(scenario, options);
  const { scenario: named, ...names } = nameRun(scenario, options, newRunId());
  const ready = { ...options, ...names };
  const target = await Target.open(named, ready);
  let result: RunResult | undefined;
  try {
    result = await new Run(named, ready, target, layout.workers).carryOut(layout.localAddresses);
    return result;
  } finally {
    const closing = target.close();
    await (result?.crash === undefined
      ? closing
      : inTime(
          closing.catch(() => {}),
          CRASH_STEP_MS,
        ));
  }
}

/** Waits for something, but no longer than that; it goes on by itself then. */
async function inTime(work: Promise<unknown>, ms: number): Promise<void> {
  await Promise.race([work, sleep(ms, undefined, { ref: false })]);
}

class Aborted extends Error {}

/** A phase's rule did not hold, and the scenario says that this is the end. */
class PhaseFailed extends Error {}

class Run {
  readonly #pool: WorkerPool;
  readonly #total: Measurements;
  readonly #phases: PhaseResult[] = [];
  readonly #saturation = new SaturationWatch();
  /** How this process fares, which emits and keeps the time. */
  readonly #health = new GeneratorHealth();
  readonly #timeline = new Timeline();
  /** Fan-out latencies of the last second, by worker. */
  readonly #recentFanout: (HistogramData | undefined)[] = [];
  /** What the machine, and this process, had used when the run began. */
  readonly #machineFrom = machineCpu();
  readonly #cpuFrom = process.cpuUsage();
  #workerCpuMs = 0;
  #clock: NodeJS.Timeout | undefined;
  readonly #workers: WorkerSummary[];
  readonly #invalid: string[] = [];
  readonly #problems: string[] = [];
  readonly #aborted: Promise<never>;
  /** What is measured of the present phase. */
  #present: Measurements;
  #phase: Phase | undefined;
  /** When the present phase began. */
  #phaseStartMs = 0;
  #startMs = 0;
  #lastPlan = 0;
  #serverIsGone = false;
  #crash: { readonly error: unknown } | undefined;
  #nextCursor: number;

  constructor(
    private readonly scenario: Scenario,
    private readonly options: RunOptions & { readonly namespacePrefix: string },
    private readonly target: Target,
    workers: number,
  ) {
    this.#nextCursor = target.firstCursor;
    this.#total = emptyMeasurements(scenario.cohorts);
    this.#present = emptyMeasurements(scenario.cohorts);
    this.#workers = Array.from({ length: workers }, () => ({
      maxCpu: 0,
      maxDelayP99Ms: 0,
      maxDelayMs: 0,
      maxRunQueueWait: undefined,
    }));
    let halt!: (error: Error) => void;
    this.#aborted = new Promise((_, reject) => {
      halt = reject;
    });
    this.#aborted.catch(() => {});
    const { signal } = options;
    const stop = () => halt(signal.reason instanceof UncaughtError ? signal.reason : new Aborted());
    // It may have been asked to stop while its server started: no event comes of that any more.
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    this.#pool = new WorkerPool(
      workers,
      (index, status) => this.#onStatus(index, status),
      (error) => {
        if (isWorkerDeath(error)) this.#invalid.push(error.message);
        // Not every phase asks the workers for something: one that only waits would wait to its end.
        halt(error);
      },
      SILENT_MS,
    );
  }

  async carryOut(localAddresses: readonly string[]): Promise<RunResult> {
    const startedAt = new Date();
    this.#startMs = monotonicMs();
    this.#health.start();
    try {
      await this.#orAbort(this.#setup(localAddresses));
      await this.#orAbort(this.#mark());
      this.#clock = setInterval(() => void this.#mark(), MARK_MS);
      for (const [index, phase] of this.scenario.phases.entries()) {
        this.options.observer.phaseStarted?.(phase, index, this.scenario.phases.length);
        await this.#carryOutPhase(phase);
      }
      await this.#settleSlow();
    } catch (error) {
      if (error instanceof Aborted) this.#interrupt(await this.#cutInTime(LAST_CUT_MS));
      // A worker's counts went with it; those of the others alone would be wrong.
      else if (isWorkerDeath(error)) this.#interrupt(this.#present);
      else if (error instanceof DatafnWsError) {
        // A server of ours that did not come back.
        this.#problems.push(`The run was ended: ${error.message.replaceAll('\n', ' | ')}`);
        this.#interrupt(await this.#cutInTime(LAST_CUT_MS));
      } else if (!(error instanceof PhaseFailed)) {
        this.#crashed(error);
        this.#interrupt(await this.#cutInTime(CRASH_STEP_MS));
      }
    } finally {
      this.#phase = undefined;
      clearInterval(this.#clock);
      // The charts would end up to a second before the run does. A server that does not answer holds nothing up.
      if (this.#clock !== undefined && this.#crash === undefined)
        await inTime(this.#mark(), MARK_MS).catch((error: unknown) => this.#crashed(error));
      this.#health.stop();
      const ending = this.#end().catch((error: unknown) => this.#crashed(error));
      await (this.#crash === undefined ? ending : inTime(ending, CRASH_STEP_MS));
    }
    const { reason } = this.options.signal;
    if (reason instanceof UncaughtError) this.#crashed(reason);
    this.#invalid.push(...localErrors(this.#total), ...doubtfulKills(this.#total));
    const instead = insteadOfCursors(this.#total);
    if (instead !== undefined) this.#problems.push(instead);
    for (const found of this.#saturation.found)
      this.#invalid.push(`The load generator was the bottleneck: ${found}`);
    const outcomes = [
      ...this.#judge(this.scenario.expectations, this.#total),
      ...this.#judge(this.scenario.implicitExpectations, this.#total).filter(
        ({ actual }) => actual !== undefined,
      ),
    ];
    if (this.#invalid.length === 0) {
      const all = [...this.#phases.flatMap((phase) => phase.outcomes), ...outcomes];
      this.#invalid.push(...disturbance(all, this.#shareOfOthers()));
    }
    return {
      scenario: this.scenario,
      startedAt,
      durationMs: monotonicMs() - this.#startMs,
      target: {
        urls: this.target.urls,
        isOwn: this.target.isOwn,
        serverCommand: this.options.serverCommand,
        flags: this.options.replayFlags,
        namespacePrefix: this.options.namespacePrefix,
      },
      measurements: this.#total,
      phases: this.#phases,
      outcomes,
      aborted: this.options.signal.aborted && this.#crash === undefined,
      invalid: this.#invalid,
      problems: this.#problems,
      workers: this.#workers,
      crash: this.#crash,
      timeline: this.#timeline.points,
    };
  }

  /** Notes an error that nobody expected; the first one counts. */
  #crashed(error: unknown): void {
    if (this.#crash !== undefined) return;
    this.#crash = { error: error instanceof UncaughtError ? error.cause : error };
    this.#invalid.push(crashText(this.#crash.error));
  }

  async #setup(localAddresses: readonly string[]): Promise<void> {
    const { cohorts, namespaces, seed, heartbeatIntervalMs } = this.scenario;
    const { credentials, upgrade, tls } = this.options;
    await this.#pool.setup({
      urls: this.target.urls,
      cohorts,
      namespaces,
      seed,
      heartbeatIntervalMs,
      startMs: this.#startMs,
      credentials,
      upgrade,
      tls,
      localAddresses,
    });
  }

  async #carryOutPhase(phase: Phase): Promise<void> {
    this.#phaseStartMs = monotonicMs();
    this.#phase = phase;
    await this.#orAbort(this.#act(phase, phase.label));
    const { mishap } = this.target;
    // Of a server that has gone once, later phases have no news.
    if (mishap !== undefined && !this.#serverIsGone)
      this.#problems.push(`The server under test ended during "${phase.label}": ${mishap}`);
    this.#serverIsGone = mishap !== undefined;
    this.#present.server = { ...this.#present.server, ...(await this.#orAbort(this.target.measure())) };
    const result = this.#endPhase(phase, await this.#cut(), true);
    if (phase.abortOnFail && result.outcomes.some(({ passed }) => !passed)) {
      this.#problems.push(`The run was ended after "${phase.label}": a rule of it did not hold`);
      throw new PhaseFailed();
    }
  }

  /** Keeps what there is of the phase that the run was stopped in. */
  #interrupt(measurements: Measurements): void {
    if (this.#phase !== undefined) this.#endPhase(this.#phase, measurements, false);
  }

  #endPhase(phase: Phase, measurements: Measurements, isFinished: boolean): PhaseResult {
    this.#phase = undefined;
    const result: PhaseResult = {
      phase,
      isFinished,
      startMs: this.#phaseStartMs - this.#startMs,
      durationMs: monotonicMs() - this.#phaseStartMs,
      measurements,
      outcomes: this.#judge(phase.expectations, measurements),
    };
    this.#phases.push(result);
    // After a bug only the reports count; it may be the observer that has it.
    if (this.#crash === undefined) this.options.observer.phaseEnded?.(result);
    return result;
  }

  async #act(action: PhaseAction, label: string): Promise<void> {
    // What is made of others is judged by them.
    if (action.kind === 'parallel' || action.kind === 'sequence') return this.#perform(action, label);
    return this.#watched(action.kind, () => this.#perform(action, label));
  }

  /** Judges the load generator by what it is at meanwhile. */
  async #watched(kind: PhaseAction['kind'], work: () => Promise<void>): Promise<void> {
    const watched = isJudged(kind) ? kind : 'other';
    this.#saturation.begin(watched, monotonicMs());
    try {
      await work();
    } finally {
      this.#saturation.end(watched, monotonicMs());
    }
  }

  async #perform(action: PhaseAction, label: string): Promise<void> {
    const startMs = monotonicMs();
    switch (action.kind) {
      case 'connect':
        return this.#callAll('connect', { ...action, startMs });
      case 'churn':
        return this.#callAll('churn', { ...action, startMs });
      case 'disconnect':
        return this.#callAll('disconnect', action);
      case 'emit':
        return this.#emit(action, label);
      case 'hold':
        return this.#pause(action.durationMs);
      case 'restart-server':
        await this.target.shutDown();
        await this.#pause(action.downtimeMs);
        return this.target.startAgain();
      case 'shutdown-server':
        Object.assign(this.#present.server, await this.target.shutDown());
        return;
      case 'parallel':
        await Promise.all(action.phases.map((inner) => this.#act(inner, label)));
        return;
      case 'sequence':
        for (const inner of action.phases) await this.#act(inner, label);
    }
  }

  async #callAll<Method extends keyof FleetCalls>(
    method: Method,
    argument: Parameters<FleetCalls[Method]>[0],
  ): Promise<void> {
    await this.#pool.call(method, argument);
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.options.signal }).catch(() => {});
  }

  async #emit(phase: EmitPhase, label: string): Promise<void> {
    this.#lastPlan += 1;
    const [id, cursor, startMs] = [this.#lastPlan, this.#nextCursor, monotonicMs() + LEAD_MS];
    const plan =
      phase.via === 'api'
        ? orderedPlan(phase, id, cursor, startMs, this.scenario.seed)
        : racingPlan(phase, id, cursor, startMs);
    this.#nextCursor += plan.count;
    // Those of one phase go into that phase's measurements, even if they should end after it.
    const present = this.#present;
    await this.#pool.call('expectPlan', plan);
    const emitted = await this.#carryOutPlan(phase, plan, present);
    if (emitted.error !== undefined && !phase.mayFail) {
      this.#problems.push(
        `${emitted.failed.length} of ${emitted.emitted} cursors of "${label}" were not taken: ${emitted.error.message}`,
      );
    }
    const reports = await this.#pool.call('settle', {
      plan: plan.id,
      emitted: emitted.emitted,
      failed: emitted.failed,
      deadlineMs: monotonicMs() + phase.settleMs,
    });
    const spread = new Spread();
    for (const report of reports) spread.add(report.spread);
    present.skew.add(spread.toHistogram().toData());
    const lastReceiptMs = Math.max(0, ...reports.map((report) => report.lastReceiptMs));
    if (!plan.isOrdered || lastReceiptMs === 0) return;
    // Where every receiver has gone there is nobody to converge.
    if (sum(reports, ({ receivers }) => receivers) === 0) return;
    if (reports.every(({ hasConverged }) => hasConverged)) {
      present.convergence.record(lastReceiptMs - dueMs(plan, Math.max(0, emitted.emitted - 1)));
    } else present.unconverged += 1;
  }

  #carryOutPlan(phase: EmitPhase, plan: EmissionPlan, present: Measurements): Promise<Emitted> {
    const { namespaces } = this.scenario;
    const { emits } = this.target;
    const { signal } = this.options;
    if (phase.via === 'autocannon')
      return driveWithAutocannon(phase, plan, namespaces, emits, present, signal);
    return emitPlan(plan, namespaces, emits, present.emit, signal, (durationMs, lagP99Ms) =>
      this.#saturation.emitter(plan.id, durationMs, lagP99Ms, monotonicMs()),
    );
  }

  /** Waits for the readers that were slow on purpose; what they have not got by then is lost. */
  async #settleSlow(): Promise<void> {
    if (!this.scenario.cohorts.some(({ behavior }) => BEHAVIORS[behavior].reads === 'slowly')) return;
    const deadlineMs = monotonicMs() + SLOW_SETTLE_MS;
    await this.#watched('hold', async () => {
      await this.#orAbort(this.#pool.call('settleSlow', { deadlineMs }));
    });
    await this.#cut();
  }

  /** Ends the measurements of the present phase, adds them to the total, and begins those of the next. */
  async #cut(): Promise<Measurements> {
    const answers = await this.#pool.call('cut');
    this.#judgeItself(this.#health.sample(true));
    const phase = this.#present;
    this.#present = emptyMeasurements(this.scenario.cohorts);
    for (const [index, cohort] of phase.cohorts.entries()) {
      for (const { tallies, open, unpinged, owed } of answers) {
        cohort.tally.add(tallies[index] as TallyData);
        cohort.open += open[index] ?? 0;
        cohort.unpinged += unpinged[index] ?? 0;
        cohort.pingsOwed += owed[index]?.pings ?? 0;
        cohort.pingsOverdue += owed[index]?.overdue ?? 0;
      }
    }
    addMeasurements(this.#total, phase);
    return phase;
  }

  /** As {@link #cut}, at the end of a run before its time: what a worker does not tell in time is not known. */
  async #cutInTime(ms: number): Promise<Measurements> {
    const present = this.#present;
    const late = sleep(ms, undefined, { ref: false }).then(() => present);
    return Promise.race([this.#cut().catch(() => present), late]);
  }

  /** Ends every client and every worker. */
  async #end(): Promise<void> {
    try {
      if (this.#invalid.length === 0 && !this.options.signal.aborted) await this.#pool.call('end');
    } catch (error) {
      if (!isWorkerDeath(error)) throw error;
      if (!this.#invalid.includes(messageOf(error))) this.#invalid.push(messageOf(error));
    } finally {
      await this.#pool.stop();
    }
  }

  #onStatus(index: number, { health, fanout }: WorkerStatus): void {
    const summary = this.#workers[index];
    if (health !== undefined && fanout !== undefined) {
      this.#timeline.addWorker(fanout, health.delayP99Ms);
      this.#recentFanout[index] = fanout;
    }
    if (health !== undefined && summary !== undefined) {
      summary.maxCpu = Math.max(summary.maxCpu, health.cpu);
      summary.maxDelayP99Ms = Math.max(summary.maxDelayP99Ms, health.delayP99Ms);
      summary.maxDelayMs = Math.max(summary.maxDelayMs, health.delayMaxMs);
      if (health.runQueueWait !== undefined) {
        summary.maxRunQueueWait = Math.max(summary.maxRunQueueWait ?? 0, health.runQueueWait);
      }
      this.#workerCpuMs += health.cpu * (health.toMs - health.fromMs);
      this.#saturation.process(`worker ${index + 1}`, health);
    }
    if (this.#phase === undefined) return;
    this.options.observer.progress?.(this.#progress());
  }

  #progress(): RunProgress {
    const statuses = this.#pool.statuses.filter((status) => status !== undefined);
    const fanout = new Histogram();
    for (const data of this.#recentFanout) if (data !== undefined) fanout.add(data);
    return {
      open: this.scenario.cohorts.map((_, cohort) => sum(statuses, ({ open }) => open[cohort] ?? 0)),
      failed: sum(statuses, ({ failed }) => failed),
      received: sum(statuses, ({ received }) => received),
      fanoutP99Ms: fanout.percentileMs(99),
    };
  }

  /** Ends a second of the timeline. */
  async #mark(): Promise<void> {
    this.#judgeItself(this.#health.sample());
    const atMs = monotonicMs() - this.#startMs;
    const { open, received } = this.#progress();
    const { rssNowBytes, recentDelayMaxMs } = await this.target.measure();
    const now = { open: sum(open, (count) => count), received };
    this.#timeline.mark(atMs, now, { rssBytes: rssNowBytes, delayMaxMs: recentDelayMaxMs });
  }

  #judge(expectations: readonly Expectation[], measurements: Measurements): JudgedExpectation[] {
    const { cohorts } = this.scenario;
    return expectations.map((expectation) => ({
      expectation,
      ...judgeOn(this.target, expectation.rule, measurements, cohorts, this.options.isStrict),
    }));
  }

  /** How much of the machine neither bench nor its server has used; 0 for a server that runs elsewhere. */
  #shareOfOthers(): number {
    const { cpuMs } = this.#total.server;
    if (!this.target.isOwn || cpuMs === undefined) return 0;
    const { user, system } = process.cpuUsage(this.#cpuFrom);
    return shareOfOthers(this.#machineFrom, machineCpu(), (user + system) / 1000 + this.#workerCpuMs + cpuMs);
  }

  #judgeItself(sample: GeneratorSample | undefined): void {
    if (sample !== undefined) this.#saturation.process(EMITTING_PROCESS, sample);
  }

  #orAbort<Value>(work: Promise<Value>): Promise<Value> {
    if (this.options.signal.aborted) return this.#aborted;
    work.catch(() => {});
    return Promise.race([work, this.#aborted]);
  }
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function isWorkerDeath(error: unknown): boolean {
  return error instanceof DatafnWsError && error.code === 'ERR_WORKER';
}

/** Errors of this machine, by what would help. The server has no part in them. */
const LOCAL_ERRORS: Readonly<Record<string, string>> = {
  EMFILE: 'this process may open no more files: use more --workers, or raise the limit with ulimit -n',
  ENFILE: 'the machine may open no more files: raise fs.file-max',
  EADDRNOTAVAIL: 'no source port was left: widen net.ipv4.ip_local_port_range, or use fewer clients',
  ENOBUFS: 'the kernel had no memory left for sockets: use fewer clients',
};

function localErrors({ cohorts }: Measurements): string[] {
  return Object.entries(LOCAL_ERRORS).flatMap(([code, fix]) => {
    const errors = cohorts.flatMap(({ tally }) => tally.errors.entries()).filter(([key]) => key === code);
    const count = errors.reduce((total, [, one]) => total + one, 0);
    return count === 0 ? [] : [`${count} connections failed here, not at the server, with ${code}: ${fix}`];
  });
}

/** Clients that bench may have killed itself. */
function doubtfulKills({ cohorts }: Measurements): string[] {
  const count = sum(cohorts, ({ tally }) => tally.counters.killedInDoubt);
  if (count === 0) return [];
  return [
    `The server closed ${formatAmount(count, 'client')} for a missed heartbeat after bench itself may have been too late to answer a ping: the machine is too busy for this scenario`,
  ];
}

/** Whether an action says something of its own about what is measured meanwhile. */
function isJudged(kind: PhaseAction['kind']): kind is 'emit' | 'hold' | 'churn' | 'connect' {
  return kind === 'emit' || kind === 'hold' || kind === 'churn' || kind === 'connect';
}
