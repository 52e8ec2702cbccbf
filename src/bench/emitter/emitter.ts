import { dueAtMs } from '../../emit/run.js';
import { monotonicMs, waitUntil } from '../measure/clock.js';
import { dueMs, type EmissionPlan } from '../measure/emission-plan.js';
import { Histogram } from '../measure/histogram.js';
import type { EmitMeasurement } from '../measure/measurements.js';
import type { EmitPhase } from '../scenario/model.js';
import { Batches, type Emitted } from './batches.js';
import { type EmitTarget, type Lane, openLane } from './lane.js';

/** Most connections that emits are spread over. A namespace is always on the same one. */
const MAX_LANES = 256;

/** The plan of a phase that emits in order, at known times that `seed` decides within their slots. */
export function orderedPlan(
  phase: EmitPhase,
  id: number,
  firstCursor: number,
  startMs: number,
  seed: number,
): EmissionPlan {
  const rate = phase.ratePerSecond ?? 1;
  const requests = Math.max(1, Math.round((phase.durationMs / 1000) * (rate / phase.batch)));
  return {
    id,
    firstCursor,
    count: requests * phase.batch,
    namespaces: phase.namespaces,
    batch: phase.batch,
    startMs,
    intervalMs: dueAtMs(1, rate / phase.batch),
    jitterSeed: seed,
    isOrdered: true,
    cursorLength: phase.cursorLength,
  };
}

/**
 * Carries out a plan through the HTTP API, each request at its time whether or not the ones before it have been
 * answered, except that those of one namespace go out one after the other.
 */
export async function emitPlan(
  plan: EmissionPlan,
  namespaces: readonly string[],
  target: EmitTarget,
  measurement: EmitMeasurement,
  signal: AbortSignal,
  onLag: (durationMs: number, lagP99Ms: number | undefined) => void,
): Promise<Emitted> {
  const lag = new LagMeter(measurement.lag, onLag);
  const lanes = Array.from({ length: Math.min(MAX_LANES, plan.namespaces.length) }, () => openLane(target));
  const requests = plan.count / plan.batch;
  const batches = new Batches(plan, namespaces, measurement, signal);
  const send = (request: number) => {
    lag.record(monotonicMs() - dueMs(plan, request * plan.batch));
    return batches.emit(request, lanes[(request % plan.namespaces.length) % lanes.length] as Lane);
  };
  const underWay: Promise<unknown>[] = [];
  let request = 0;
  try {
    for (; request < requests && !signal.aborted; request++) {
      await waitUntil(dueMs(plan, request * plan.batch), signal);
      if (signal.aborted) break;
      underWay.push(send(request));
    }
    await Promise.all(underWay);
  } finally {
    for (const lane of lanes) lane.close();
  }
  return { emitted: request * plan.batch, failed: batches.failed, error: batches.error };
}

/** Reports once a second how far behind the schedule it was. */
class LagMeter {
  #second = new Histogram();
  #sinceMs = monotonicMs();

  constructor(
    private readonly total: Histogram,
    private readonly onLag: (durationMs: number, lagP99Ms: number | undefined) => void,
  ) {}

  record(lagMs: number): void {
    this.total.record(lagMs);
    this.#second.record(lagMs);
    const durationMs = monotonicMs() - this.#sinceMs;
    if (durationMs < 1000) return;
    this.onLag(durationMs, this.#second.percentileMs(99));
    this.#second = new Histogram();
    this.#sinceMs = monotonicMs();
  }
}
