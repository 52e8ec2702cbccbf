import { DatafnWsError } from '../../protocol/errors.js';
import { cursorText, type EmissionPlan, namespaceAt } from '../measure/emission-plan.js';
import type { EmitMeasurement } from '../measure/measurements.js';
import type { Lane } from './lane.js';

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
   * @returns why the server did not take it; `undefined` when it did, or when that is of no interest any more.
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
