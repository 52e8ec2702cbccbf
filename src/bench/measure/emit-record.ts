import { type EmissionPlan, FanoutSkew } from './emission-plan.js';

/** What one shard has seen of an emit, for what only all shards together can tell. */
export interface EmitRecord {
  /** Number of its plan, the same in every shard. */
  readonly plan: number;
  /** First and last receipt of each cursor here, from the start of the plan; `null` for one that did not arrive here. */
  readonly first: readonly (number | null)[];
  readonly last: readonly (number | null)[];
  /**
   * From the last emit to the moment when every receiver here had the newest cursor; `null` if one never got it; left out
   * without a receiver.
   */
  readonly convergedMs?: number | null;
}

/** @param convergedMs `Infinity` if a receiver never got the newest cursor, `undefined` without a receiver. */
export function emitRecord(
  plan: EmissionPlan,
  skew: FanoutSkew,
  convergedMs: number | undefined,
): EmitRecord {
  const { first, last } = skew.toData();
  const sinceStart = (times: Float64Array) =>
    Array.from(times, (atMs) => (atMs === 0 ? null : roundedToUs(atMs - plan.startMs)));
  return {
    plan: plan.id,
    first: sinceStart(first),
    last: sinceStart(last),
    ...(convergedMs === undefined ? {} : { convergedMs: Number.isFinite(convergedMs) ? convergedMs : null }),
  };
}

/** What is left of an emit when the records of all shards are put together. */
export interface WholeEmit {
  readonly skew: FanoutSkew;
  /** As in {@link emitRecord}. */
  readonly convergedMs: number | undefined;
}

/** Puts the records of all shards together, emit by emit. */
export function wholeEmits(records: readonly EmitRecord[]): WholeEmit[] {
  const byPlan = new Map<number, EmitRecord[]>();
  for (const record of records) byPlan.set(record.plan, [...(byPlan.get(record.plan) ?? []), record]);
  return [...byPlan.values()].map((ofPlan) => {
    const skew = new FanoutSkew();
    for (const { first, last } of ofPlan) skew.add({ first: shifted(first), last: shifted(last) });
    const converged = ofPlan.flatMap(({ convergedMs }) =>
      convergedMs === undefined ? [] : [convergedMs ?? Number.POSITIVE_INFINITY],
    );
    return { skew, convergedMs: converged.length === 0 ? undefined : Math.max(...converged) };
  });
}

/** Added to every arrival: 0 stands for a cursor that did not arrive, and clocks may make an arrival negative. */
const SHIFT_MS = 1e7;

function shifted(times: readonly (number | null)[]): Float64Array {
  return Float64Array.from(times, (atMs) => (atMs === null ? 0 : atMs + SHIFT_MS));
}

function roundedToUs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
