import { setTimeout as sleep } from 'node:timers/promises';
import { DatafnWsError, messageOf } from '../protocol/errors.js';
import { BEHAVIORS } from './behaviors/behaviors.js';
import { nameRun, newRunId } from './fleet/credentials.js';
import type { Layout } from './fleet/preflight.js';
import { WorkerPool } from './fleet/worker-pool.js';
import { monotonicMs } from './measure/clock.js';
import type { Measurements } from './measure/measurements.js';
import { type PhaseResult, type RunResult, type ShardResult, UncaughtError } from './model/result.js';
import type { Phase, PhaseAction, Scenario } from './model/scenario.js';
import { kindOf } from './phases/index.js';
import type { PhaseRun } from './phases/kind.js';
import { type PlanOptions, planRun } from './plan-run.js';
import { Recorder } from './recorder.js';
import type { RunObserver } from './run-observer.js';
import { clientsOfShard, runIdOf } from './shard/shard.js';
import type { ShardRun } from './shard/shard-run.js';
import { Target } from './target/target.js';

/** From one point of the timeline to the next. */
const MARK_MS = 1000;
/** How long workers have to report their counts when a run ends early. */
const LAST_COUNTS_MS = 5000;
/** How long each step of the end may take after a bug: the process has a few seconds left in all. */
const CRASH_STEP_MS = 600;
/** How long slow readers have at the end to get to the newest cursor. */
const SLOW_SETTLE_MS = 30_000;
/** A worker that reports nothing for so long is given up. */
const SILENT_MS = 30_000;

export interface RunOptions extends PlanOptions {
  /** Whether rules that are not measurable fail. */
  readonly isStrict: boolean;
  /** Flags for the command that repeats the run; see {@link RunResult}. */
  readonly replayFlags?: readonly string[];
  readonly observer: RunObserver;
}

/**
 * Runs a scenario: starts the server and the workers, carries out the phases, judges what was measured.
 *
 * @throws {DatafnWsError} when it cannot begin: `ERR_INVALID_OPTION` (the machine is too small for it, or the target
 *   cannot do what it asks for), `ERR_UNREACHABLE` (no server). What goes wrong later, bugs included, is in the result.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<RunResult> {
  const layout = planRun(scenario, options);
  const { shard } = options;
  const runId = shard === undefined ? newRunId() : runIdOf(scenario, shard);
  const { scenario: named, ...names } = nameRun(scenario, options, runId);
  const ready = { ...options, ...names };
  const target = await Target.open(named, ready);
  let result: RunResult | undefined;
  try {
    const part = shard && (await openShard(shard, named, target, options.signal));
    result = await new Runner(named, ready, target, layout, part).carryOut();
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

/** Its modules are loaded for shards only. */
async function openShard(...about: ConstructorParameters<typeof ShardRun>): Promise<ShardRun> {
  const { ShardRun } = await import('./shard/shard-run.js');
  const part = new ShardRun(...about);
  await part.synchronize();
  return part;
}

/** Waits for something, but no longer than that; it goes on by itself then. */
async function inTime(work: Promise<unknown>, ms: number): Promise<void> {
  await Promise.race([work, sleep(ms, undefined, { ref: false })]);
}

class Aborted extends Error {}

/** A phase's rule did not hold, and the scenario ends the run there. */
class PhaseFailed extends Error {}

/** Carries out the phases of a scenario. A {@link Recorder} keeps what they measure. */
class Runner {
  readonly #recorder: Recorder;
  readonly #pool: WorkerPool;
  readonly #aborted: Promise<never>;
  #clock: NodeJS.Timeout | undefined;
  #lastPlan = 0;
  #phaseIndex = 0;
  #nextCursor: number;
  #serverIsGone = false;

  constructor(
    private readonly scenario: Scenario,
    private readonly options: RunOptions & { readonly namespacePrefix: string },
    private readonly target: Target,
    private readonly layout: Layout,
    private readonly part: ShardRun | undefined,
  ) {
    this.#nextCursor = target.firstCursor;
    this.#recorder = new Recorder(scenario, target, layout.workers, options.isStrict, part);
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
      layout.workers,
      (index, status) => {
        this.#recorder.onStatus(index, status);
        options.observer.status?.(index, status);
        if (this.#recorder.isInPhase) options.observer.progress?.(this.#recorder.progress);
      },
      (error) => {
        if (isWorkerDeath(error)) this.#recorder.invalid.push(error.message);
        // Not every phase asks the workers for something: one that only waits would wait to its end.
        halt(error);
      },
      SILENT_MS,
    );
  }

  async carryOut(): Promise<RunResult> {
    const recorder = this.#recorder;
    const { signal, observer, serverCommand, replayFlags, namespacePrefix } = this.options;
    try {
      await this.#orAbort(this.#setup());
      if (this.part !== undefined) {
        observer.waiting?.(this.part.startMs - monotonicMs());
        await this.#inTime('before the first phase', this.part.ready());
      }
      await this.#orAbort(this.#mark());
      this.#clock = setInterval(() => void this.#mark(), MARK_MS);
      for (const [index, phase] of this.scenario.phases.entries()) {
        this.#phaseIndex = index;
        if (this.part !== undefined) await this.#inTime(phase.label, this.part.begin(index));
        observer.phaseStarted?.(phase, index, this.scenario.phases.length);
        await this.#carryOutPhase(phase);
      }
      await this.#settleSlow();
    } catch (error) {
      await this.#interrupt(error);
    } finally {
      clearInterval(this.#clock);
      // The charts would end up to a second before the run does. A server that does not answer delays nothing.
      if (this.#clock !== undefined && recorder.crash === undefined)
        await inTime(this.#mark(), MARK_MS).catch((error: unknown) => recorder.crashed(error));
      recorder.stop();
      const ending = this.#end().catch((error: unknown) => recorder.crashed(error));
      await (recorder.crash === undefined ? ending : inTime(ending, CRASH_STEP_MS));
    }
    if (signal.reason instanceof UncaughtError) recorder.crashed(signal.reason);
    const shard = recorder.crash === undefined ? await this.#aboutShard() : undefined;
    const { urls, isOwn, cluster } = this.target;
    return recorder.result({
      target: { urls, isOwn, cluster, serverCommand, flags: replayFlags, namespacePrefix },
      aborted: signal.aborted && recorder.crash === undefined,
      shard,
    });
  }

  async #mark(): Promise<void> {
    const point = await this.#recorder.mark();
    if (this.#recorder.crash === undefined) this.options.observer.second?.(point);
  }

  /** A shard that keeps to another timetable than the others has measured something else. */
  #late(where: string, how: string): void {
    this.#recorder.invalid.push(`This shard was late (${where}): ${how}. Raise --slack or --start-at`);
  }

  async #inTime(where: string, work: Promise<string | undefined>): Promise<void> {
    const how = await this.#orAbort(work);
    if (how !== undefined) this.#late(where, how);
  }

  async #aboutShard(): Promise<ShardResult | undefined> {
    const { part, scenario } = this;
    if (part === undefined) return undefined;
    const { index, of, startAtMs, slackMs } = part.options;
    const clients = clientsOfShard(scenario.cohorts, part.options);
    return {
      index,
      of,
      startAtMs,
      slackMs,
      clients,
      run: runIdOf(scenario, part.options),
      ...(await part.clock()),
    };
  }

  /** Keeps what there is of the phase that was under way when an error ended the run. */
  async #interrupt(error: unknown): Promise<void> {
    const recorder = this.#recorder;
    if (error instanceof PhaseFailed) return;
    let measurements = recorder.present;
    // A worker's counts are lost with it; those of the others alone would be wrong.
    if (!isWorkerDeath(error)) {
      const isExpected = error instanceof Aborted || error instanceof DatafnWsError;
      // Bench's own server did not start again.
      if (error instanceof DatafnWsError)
        recorder.problems.push(`The run ended early: ${error.message.replaceAll('\n', ' | ')}`);
      if (!isExpected) recorder.crashed(error);
      measurements = await this.#takeCountsInTime(isExpected ? LAST_COUNTS_MS : CRASH_STEP_MS);
    }
    this.#endPhase(measurements, false);
  }

  async #setup(): Promise<void> {
    const { cohorts, namespaces, seed, heartbeatIntervalMs } = this.scenario;
    const { credentials, upgrade, tls } = this.options;
    const setup = {
      urls: this.target.urls,
      cohorts,
      namespaces,
      seed,
      heartbeatIntervalMs,
      startMs: this.#recorder.startMs,
      credentials,
      upgrade,
      tls,
      localAddresses: this.layout.localAddresses,
    };
    await this.#pool.setup(setup, this.part?.options);
  }

  async #carryOutPhase(phase: Phase): Promise<void> {
    const recorder = this.#recorder;
    recorder.startPhase(phase);
    await this.#orAbort(this.#perform(phase, this.#phaseRun(phase.label)));
    if (this.part !== undefined) await this.#inTime(phase.label, this.part.end(this.#phaseIndex));
    const { mishap } = this.target;
    // Of a server that has gone once, later phases have no news.
    if (mishap !== undefined && !this.#serverIsGone)
      recorder.problems.push(`The server under test exited during "${phase.label}": ${mishap}`);
    this.#serverIsGone = mishap !== undefined;
    const server = await this.#orAbort(this.target.measure());
    recorder.present.server = { ...recorder.present.server, ...server };
    const result = this.#endPhase(await this.#takeCounts(), true);
    if (phase.abortOnFail && result?.outcomes.some(({ passed }) => !passed)) {
      recorder.problems.push(`The run was stopped after "${phase.label}": one of its rules did not hold`);
      throw new PhaseFailed();
    }
  }

  #endPhase(measurements: Measurements, isFinished: boolean): PhaseResult | undefined {
    const result = this.#recorder.endPhase(measurements, isFinished);
    // After a bug only the reports count; the observer may have it.
    if (result !== undefined && this.#recorder.crash === undefined)
      this.options.observer.phaseEnded?.(result);
    return result;
  }

  async #perform(action: PhaseAction, run: PhaseRun): Promise<void> {
    const kind = kindOf(action);
    if (kind.load === undefined) return kind.run(action, run);
    await this.#recorder.watched(kind.load, () => kind.run(action, run));
  }

  #phaseRun(label: string): PhaseRun {
    const recorder = this.#recorder;
    const { signal } = this.options;
    const run: PhaseRun = {
      scenario: this.scenario,
      label,
      signal,
      get measurements() {
        return recorder.present;
      },
      emits: this.target.emits,
      server: this.target,
      startMs: () => this.part?.startOf(this.#phaseIndex) ?? monotonicMs(),
      shard: this.part && { isEmitter: this.part.isEmitter, late: (how) => this.#late(label, how) },
      call: (method, argument) => this.#pool.call(method, argument),
      pause: (ms) => sleep(ms, undefined, { signal }).catch(() => {}),
      perform: (action) => this.#perform(action, run),
      reserve: (planWith) => {
        this.#lastPlan += 1;
        const plan = planWith(this.#lastPlan, this.#nextCursor);
        this.#nextCursor += plan.count;
        return plan;
      },
      onLag: (plan, durationMs, lagP99Ms) => recorder.onLag(plan, durationMs, lagP99Ms),
      follow: (pace) => recorder.paces.begin(pace),
      open: (cohort) => recorder.progress.open[cohort] ?? 0,
      followConnects: (due) => recorder.beginConnects(due),
      problem: (text) => recorder.problems.push(text),
    };
    return run;
  }

  /** Waits for the readers that were slow on purpose; what they have not got by then is lost. */
  async #settleSlow(): Promise<void> {
    if (!this.scenario.cohorts.some(({ behavior }) => BEHAVIORS[behavior].reads === 'slowly')) return;
    const deadlineMs = monotonicMs() + SLOW_SETTLE_MS;
    await this.#recorder.watched('hold', async () => {
      await this.#orAbort(this.#pool.call('settleSlow', { deadlineMs }));
    });
    await this.#takeCounts();
  }

  async #takeCounts(): Promise<Measurements> {
    return this.#recorder.take(await this.#pool.call('takeCounts'));
  }

  /** As {@link #takeCounts}, when a run ends early: what a worker does not report in time is not known. */
  async #takeCountsInTime(ms: number): Promise<Measurements> {
    const { present } = this.#recorder;
    const late = sleep(ms, undefined, { ref: false }).then(() => present);
    return Promise.race([this.#takeCounts().catch(() => present), late]);
  }

  /** Ends every client and every worker. */
  async #end(): Promise<void> {
    const { invalid } = this.#recorder;
    try {
      if (invalid.length === 0 && !this.options.signal.aborted) await this.#pool.call('end');
    } catch (error) {
      if (!isWorkerDeath(error)) throw error;
      if (!invalid.includes(messageOf(error))) invalid.push(messageOf(error));
    } finally {
      await this.#pool.stop();
    }
  }

  #orAbort<Value>(work: Promise<Value>): Promise<Value> {
    if (this.options.signal.aborted) return this.#aborted;
    work.catch(() => {});
    return Promise.race([work, this.#aborted]);
  }
}

function isWorkerDeath(error: unknown): boolean {
  return error instanceof DatafnWsError && error.code === 'ERR_WORKER';
}
