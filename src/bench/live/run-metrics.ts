import type { WorkerStatus } from '../fleet/messages.js';
import { middleOf } from '../measure/histogram.js';
import {
  addMeasurements,
  emptyMeasurements,
  type Measurements,
  type TimelinePoint,
} from '../measure/measurements.js';
import type { PhaseResult } from '../model/result.js';
import type { Phase, Scenario } from '../model/scenario.js';
import type { RunProgress } from '../recorder.js';
import type { RunObserver } from '../run-observer.js';

/** Upper bounds of the buckets of fan-out latency, in seconds. */
export const FANOUT_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Observes a run, and keeps what its metrics are read from. */
export class RunMetrics implements RunObserver {
  /** Of the phases that have ended. */
  readonly ended: Measurements;
  /** Fan-out latencies so far: how many are in each bucket of {@link FANOUT_BOUNDS}, and above. */
  readonly fanoutCounts = new Array<number>(FANOUT_BOUNDS.length + 1).fill(0);
  fanoutSumSeconds = 0;
  readonly workers: (WorkerStatus['health'] | undefined)[] = [];
  phase: { readonly phase: Phase; readonly number: number } | undefined;
  latest: RunProgress | undefined;
  point: TimelinePoint | undefined;

  /** @param number of the run in this process, from 1. */
  constructor(
    readonly scenario: Scenario,
    readonly number: number,
  ) {
    this.ended = emptyMeasurements(scenario.cohorts);
  }

  phaseStarted(phase: Phase, index: number): void {
    this.phase = { phase, number: index + 1 };
  }

  progress(progress: RunProgress): void {
    this.latest = progress;
  }

  status(worker: number, { health, fanout }: WorkerStatus): void {
    if (health !== undefined) this.workers[worker] = health;
    if (fanout === undefined) return;
    this.fanoutSumSeconds += fanout.sumMs / 1000;
    for (let index = 0; index + 1 < fanout.buckets.length; index += 2) {
      const seconds = middleOf(fanout.buckets[index] as number) / 1000;
      const found = FANOUT_BOUNDS.findIndex((bound) => seconds <= bound);
      const bucket = found === -1 ? FANOUT_BOUNDS.length : found;
      this.fanoutCounts[bucket] =
        (this.fanoutCounts[bucket] as number) + (fanout.buckets[index + 1] as number);
    }
  }

  second(point: TimelinePoint): void {
    this.point = point;
  }

  phaseEnded({ measurements }: PhaseResult): void {
    addMeasurements(this.ended, measurements);
  }
}
