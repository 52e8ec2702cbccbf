import { seededRandom } from './clock.js';
import { Histogram } from './histogram.js';

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

/** The namespace that the `index`-th cursor of the plan goes to. */
export function namespaceAt(plan: EmissionPlan, index: number): number {
  return plan.namespaces[Math.floor(index / plan.batch) % plan.namespaces.length] as number;
}

/** The place of the `index`-th cursor of the plan among those of its namespace, from 0. */
export function ordinalAt(plan: EmissionPlan, index: number): number {
  const request = Math.floor(index / plan.batch);
  return Math.floor(request / plan.namespaces.length) * plan.batch + (index % plan.batch);
}

/** The index in the plan of the cursor that {@link ordinalAt} gives this place, of the namespace in slot `slot`. */
export function indexAt(plan: EmissionPlan, slot: number, ordinal: number): number {
  const request = Math.floor(ordinal / plan.batch) * plan.namespaces.length + slot;
  return request * plan.batch + (ordinal % plan.batch);
}

/** How many of the first `emitted` cursors of the plan go to the namespace in slot `slot`. */
export function countFor(plan: EmissionPlan, slot: number, emitted: number): number {
  const requests = Math.floor(emitted / plan.batch);
  const rest = emitted % plan.batch;
  const rounds = Math.floor(requests / plan.namespaces.length);
  const within = requests % plan.namespaces.length;
  const full = rounds + (within > slot ? 1 : 0);
  return full * plan.batch + (within === slot ? rest : 0);
}

/** When the `index`-th cursor of the plan is due. */
export function dueMs(plan: EmissionPlan, index: number): number {
  return requestDueMs(plan, Math.floor(index / plan.batch));
}

function requestDueMs({ id, startMs, intervalMs, jitterSeed }: EmissionPlan, request: number): number {
  const place = jitterSeed === undefined ? 0 : seededRandom(jitterSeed, id, request);
  return startMs + (request + place) * intervalMs;
}

/** How many requests of the plan are due before a time. */
export function requestsDueBefore(plan: EmissionPlan, timeMs: number): number {
  const interval = Math.floor((timeMs - plan.startMs) / plan.intervalMs);
  if (interval < 0) return 0;
  // All of the earlier intervals are; of the one that the time is in, it depends.
  const due = interval + (requestDueMs(plan, interval) < timeMs ? 1 : 0);
  return Math.min(due, plan.count / plan.batch);
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
