import { setTimeout as sleep } from 'node:timers/promises';
import { DatafnWsError } from '../protocol/errors.js';
import type { ApiClient, EmissionResult } from './api-client.js';
import type { ScriptError, ScriptStep } from './script.js';

/** The outcome of an emit run. */
export interface EmitSummary {
  /** Cursors that the server accepted, counted once per namespace. */
  readonly cursors: number;
  /** Clients that were sent one, summed over all cursors. */
  readonly deliveries: number;
  /** Refused cursors and invalid lines. */
  readonly failures: number;
  readonly elapsedMs: number;
  /** How far an emission fell behind its schedule at most; 0 without a rate. */
  readonly maxLagMs: number;
}

export interface EmitRunOptions {
  readonly client: ApiClient;
  readonly steps: AsyncIterable<ScriptStep | ScriptError> | Iterable<ScriptStep | ScriptError>;
  /** Steps per second on a fixed schedule. Without it, each step waits for the one before. */
  readonly ratePerSecond?: number;
  /** Continues after a failure instead of throwing it. */
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  /** Called after each step; the next step waits for what it returns. */
  onEmitted(results: readonly EmissionResult[]): unknown;
  /** The same for a step that failed. */
  onFailure(error: DatafnWsError): unknown;
}

/**
 * Emits step after step, in order, on one connection. Stops early, without an error, when the signal aborts.
 *
 * @throws {DatafnWsError} the first failure, unless `keepGoing`; an unreachable server always.
 */
export async function runEmit(options: EmitRunOptions): Promise<EmitSummary> {
  const { client, ratePerSecond, signal } = options;
  const startedAtMs = performance.now();
  const total = { cursors: 0, deliveries: 0, failures: 0, maxLagMs: 0 };
  let index = 0;
  for await (const step of options.steps) {
    if (signal.aborted) break;
    try {
      if ('error' in step) throw step.error;
      const lateBy = await waitFor(step, index, startedAtMs, ratePerSecond, signal);
      if (signal.aborted) break;
      total.maxLagMs = Math.max(total.maxLagMs, lateBy);
      const results = await client.emit(step.emissions);
      total.cursors += results.length;
      for (const { delivered } of results) total.deliveries += delivered;
      await options.onEmitted(results);
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof DatafnWsError)) throw error;
      if (!options.keepGoing || error.code === 'ERR_UNREACHABLE') throw error;
      total.failures += 'error' in step ? 1 : step.emissions.length;
      await options.onFailure(error);
    }
    index += 1;
  }
  return { ...total, elapsedMs: performance.now() - startedAtMs };
}

/** Waits until the step is due. Returns how late it is, in milliseconds. */
async function waitFor(
  step: ScriptStep,
  index: number,
  startedAtMs: number,
  ratePerSecond: number | undefined,
  signal: AbortSignal,
): Promise<number> {
  const pause = (ms: number) => (ms > 0 ? sleep(ms, undefined, { signal }).catch(() => {}) : undefined);
  await pause(step.delayMs);
  if (ratePerSecond === undefined) return 0;
  const untilDue = startedAtMs + dueAtMs(index, ratePerSecond) - performance.now();
  await pause(untilDue);
  return Math.max(0, -untilDue);
}

/**
 * When the `index`-th of a series of events is due, in milliseconds from the start.
 *
 * The schedule is an open loop: an emitter that falls behind catches up, and knows by how much it is late.
 */
export function dueAtMs(index: number, ratePerSecond: number): number {
  return (index * 1000) / ratePerSecond;
}
