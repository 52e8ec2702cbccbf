import { countFor, type EmissionPlan, ordinalAt, requestsDueBefore } from './emission-plan.js';
import type { Tally } from './tally.js';

/** A run of ordinals, `from` included and `to` not. */
interface Gap {
  from: number;
  to: number;
}

/**
 * What one client got of one plan.
 *
 * Ordinals of a namespace count from 0 without gaps, so the next one is known, and one that is skipped shows at
 * once: it is remembered as a gap, which a late comer may still fill. Memory is that of the gaps.
 */
export class Reception {
  /** The ordinal that comes next. */
  next: number;
  #gaps: Gap[] | undefined;
  #isSealed = false;

  /**
   * @param first the first ordinal that the client has to get; those before it were under way when it came.
   * @param conflates whether a newer cursor makes a gap good, as it does for a client that reads slowly.
   */
  constructor(
    readonly plan: EmissionPlan,
    /** The slot of the client's namespace in the plan. */
    readonly slot: number,
    readonly first: number,
    readonly conflates: boolean,
  ) {
    this.next = first;
  }

  /**
   * Takes the cursor at `index` of the plan, which is known to be one of the client's namespace.
   *
   * @returns the fault that it was counted as; `undefined` for none.
   */
  receive(index: number, tally: Tally): 'duplicated' | 'reordered' | undefined {
    const ordinal = ordinalAt(this.plan, index);
    if (ordinal === this.next) {
      this.next = ordinal + 1;
    } else if (ordinal > this.next) {
      if (this.conflates) tally.counters.conflated += ordinal - this.next;
      else {
        this.#gaps ??= [];
        this.#gaps.push({ from: this.next, to: ordinal });
      }
      this.next = ordinal + 1;
    } else if (ordinal >= this.first) {
      return this.#receiveEarlier(ordinal, tally);
    }
    return undefined;
  }

  #receiveEarlier(ordinal: number, tally: Tally): 'duplicated' | 'reordered' | undefined {
    const gap = this.#gaps?.find(({ from, to }) => ordinal >= from && ordinal < to);
    if (gap === undefined || this.#gaps === undefined) {
      // Of a slow reader no gaps are kept: what is older than the newest one came out of order.
      const fault = this.conflates && ordinal < this.next - 1 ? 'reordered' : 'duplicated';
      tally.counters[fault] += 1;
      return fault;
    }
    this.#gaps = this.#gaps.flatMap((other) =>
      other === gap
        ? [
            { from: gap.from, to: ordinal },
            { from: ordinal + 1, to: gap.to },
          ].filter(({ from, to }) => from < to)
        : [other],
    );
    if (this.#isSealed) tally.counters.late += 1;
    else if (this.plan.isOrdered) {
      tally.counters.reordered += 1;
      return 'reordered';
    }
    return undefined;
  }

  /** Whether everything up to `final` has come, but for what was never emitted. */
  isComplete(final: number, notEmitted: ReadonlySet<number>): boolean {
    if (this.conflates) return this.next >= final;
    if (this.next >= final && (this.#gaps === undefined || this.#gaps.length === 0)) return true;
    return this.#missing(final, notEmitted) === 0;
  }

  #missing(final: number, notEmitted: ReadonlySet<number>): number {
    let missing = 0;
    for (const { from, to } of this.#gaps ?? [])
      missing += emittedWithin(from, Math.min(to, final), notEmitted);
    return missing + emittedWithin(this.next, final, notEmitted);
  }

  #firstMissing(final: number, notEmitted: ReadonlySet<number>): number | undefined {
    for (const { from, to } of [...(this.#gaps ?? []), { from: this.next, to: final }]) {
      for (let ordinal = from; ordinal < Math.min(to, final); ordinal++)
        if (!notEmitted.has(ordinal)) return ordinal;
    }
    return undefined;
  }

  /**
   * Settles the account: everything before `final` that was emitted had to come, and what did not is lost.
   *
   * @param isReading whether a slow reader still has something to read: then nothing is lost yet, it is behind.
   * @returns the first ordinal that is lost, of a slow reader the newest; `undefined` when none is.
   */
  seal(final: number, notEmitted: ReadonlySet<number>, tally: Tally, isReading = false): number | undefined {
    if (this.#isSealed) return undefined;
    this.#isSealed = true;
    const expected = emittedWithin(this.first, final, notEmitted);
    tally.counters.expected += expected;
    if (this.conflates) {
      // Only the newest one counts: what came before it would have been replaced by it.
      const open = emittedWithin(this.next, final, notEmitted);
      if (open > 0 && isReading) tally.counters.behind += 1;
      else if (open > 0) {
        tally.counters.lost += 1;
        tally.counters.conflated += open - 1;
        return lastEmitted(final, notEmitted);
      }
      return undefined;
    }
    const missing = this.#missing(final, notEmitted);
    tally.counters.lost += missing;
    const first = missing === 0 ? undefined : this.#firstMissing(final, notEmitted);
    if (this.next < final) {
      this.#gaps ??= [];
      this.#gaps.push({ from: this.next, to: final });
      this.next = final;
    }
    return first;
  }
}

/** The newest ordinal before `final` that was emitted. */
function lastEmitted(final: number, notEmitted: ReadonlySet<number>): number {
  let ordinal = final - 1;
  while (notEmitted.has(ordinal)) ordinal -= 1;
  return ordinal;
}

function emittedWithin(from: number, to: number, notEmitted: ReadonlySet<number>): number {
  if (to <= from) return 0;
  let count = to - from;
  if (notEmitted.size > 0) for (const ordinal of notEmitted) if (ordinal >= from && ordinal < to) count -= 1;
  return count;
}

/** How many cursors of a namespace are due before a time; its first ordinal at or after that time is the same number. */
export function ordinalsDueBefore(plan: EmissionPlan, slot: number, timeMs: number): number {
  return countFor(plan, slot, requestsDueBefore(plan, timeMs) * plan.batch);
}
