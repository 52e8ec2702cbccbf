import { GeneratorHealth, machineCpu, shareOfOthers } from './fleet/generator-health.js';
import type { FleetCounts, WorkerStatus } from './fleet/messages.js';
import { monotonicMs } from './measure/clock.js';
import { Histogram, type HistogramData } from './measure/histogram.js';
import {
  addMeasurements,
  emptyMeasurements,
  type Measurements,
  Timeline,
  type TimelinePoint,
} from './measure/measurements.js';
import { type Pace, Paces } from './measure/pace.js';
import {
  EMITTING_PROCESS,
  type GeneratorSample,
  SaturationWatch,
  type WatchedLoad,
} from './measure/saturation.js';
import { Tally } from './measure/tally.js';
import { withoutTimes } from './measure/warm-up.js';
import {
  crashText,
  type JudgedExpectation,
  type PhaseResult,
  type RunResult,
  UncaughtError,
  type WorkerSummary,
} from './model/result.js';
import type { Expectation, Phase, Scenario } from './model/scenario.js';
import { kindOf } from './phases/index.js';
import type { ShardRun } from './shard/shard-run.js';
import type { Target } from './target/target.js';
import { disturbance, doubtfulTimeouts, insteadOfCursors, judgeOn, localErrors } from './verdict/judge.js';

/** How a run stands. */
export interface RunProgress {
  /** Clients whose connection is open, by cohort. */
  readonly open: readonly number[];
  /** Connections so far that never opened, or that the server has ended. */
  readonly failed: number;
  /** Deliveries so far. */
  readonly received: number;
  /** Fan-out latency in the last second; `undefined` while nothing arrives. */
  readonly fanoutP99Ms: number | undefined;
  /** Cursors that were due so far, and those that went out. */
  readonly emits: { readonly due: number; readonly sent: number };
  /** Connects that were due so far, and those that were begun, by clients that come back too. */
  readonly connects: { readonly due: number; readonly sent: number };
}

/** Everything that is recorded of a run: by phase and in all, second by second, and of the load generator itself. */
export class Recorder {
  readonly invalid: string[] = [];
  readonly problems: string[] = [];
  /** Of the present phase. */
  present: Measurements;
  crash: { readonly error: unknown } | undefined;
  readonly startMs: number;
  readonly #startedAt: Date;
  readonly #total: Measurements;
  readonly #phases: PhaseResult[] = [];
  readonly #saturation = new SaturationWatch();
  /** Of this process, which emits. */
  readonly #health = new GeneratorHealth();
  readonly #timeline = new Timeline();
  /** Of the emits. */
  readonly paces = new Paces();
  /** Of the connects, which the workers count. */
  readonly #connects = new Paces();
  readonly #workers: WorkerSummary[];
  readonly #statuses: (WorkerStatus | undefined)[] = [];
  /** Fan-out latencies of the last second, by worker. */
  readonly #recentFanout: (HistogramData | undefined)[] = [];
  /** What the machine, and this process, had used when the run began. */
  readonly #machineFrom = machineCpu();
  readonly #cpuFrom = process.cpuUsage();
  #phase: Phase | undefined;
  #phaseStartMs = 0;

  constructor(
    private readonly scenario: Scenario,
    private readonly target: Target,
    workers: number,
    private readonly isStrict: boolean,
    private readonly part?: Pick<ShardRun, 'startMs' | 'options'>,
  ) {
    this.startMs = part?.startMs ?? monotonicMs();
    this.#startedAt = part === undefined ? new Date() : new Date(part.options.startAtMs);
    this.#total = emptyMeasurements(scenario.cohorts);
    this.present = emptyMeasurements(scenario.cohorts);
    this.#workers = Array.from({ length: workers }, () => ({
      cpuMs: 0,
      maxCpu: 0,
      maxDelayP99Ms: 0,
      maxDelayMs: 0,
      maxRunQueueWait: undefined,
    }));
    this.#health.start();
  }

  /** Stops watching this process. */
  stop(): void {
    this.#health.stop();
  }

  /** Whether a phase is under way. */
  get isInPhase(): boolean {
    return this.#phase !== undefined;
  }

  /** Notes an unexpected error; the first one counts. */
  crashed(error: unknown): void {
    if (this.crash !== undefined) return;
    this.crash = { error: error instanceof UncaughtError ? error.cause : error };
    this.invalid.push(crashText(this.crash.error));
  }

  startPhase(phase: Phase): void {
    this.#phaseStartMs = monotonicMs();
    this.#phase = phase;
  }

  /** Ends the phase that is under way, if one is. */
  endPhase(measurements: Measurements, isFinished: boolean): PhaseResult | undefined {
    const phase = this.#phase;
    if (phase === undefined) return undefined;
    this.#phase = undefined;
    const result: PhaseResult = {
      phase,
      isFinished,
      startMs: this.#phaseStartMs - this.startMs,
      durationMs: monotonicMs() - this.#phaseStartMs,
      measurements,
      outcomes: this.#judge(phase.expectations, measurements),
    };
    this.#phases.push(result);
    return result;
  }

  /** Follows connects by how many are due; returns what ends that. */
  beginConnects(due: Pace['due']): (atMs: number) => void {
    // A shard has a share of the clients.
    const shards = this.part?.options.of ?? 1;
    return this.#connects.begin({ due: (atMs) => due(atMs) / shards, sent: () => 0 });
  }

  /** Judges the load generator by what it does meanwhile. */
  async watched(load: WatchedLoad, work: () => Promise<void>): Promise<void> {
    this.#saturation.begin(load, monotonicMs());
    try {
      await work();
    } finally {
      this.#saturation.end(load, monotonicMs());
    }
  }

  /** Notes how far the emitter is behind the schedule of a plan. */
  onLag(plan: number, durationMs: number, lagP99Ms: number | undefined): void {
    this.#saturation.emitter(plan, durationMs, lagP99Ms, monotonicMs());
  }

  /** Ends the measurements of the present phase with what the workers counted, and begins those of the next. */
  take(counts: readonly FleetCounts[]): Measurements {
    this.#noteOwnHealth(this.#health.sample(true));
    const phase = this.present;
    this.present = emptyMeasurements(this.scenario.cohorts);
    for (const [index, cohort] of phase.cohorts.entries()) {
      for (const { tallies, open, unpinged, owed, behind } of counts) {
        const tally = tallies[index];
        if (tally !== undefined) cohort.tally.add(Tally.from(tally));
        cohort.open += open[index] ?? 0;
        cohort.unpinged += unpinged[index] ?? 0;
        cohort.pingsOwed += owed[index]?.pings ?? 0;
        cohort.pingsOverdue += owed[index]?.overdue ?? 0;
        cohort.cursorsOwed += behind[index]?.owed ?? 0;
        cohort.leftBehind += behind[index]?.leftBehind ?? 0;
      }
    }
    const isWarmUp = this.#phase !== undefined && kindOf(this.#phase).isWarmUp === true;
    addMeasurements(this.#total, isWarmUp ? withoutTimes(phase) : phase);
    return phase;
  }

  /** Notes what a worker reports of itself. */
  onStatus(index: number, status: WorkerStatus): void {
    this.#statuses[index] = status;
    const { health, fanout } = status;
    const summary = this.#workers[index];
    if (health === undefined || summary === undefined) return;
    if (fanout !== undefined) {
      this.#timeline.addWorker(fanout, health.delayP99Ms);
      this.#recentFanout[index] = fanout;
    }
    summary.maxCpu = Math.max(summary.maxCpu, health.cpu);
    summary.maxDelayP99Ms = Math.max(summary.maxDelayP99Ms, health.delayP99Ms);
    summary.maxDelayMs = Math.max(summary.maxDelayMs, health.delayMaxMs);
    if (health.runQueueWait !== undefined)
      summary.maxRunQueueWait = Math.max(summary.maxRunQueueWait ?? 0, health.runQueueWait);
    summary.cpuMs += health.cpu * (health.toMs - health.fromMs);
    this.#saturation.process(`worker ${index + 1}`, health);
  }

  get progress(): RunProgress {
    const statuses = this.#statuses.filter((status) => status !== undefined);
    const sum = (of: (status: WorkerStatus) => number) =>
      statuses.reduce((total, status) => total + of(status), 0);
    const fanout = new Histogram();
    for (const data of this.#recentFanout) if (data !== undefined) fanout.add(Histogram.from(data));
    return {
      open: this.scenario.cohorts.map((_, cohort) => sum(({ open }) => open[cohort] ?? 0)),
      failed: sum(({ failed }) => failed),
      received: sum(({ received }) => received),
      fanoutP99Ms: fanout.percentileMs(99),
      emits: this.paces.at(monotonicMs()),
      connects: { due: this.#connects.at(monotonicMs()).due, sent: sum(({ attempts }) => attempts) },
    };
  }

  /** Ends a second of the timeline. */
  async mark(): Promise<TimelinePoint> {
    this.#noteOwnHealth(this.#health.sample());
    const atMs = monotonicMs() - this.startMs;
    const { open, received, emits, connects } = this.progress;
    const { rssNowBytes, recentDelayMaxMs } = await this.target.measure();
    const now = { open: open.reduce((total, count) => total + count, 0), received, emits, connects };
    return this.#timeline.mark(atMs, now, { rssBytes: rssNowBytes, delayMaxMs: recentDelayMaxMs });
  }

  /** Judges the whole run. */
  result(about: Pick<RunResult, 'target' | 'aborted' | 'shard'>): RunResult {
    const total = this.#total;
    const { expectations, implicitExpectations } = this.scenario;
    this.invalid.push(...localErrors(total), ...doubtfulTimeouts(total));
    this.problems.push(...insteadOfCursors(total));
    for (const found of this.#saturation.found)
      this.invalid.push(`The load generator was the bottleneck: ${found}`);
    const implicit = this.#judge(implicitExpectations, total);
    const outcomes = [
      ...this.#judge(expectations, total),
      ...implicit.filter(({ actual, isDeferred }) => actual !== undefined || isDeferred === true),
    ];
    if (this.invalid.length === 0) {
      const all = [...this.#phases.flatMap((phase) => phase.outcomes), ...outcomes];
      this.invalid.push(...disturbance(all, this.#shareOfOthers()));
    }
    return {
      ...about,
      scenario: this.scenario,
      startedAt: this.#startedAt,
      // A shard may be stopped before its run begins.
      durationMs: Math.max(0, monotonicMs() - this.startMs),
      measurements: total,
      phases: this.#phases,
      outcomes,
      invalid: this.invalid,
      problems: this.problems,
      workers: this.#workers,
      crash: this.crash,
      timeline: this.#timeline.points,
    };
  }

  #judge(expectations: readonly Expectation[], measurements: Measurements): JudgedExpectation[] {
    const { cohorts } = this.scenario;
    return expectations.map((expectation) => ({
      expectation,
      ...judgeOn(
        this.target,
        expectation.rule,
        measurements,
        cohorts,
        this.isStrict,
        this.part !== undefined,
      ),
    }));
  }

  /** How much of the machine neither bench nor its server has used; 0 for a server that runs elsewhere. */
  #shareOfOthers(): number {
    const { cpuMs } = this.#total.server;
    if (!this.target.isOwn || cpuMs === undefined) return 0;
    const { user, system } = process.cpuUsage(this.#cpuFrom);
    const workersMs = this.#workers.reduce((sum, worker) => sum + worker.cpuMs, 0);
    return shareOfOthers(this.#machineFrom, machineCpu(), (user + system) / 1000 + workersMs + cpuMs);
  }

  #noteOwnHealth(sample: GeneratorSample | undefined): void {
    if (sample !== undefined) this.#saturation.process(EMITTING_PROCESS, sample);
  }
}
