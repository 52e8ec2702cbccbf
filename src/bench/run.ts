import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatafnWsError, messageOf } from '../protocol/errors.js';
import { driveWithAutocannon, racingPlan } from './emitter/autocannon.js';
import { type ApiTarget, type Emitted, emitPlan, orderedPlan } from './emitter/emitter.js';
import type { WorkerStatus } from './fleet/messages.js';
import { machineLimits, planLayout } from './fleet/preflight.js';
import { WorkerPool } from './fleet/worker-pool.js';
import { monotonicMs } from './measure/clock.js';
import { emptyMeasurements, type Measurements } from './measure/measurements.js';
import { SaturationWatch } from './measure/saturation.js';
import { Spread } from './measure/skew.js';
import { Tally, type TallyData } from './measure/tally.js';
import type { RunResult, WorkerSummary } from './result.js';
import type { EmitPhase, Phase, Scenario } from './scenario/model.js';
import { type OwnServer, startOwnServer } from './target/own-server.js';
import { apiUrlOf, checkEmits, checkReachable } from './target/reach.js';
import { judge } from './verdict/rule.js';

/** From telling the workers of a plan to its first cursor. */
const LEAD_MS = 100;

export interface RunOptions {
  /** Servers to test; empty starts one. */
  readonly urls: readonly string[];
  /** HTTP API of that server. Default: the host and port of the first URL. */
  readonly adminUrl?: string;
  readonly adminToken?: string;
  readonly workers?: number;
  /** Environment for a server that is started. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the run early; what was measured until then is still reported. */
  readonly signal: AbortSignal;
  readonly observer: RunObserver;
}

/** Numbers of a running phase. */
export interface RunProgress {
  readonly open: number;
  readonly failed: number;
  readonly received: number;
}

/** Is told how a run proceeds. */
export interface RunObserver {
  phaseStarted?(phase: Phase, index: number, of: number): void;
  progress?(progress: RunProgress): void;
  phaseEnded?(phase: Phase, durationMs: number, tallies: readonly Tally[]): void;
}

/**
 * Runs a scenario: starts the server and the workers, carries out the phases, judges what was measured.
 *
 * @throws {DatafnWsError} when it cannot begin: `ERR_INVALID_OPTION` (the machine is too small for it),
 *   `ERR_UNREACHABLE` (no server). What goes wrong later is in the result.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<RunResult> {
  const clients = scenario.cohorts.reduce((total, cohort) => total + cohort.clients, 0);
  const layout = planLayout(
    { clients, urls: options.urls, ownServer: options.urls.length === 0, workers: options.workers },
    machineLimits(availableParallelism()),
  );
  await checkTarget(scenario, options);
  const server =
    options.urls.length === 0 ? await startOwnServer(scenario.serverFlags, options.env) : undefined;
  try {
    const run = new Run(scenario, options, server, layout.workers, layout.localAddresses);
    return await run.carryOut();
  } finally {
    await server?.stop();
  }
}

/** Finds out, before anything is started, whether a server that is not ours can be tested with this scenario. */
async function checkTarget(scenario: Scenario, { urls, adminUrl, adminToken }: RunOptions): Promise<void> {
  const [first] = urls;
  if (first === undefined) return;
  await Promise.all(urls.map(checkReachable));
  if (scenario.phases.some(({ kind }) => kind === 'emit')) {
    await checkEmits({ url: adminUrl ?? apiUrlOf(first), adminToken });
  }
}

class Run {
  readonly #scenario: Scenario;
  readonly #options: RunOptions;
  readonly #server: OwnServer | undefined;
  readonly #urls: readonly string[];
  readonly #api: ApiTarget;
  readonly #localAddresses: readonly string[];
  readonly #pool: WorkerPool;
  readonly #measurements: Measurements;
  readonly #saturation = new SaturationWatch();
  readonly #workers: WorkerSummary[];
  readonly #invalid: string[] = [];
  readonly #problems: string[] = [];
  readonly #aborted: Promise<never>;
  #phase: Phase | undefined;
  #lastPlan = 0;
  /** In microseconds since 1970, so that a later run always has greater cursors. */
  #nextCursor = Date.now() * 1000;

  constructor(
    scenario: Scenario,
    options: RunOptions,
    server: OwnServer | undefined,
    workers: number,
    localAddresses: readonly string[],
  ) {
    this.#scenario = scenario;
    this.#options = options;
    this.#server = server;
    this.#urls = server === undefined ? options.urls : [server.wsUrl];
    const url = options.adminUrl ?? server?.apiUrl ?? apiUrlOf(this.#urls[0] as string);
    this.#api = { url, adminToken: options.adminToken };
    this.#localAddresses = localAddresses;
    this.#measurements = emptyMeasurements(scenario.cohorts);
    this.#workers = Array.from({ length: workers }, () => ({
      maxCpu: 0,
      maxDelayP99Ms: 0,
      maxRunQueueWait: undefined,
    }));
    this.#pool = new WorkerPool(
      workers,
      (index, status) => this.#onStatus(index, status),
      (error) => this.#invalid.push(error.message),
    );
    this.#aborted = new Promise((_, reject) => {
      options.signal.addEventListener('abort', () => reject(new Aborted()), { once: true });
    });
    this.#aborted.catch(() => {});
  }

  async carryOut(): Promise<RunResult> {
    const startedAt = new Date();
    const startMs = monotonicMs();
    try {
      await this.#orAbort(this.#setup());
      for (const [index, phase] of this.#scenario.phases.entries()) {
        this.#options.observer.phaseStarted?.(phase, index, this.#scenario.phases.length);
        await this.#carryOutPhase(phase);
      }
    } catch (error) {
      if (error instanceof Aborted) await this.#cut().catch(() => {});
      else if (!(error instanceof DatafnWsError) || error.code !== 'ERR_WORKER') throw error;
    } finally {
      this.#phase = undefined;
      await this.#end();
      await this.#pool.stop();
    }
    for (const found of this.#saturation.found)
      this.#invalid.push(`The load generator was the bottleneck: ${found}`);
    const { expectations } = this.#scenario;
    return {
      scenario: this.#scenario,
      startedAt,
      durationMs: monotonicMs() - startMs,
      target: { urls: this.#urls, isOwn: this.#server !== undefined },
      measurements: this.#measurements,
      outcomes: expectations.map((expectation) => ({
        expectation,
        ...judge(expectation.rule, this.#measurements),
      })),
      aborted: this.#options.signal.aborted,
      invalid: this.#invalid,
      problems: this.#problems,
      workers: this.#workers,
    };
  }

  async #setup(): Promise<void> {
    await this.#pool.setup({
      urls: this.#urls,
      cohorts: this.#scenario.cohorts,
      namespaces: this.#scenario.namespaces,
      seed: this.#scenario.seed,
      localAddresses: this.#localAddresses,
    });
  }

  async #carryOutPhase(phase: Phase): Promise<void> {
    const startMs = monotonicMs();
    this.#phase = phase;
    this.#saturation.restart();
    try {
      await this.#orAbort(this.#act(phase));
    } finally {
      if (this.#server?.ended !== undefined)
        this.#problems.push(`The server under test ended during "${phase.label}": ${this.#server.ended}`);
    }
    const tallies = await this.#cut();
    this.#options.observer.phaseEnded?.(phase, monotonicMs() - startMs, tallies);
  }

  async #act(phase: Phase): Promise<void> {
    switch (phase.kind) {
      case 'connect': {
        const { cohort, ratePerSecond, timeoutMs } = phase;
        await this.#pool.call('connect', { cohort, ratePerSecond, timeoutMs, startMs: monotonicMs() });
        return;
      }
      case 'emit':
        await this.#emit(phase);
        return;
      case 'hold':
        await sleep(phase.durationMs, undefined, { signal: this.#options.signal }).catch(() => {});
        return;
      case 'disconnect':
        await this.#pool.call('disconnect', { cohort: phase.cohort });
    }
  }

  async #emit(phase: EmitPhase & { readonly label: string }): Promise<void> {
    this.#lastPlan += 1;
    const make = phase.via === 'api' ? orderedPlan : racingPlan;
    const plan = make(phase, this.#lastPlan, this.#nextCursor, monotonicMs() + LEAD_MS);
    this.#nextCursor += plan.count;
    await this.#pool.call('expectPlan', plan);
    const { namespaces } = this.#scenario;
    const { signal } = this.#options;
    const emitted: Emitted =
      phase.via === 'api'
        ? await emitPlan(
            plan,
            namespaces,
            this.#api,
            this.#measurements.emit,
            signal,
            (durationMs, lagP99Ms) => this.#saturation.emitter(durationMs, lagP99Ms),
          )
        : await driveWithAutocannon(phase, plan, namespaces, this.#api, this.#measurements, signal);
    if (emitted.error !== undefined) {
      const failed = emitted.failed.length;
      this.#problems.push(
        `${failed} of ${emitted.emitted} cursors of "${phase.label}" were not taken: ${emitted.error.message}`,
      );
    }
    const answers = await this.#pool.call('settle', {
      plan: plan.id,
      emitted: emitted.emitted,
      failed: emitted.failed,
      deadlineMs: monotonicMs() + phase.settleMs,
    });
    const spread = new Spread();
    for (const answer of answers) spread.add(answer.spread);
    this.#measurements.skew.add(spread.toHistogram().toData());
  }

  /** Fetches what was counted since the last time; returns it by cohort. */
  async #cut(): Promise<Tally[]> {
    const answers = await this.#pool.call('cut');
    return this.#measurements.cohorts.map((cohort, index) => {
      const phase = new Tally();
      for (const { tallies } of answers) phase.add(tallies[index] as TallyData);
      cohort.tally.add(phase.toData());
      return phase;
    });
  }

  /** Ends every client, and notes who was connected until then. */
  async #end(): Promise<void> {
    if (this.#invalid.length > 0 || this.#options.signal.aborted) {
      for (const [index, cohort] of this.#measurements.cohorts.entries()) cohort.open = this.#openNow(index);
      return;
    }
    try {
      for (const { stillOpen } of await this.#pool.call('end')) {
        for (const [index, cohort] of this.#measurements.cohorts.entries())
          cohort.open += stillOpen[index] ?? 0;
      }
    } catch (error) {
      if (!this.#invalid.includes(messageOf(error))) this.#invalid.push(messageOf(error));
    }
  }

  #openNow(cohort: number): number {
    return this.#pool.statuses.reduce((total, status) => total + (status?.open[cohort] ?? 0), 0);
  }

  #onStatus(index: number, { health }: WorkerStatus): void {
    const summary = this.#workers[index];
    if (health !== undefined && summary !== undefined) {
      summary.maxCpu = Math.max(summary.maxCpu, health.cpu);
      summary.maxDelayP99Ms = Math.max(summary.maxDelayP99Ms, health.delayP99Ms);
      if (health.runQueueWait !== undefined) {
        summary.maxRunQueueWait = Math.max(summary.maxRunQueueWait ?? 0, health.runQueueWait);
      }
      // Connecting is busy by nature, and nothing is timed meanwhile that a busy worker could falsify.
      if (this.#phase?.kind === 'emit' || this.#phase?.kind === 'hold')
        this.#saturation.worker(index, health);
    }
    if (this.#phase === undefined) return;
    const statuses = this.#pool.statuses.filter((status) => status !== undefined);
    this.#options.observer.progress?.({
      open: statuses.reduce((total, { open }) => total + open.reduce((sum, count) => sum + count, 0), 0),
      failed: statuses.reduce((total, { failed }) => total + failed, 0),
      received: statuses.reduce((total, { received }) => total + received, 0),
    });
  }

  #orAbort<Value>(work: Promise<Value>): Promise<Value> {
    if (this.#options.signal.aborted) return this.#aborted;
    work.catch(() => {});
    return Promise.race([work, this.#aborted]);
  }
}

class Aborted extends Error {}
