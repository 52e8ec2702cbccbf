import { seededRandom } from './clock.js';
import { Histogram } from './histogram.js';
import { countBelow, type Slots, zipfSlots } from './slots.js';
import { eventsBefore, type Stage, timeOf } from './stages.js';

/**
 * A series of cursors that is going to be emitted, announced to every worker beforehand: from a cursor alone, a receiver
 * knows which broadcast it names, for which namespace, its place among that namespace's cursors, and when it was
 * due. Pure.
 */
export interface EmissionPlan {
  readonly id: number;
  /** The first cursor; the others follow without gaps. */
  readonly firstCursor: number;
  /** How many cursors at most; workers learn later how many were really emitted. */
  readonly count: number;
  /** Indexes of the namespaces, in the order in which they take slots. */
  readonly namespaces: readonly number[];
  /** Cursors in a request. All of a request go to one namespace. */
  readonly batch: number;
  /** When the first request is due at the earliest, on the machine's monotonic clock. */
  readonly startMs: number;
  /** From one request to the next, on average: each request has an interval of this length. */
  readonly intervalMs: number;
  /**
   * Seed of the time that each request takes within its interval; without one, the beginning. A server that
   * stalls periodically would otherwise be asked in the same part of each period, and might never show its stalls.
   */
  readonly jitterSeed?: number;
  /** How many requests are due a second, over time; left out for one in each interval. */
  readonly stages?: readonly Stage[];
  /**
   * Seed of the times of a Poisson process, which has no memory: requests come as from many clients that know nothing
   * of each other. They take the place of a time within an interval.
   */
  readonly poissonSeed?: number;
  /** Requests that are due together; the rate stays what it is on average. */
  readonly burst?: number;
  /** Seed of the namespaces, drawn by Zipf's law; left out for one after the other. */
  readonly zipfSeed?: number;
  /** What clients must get: every cursor, or in the end the newest of their namespace. Left out: every one. */
  readonly owes?: 'every' | 'newest';
  /** Whether cursors of a namespace are emitted in order, at known times. Load by racing connections is not. */
  readonly isOrdered: boolean;
  /** Characters of a cursor, zeros in front; 0 for no zeros. */
  readonly cursorLength: number;
}

/** The `index`-th cursor of the plan, as it is sent. */
export function cursorText(plan: EmissionPlan, index: number): string {
  return String(plan.firstCursor + index).padStart(plan.cursorLength, '0');
}

/** Whether a cursor belongs to the plan. */
export function contains(plan: EmissionPlan, cursor: number): boolean {
  return cursor >= plan.firstCursor && cursor < plan.firstCursor + plan.count;
}

/** The slot that a request goes to. */
export function slotAt(plan: EmissionPlan, request: number): number {
  if (plan.zipfSeed === undefined) return request % plan.namespaces.length;
  return slotsOf(plan, plan.zipfSeed).slots[request] as number;
}

/** The namespace that the `index`-th cursor of the plan goes to. */
export function namespaceAt(plan: EmissionPlan, index: number): number {
  return plan.namespaces[slotAt(plan, Math.floor(index / plan.batch))] as number;
}

/** The place of the `index`-th cursor of the plan among those of its namespace, from 0. */
export function ordinalAt(plan: EmissionPlan, index: number): number {
  const request = Math.floor(index / plan.batch);
  const rank =
    plan.zipfSeed === undefined
      ? Math.floor(request / plan.namespaces.length)
      : (slotsOf(plan, plan.zipfSeed).ranks[request] as number);
  return rank * plan.batch + (index % plan.batch);
}

/** The index in the plan of the cursor that {@link ordinalAt} gives this place, of the namespace in slot `slot`. */
export function indexAt(plan: EmissionPlan, slot: number, ordinal: number): number {
  const rank = Math.floor(ordinal / plan.batch);
  const request =
    plan.zipfSeed === undefined
      ? rank * plan.namespaces.length + slot
      : (slotsOf(plan, plan.zipfSeed).requests[slot]?.[rank] ?? plan.count / plan.batch);
  return request * plan.batch + (ordinal % plan.batch);
}

/** How many of the first `emitted` cursors of the plan go to the namespace in slot `slot`. */
export function countFor(plan: EmissionPlan, slot: number, emitted: number): number {
  const requests = Math.floor(emitted / plan.batch);
  const rest = emitted % plan.batch;
  if (plan.zipfSeed !== undefined) {
    const own = slotsOf(plan, plan.zipfSeed).requests[slot] as Uint32Array;
    const full = countBelow(own, requests);
    return full * plan.batch + (own[full] === requests ? rest : 0);
  }
  const rounds = Math.floor(requests / plan.namespaces.length);
  const within = requests % plan.namespaces.length;
  const full = rounds + (within > slot ? 1 : 0);
  return full * plan.batch + (within === slot ? rest : 0);
}

/** When the `index`-th cursor of the plan is due. */
export function dueMs(plan: EmissionPlan, index: number): number {
  return requestDueMs(plan, Math.floor(index / plan.batch));
}

function requestDueMs(plan: EmissionPlan, request: number): number {
  const place = placeOf(plan, request);
  const { startMs, intervalMs, stages } = plan;
  return startMs + (stages === undefined ? place * intervalMs : timeOf(stages, place));
}

/** Where a request is due, counted in requests from the beginning. Never less than that of the one before. */
function placeOf(plan: EmissionPlan, request: number): number {
  const { id, jitterSeed, poissonSeed, burst = 1 } = plan;
  const group = Math.floor(request / burst);
  if (poissonSeed !== undefined) return (poissonOf(plan, poissonSeed)[group] as number) * burst;
  const within = jitterSeed === undefined ? 0 : seededRandom(jitterSeed, id, group);
  return (group + within) * burst;
}

/** How many requests of the plan are due before a time. */
export function requestsDueBefore(plan: EmissionPlan, timeMs: number): number {
  const requests = plan.count / plan.batch;
  const passedMs = timeMs - plan.startMs;
  if (passedMs < 0) return 0;
  if (plan.poissonSeed === undefined && plan.burst === undefined) {
    const { stages, intervalMs } = plan;
    const passed = stages === undefined ? passedMs / intervalMs : eventsBefore(stages, passedMs);
    const interval = Math.floor(passed);
    // All of the earlier intervals are; of the one that the time is in, it depends. A rounding error may move it.
    for (let request = Math.min(interval + 1, requests - 1); request >= interval - 1; request--)
      if (request >= 0 && requestDueMs(plan, request) < timeMs) return request + 1;
    return Math.max(0, Math.min(interval - 1, requests));
  }
  let [low, high] = [0, requests];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (requestDueMs(plan, middle) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

// What is drawn is drawn once for each plan: every cursor that a client reads asks for it.

const drawnSlots = new WeakMap<EmissionPlan, Slots>();
const drawnPlaces = new WeakMap<EmissionPlan, Float64Array>();

function slotsOf(plan: EmissionPlan, seed: number): Slots {
  const known = drawnSlots.get(plan);
  if (known !== undefined) return known;
  const drawn = zipfSlots(plan.count / plan.batch, plan.namespaces.length, seed + plan.id);
  drawnSlots.set(plan, drawn);
  return drawn;
}

/**
 * The places of a Poisson process of which it is known how many events it has: exponential gaps, stretched so that
 * the event after the last one would be at the end.
 */
function poissonOf(plan: EmissionPlan, seed: number): Float64Array {
  const known = drawnPlaces.get(plan);
  if (known !== undefined) return known;
  const groups = Math.ceil(plan.count / plan.batch / (plan.burst ?? 1));
  const places = new Float64Array(groups);
  let sum = 0;
  const gap = (event: number) => -Math.log(1 - seededRandom(seed, plan.id, event));
  for (let event = 0; event < groups; event++) {
    sum += gap(event);
    places[event] = sum;
  }
  sum += gap(groups);
  for (let event = 0; event < groups; event++) places[event] = ((places[event] as number) * groups) / sum;
  drawnPlaces.set(plan, places);
  return places;
}

/** Cursors of one plan whose skew is followed; those beyond are not. */
const MAX_FOLLOWED = 200_000;

/** First and last receipt by index in the plan, as they travel between processes. */
export interface FanoutSkewData {
  readonly first: Float64Array;
  readonly last: Float64Array;
}

/** When each broadcast reached its first and its last receiver. */
export class FanoutSkew {
  #first: Float64Array = new Float64Array(64);
  #last: Float64Array = new Float64Array(64);
  #length = 0;

  record(index: number, atMs: number): void {
    if (index >= this.#first.length) {
      if (index >= MAX_FOLLOWED) return;
      this.#grow(index + 1);
    }
    if (index >= this.#length) this.#length = index + 1;
    const first = this.#first[index] as number;
    if (first === 0 || atMs < first) this.#first[index] = atMs;
    if (atMs > (this.#last[index] as number)) this.#last[index] = atMs;
  }

  add({ first, last }: FanoutSkewData): void {
    for (let index = 0; index < first.length; index++) {
      if ((first[index] as number) === 0) continue;
      this.record(index, first[index] as number);
      this.record(index, last[index] as number);
    }
  }

  toData(): FanoutSkewData {
    return { first: this.#first.slice(0, this.#length), last: this.#last.slice(0, this.#length) };
  }

  /** From the first receiver to the last, for each broadcast that was received. */
  toHistogram(): Histogram {
    const histogram = new Histogram();
    for (let index = 0; index < this.#length; index++) {
      const first = this.#first[index] as number;
      if (first > 0) histogram.record((this.#last[index] as number) - first);
    }
    return histogram;
  }

  #grow(length: number): void {
    const size = Math.min(MAX_FOLLOWED, Math.max(length, this.#first.length * 2));
    const [first, last] = [new Float64Array(size), new Float64Array(size)];
    first.set(this.#first);
    last.set(this.#last);
    this.#first = first;
    this.#last = last;
  }
}
