import type { BehaviorName } from '../scenario/behaviors.js';
import { Histogram } from './histogram.js';
import { Tally } from './tally.js';

/** What was measured of one cohort over a whole run. */
export interface CohortMeasurement {
  readonly name: string;
  readonly clients: number;
  readonly behavior: BehaviorName;
  readonly tally: Tally;
  /** Clients whose connection is open when the last phase is over. */
  open: number;
}

/** What was measured of the emits. */
export interface EmitMeasurement {
  /** Cursors that the server took. */
  broadcasts: number;
  /** Cursors that it did not take, or that got no answer. */
  failed: number;
  /** Clients that it said it handed them to. */
  delivered: number;
  /** From the intended time of a request to its sending. */
  readonly lag: Histogram;
}

/** What was measured of the HTTP load that autocannon drove. */
export interface ApiMeasurement {
  requests: number;
  failed: number;
  durationMs: number;
  readonly latency: Histogram;
}

/** Everything that was measured, and that an expectation can speak of. */
export interface Measurements {
  readonly cohorts: readonly CohortMeasurement[];
  readonly emit: EmitMeasurement;
  readonly api: ApiMeasurement;
  /** From the first receiver of a broadcast to the last. */
  readonly skew: Histogram;
}

export function emptyMeasurements(
  cohorts: readonly { readonly name: string; readonly clients: number; readonly behavior: BehaviorName }[],
): Measurements {
  return {
    cohorts: cohorts.map(({ name, clients, behavior }) => ({
      name,
      clients,
      behavior,
      tally: new Tally(),
      open: 0,
    })),
    emit: { broadcasts: 0, failed: 0, delivered: 0, lag: new Histogram() },
    api: { requests: 0, failed: 0, durationMs: 0, latency: new Histogram() },
    skew: new Histogram(),
  };
}
