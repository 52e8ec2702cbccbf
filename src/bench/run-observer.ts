import type { WorkerStatus } from './fleet/messages.js';
import type { TimelinePoint } from './measure/measurements.js';
import type { PhaseResult } from './model/result.js';
import type { Phase } from './model/scenario.js';
import type { RunProgress } from './recorder.js';

/** Called as a run proceeds. */
export interface RunObserver {
  /** A shard is ready, and waits for the time at which all begin. */
  waiting?(ms: number): void;
  phaseStarted?(phase: Phase, index: number, of: number): void;
  progress?(progress: RunProgress): void;
  /** What a worker reports, several times a second. */
  status?(worker: number, status: WorkerStatus): void;
  /** A second of the run is over. */
  second?(point: TimelinePoint): void;
  phaseEnded?(phase: PhaseResult): void;
}
