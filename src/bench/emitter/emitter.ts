import { dueAtMs } from '../../emit/pacer.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { monotonicMs, waitUntil } from '../measure/clock.js';
import { cursorText, dueMs, type EmissionPlan, namespaceAt } from '../measure/emission-plan.js';
import { Histogram } from '../measure/histogram.js';
import type { EmitMeasurement } from '../measure/measurements.js';
import { type EmitTarget, type Lane, openLane } from './lane.js';

/** Most connections that emits are spread over. A namespace is always on the same one. */
const MAX_LANES = 256;

/** What is to be emitted. */
export interface EmitOrder {
  readonly namespaces: readonly number[];
  /** `undefined` for autocannon without a rate: as fast as the server answers. */
  readonly ratePerSecond: number | undefined;
  readonly durationMs: number;
  /** Cursors of a namespace in one request. */
  readonly batch: number;
  /** Characters of a cursor; it is filled up with zeros in front. 0 leaves it as it is. */
  readonly cursorLength: number;
  /** Connections of autocannon. */
  readonly connections: number;
}

/** The plan of a phase that emits in order, at known times that `seed` decides within their slots. */
export function orderedPlan(
  order: EmitOrder,
  id: number,
  firstCursor: number,
  startMs: number,
  seed: number,
): EmissionPlan {
  const rate = order.ratePerSecond ?? 1;
  const requests = Math.max(1, Math.round((order.durationMs / 1000) * (rate / order.batch)));
  return {
    id,
    firstCursor,
    count: requests * order.batch,
    namespaces: order.namespaces,
    batch: order.batch,
    startMs,
    intervalMs: dueAtMs(1, rate / order.batch),
    jitterSeed: seed,
    isOrdered: true,
    cursorLength: order.cursorLength,
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

/** What came of carrying out a plan. */
export interface Emitted {
  /** Cursors that were meant to go out before it ended. */
  readonly emitted: number;
  /** Indexes in the plan of those that the server did not take. */
  readonly failed: number[];
  /** The first reason for a failure. */
  readonly error: DatafnWsError | undefined;
}

/** Emits the batches of a plan, whatever decides when, and keeps account of what came of them. */
export class Batches {
  readonly failed: number[] = [];
  /** The first reason for a failure. */
  error: DatafnWsError | undefined;

  constructor(
    private readonly plan: EmissionPlan,
    private readonly namespaces: readonly string[],
    private readonly measurement: EmitMeasurement,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Emits one batch, all of it or nothing.
   *
   * @param index counts batches from 0.
   * @returns why the server did not take it; `undefined` when it did, or when the run was stopped.
   */
  async emit(index: number, lane: Lane): Promise<DatafnWsError | undefined> {
    const { plan, measurement } = this;
    const first = index * plan.batch;
    const namespace = this.namespaces[namespaceAt(plan, first)] as string;
    const emissions = Array.from({ length: plan.batch }, (_, offset) => ({
      namespace,
      cursor: cursorText(plan, first + offset),
    }));
    try {
      // Not `+= await`: that would read the sum before the wait, and lose what others add meanwhile.
      const delivered = await lane.emit(emissions);
      measurement.delivered += delivered;
      measurement.broadcasts += plan.batch;
      return undefined;
    } catch (reason) {
      if (!(reason instanceof DatafnWsError)) throw reason;
      if (this.signal.aborted) return undefined;
      this.error ??= reason;
      measurement.failed += plan.batch;
      for (let offset = 0; offset < plan.batch; offset++) this.failed.push(first + offset);
      return reason;
    }
  }
}
