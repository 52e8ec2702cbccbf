import { emptyMeasurements, type TimelinePoint } from '../../src/bench/measure/measurements.js';
import type { PhaseResult } from '../../src/bench/model/result.js';
import type { Phase, Scenario } from '../../src/bench/model/scenario.js';
import type { RunProgress } from '../../src/bench/recorder.js';
import type { RunObserver } from '../../src/bench/run-observer.js';
import { parseScenario } from '../../src/bench/scenario/load.js';

/** A scenario for runs that are made by hand; `name` and `summary` may be anything. */
export function observedScenario(name = 'sample', summary = 'A run made by hand.'): Scenario {
  const scenario = parseScenario(
    `version: 1
name: sample
cohorts:
  steady: { clients: 1000, namespaces: "user:{1..20}" }
  hot: { clients: 60 }
phases:
  - connect: { cohort: steady, rate: 500/s }
  - { emit: { namespaces: all, rate: 50/s, for: 3s }, expect: [cursors.lost == 0] }
  - hold: 2s
expect: [errors == 0]
`,
    'sample.yaml',
  );
  return { ...scenario, name, summary };
}

/** Has an observer see a run that goes as a test says. */
export class ObservedRun {
  #second = 0;

  constructor(
    private readonly observer: RunObserver,
    private readonly scenario = observedScenario(),
  ) {}

  start(index: number): void {
    const { phases } = this.scenario;
    this.observer.phaseStarted?.(phases[index] as Phase, index, phases.length);
  }

  progress(now: Partial<RunProgress> = {}): void {
    this.observer.progress?.({
      ...{ open: [0, 0], failed: 0, received: 0, fanoutP99Ms: undefined, emits: { due: 0, sent: 0 } },
      connects: { due: 0, sent: 0 },
      ...now,
    });
  }

  /** So many seconds, each with the same numbers. */
  seconds(count: number, point: Partial<TimelinePoint> = {}): void {
    for (let index = 0; index < count; index++) {
      this.observer.second?.({ atMs: this.#second * 1000, open: 900, deliveriesPerSecond: 50, ...point });
      this.#second += 1;
    }
  }

  /** Ends a phase; `fill` puts something into what was measured. */
  end(
    index: number,
    fill: (measurements: PhaseResult['measurements']) => void = () => {},
    outcomes: PhaseResult['outcomes'] = [],
  ): void {
    const measurements = emptyMeasurements(this.scenario.cohorts);
    fill(measurements);
    this.observer.phaseEnded?.({
      ...{ phase: this.scenario.phases[index] as Phase, isFinished: true, startMs: 500, durationMs: 2000 },
      ...{ measurements, outcomes },
    });
  }
}
