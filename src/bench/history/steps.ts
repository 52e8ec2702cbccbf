import { seededRandom } from '../measure/clock.js';

/** Both sides of a step have at least this many values. */
export const MIN_SIDE = 4;
/** A step is one that fewer than this share of random orders of the same values show as clearly. */
export const CHANCE = 0.0002;
/** Random orders that are tried for one place, and for a stretch of values between two places, which takes longer. */
const ORDERS = { place: 10_000, stretch: 5000 };
/** A value counts as no farther from the median than this many median deviations, so that one wild run is no step. */
const CLIP = 5;

/** A change of level in a series. */
export interface Step {
  /** Index of the first value on the new level. */
  readonly at: number;
  /** Medians of the values from the step before to this one, and from this one to the next. */
  readonly before: number;
  readonly after: number;
}

/**
 * Finds where a series changes its level, as docs/compare.md says. Pure: the random orders come from a fixed seed, so the
 * same series always has the same steps.
 *
 * @param matters whether a change from one median to another is large enough to be of interest.
 */
export function findSteps(
  values: readonly number[],
  matters: (before: number, after: number) => boolean,
): Step[] {
  const places = placesIn(values, 0);
  // One that does not matter is dropped: the values on both sides of it are one level.
  for (;;) {
    const steps = stepsAt(values, places);
    const small = steps.findIndex(({ before, after }) => !matters(before, after));
    if (small < 0) return steps;
    places.splice(small, 1);
  }
}

function stepsAt(values: readonly number[], places: readonly number[]): Step[] {
  const ends = [0, ...places, values.length];
  return places.map((at, index) => ({
    at,
    before: medianOf(values.slice(ends[index], at)),
    after: medianOf(values.slice(at, ends[index + 2])),
  }));
}

/** The clearest place, or stretch, and then what is between. */
function placesIn(values: readonly number[], offset: number): number[] {
  const clipped = withoutWild(values);
  const found = rare(clipped, clearestPlace, ORDERS.place) ?? rare(clipped, clearestStretch, ORDERS.stretch);
  if (found === undefined) return [];
  const ends = [0, ...found.places, values.length];
  return ends
    .slice(1)
    .flatMap((end, index) => {
      const from = ends[index] as number;
      return [...placesIn(values.slice(from, end), offset + from), offset + end];
    })
    .slice(0, -1);
}

interface Split {
  readonly places: readonly number[];
  /** Sum of squares between the two sides. */
  readonly clarity: number;
}

/** The place whose two sides differ most. */
function clearestPlace(values: readonly number[]): Split | undefined {
  const sums = sumsOf(values);
  let [at, most] = [0, 0];
  for (let end = MIN_SIDE; end <= values.length - MIN_SIDE; end++) {
    const clarity = clarityOf(sums[end] as number, end, values.length);
    if (clarity > most) [at, most] = [end, clarity];
  }
  return most === 0 ? undefined : { places: [at], clarity: most };
}

/** The stretch of values that differs most from those on both sides of it: a level that came and went. */
function clearestStretch(values: readonly number[]): Split | undefined {
  const sums = sumsOf(values);
  const { length } = values;
  let [from, to, most] = [0, 0, 0];
  for (let start = MIN_SIDE; start <= length - 2 * MIN_SIDE; start++) {
    for (let end = start + MIN_SIDE; end <= length - MIN_SIDE; end++) {
      const clarity = clarityOf((sums[end] as number) - (sums[start] as number), end - start, length);
      if (clarity > most) [from, to, most] = [start, end, clarity];
    }
  }
  return most === 0 ? undefined : { places: [from, to], clarity: most };
}

/** Sums of the first values, each less the mean of all. */
function sumsOf(values: readonly number[]): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const sums = new Float64Array(values.length + 1);
  for (const [index, value] of values.entries()) sums[index + 1] = (sums[index] as number) + value - mean;
  return sums;
}

function clarityOf(sum: number, count: number, length: number): number {
  return (sum * sum * length) / (count * (length - count));
}

/** The clearest split, if few random orders of the values have one as clear. */
function rare(
  values: readonly number[],
  clearest: (values: readonly number[]) => Split | undefined,
  orders: number,
): Split | undefined {
  const found = clearest(values);
  if (found === undefined) return undefined;
  const order = [...values];
  let draw = 0;
  let asClear = 0;
  for (let turn = 0; turn < orders; turn++) {
    for (let last = order.length - 1; last > 0; last--) {
      const other = Math.floor(seededRandom(order.length, turn, draw++) * (last + 1));
      [order[last], order[other]] = [order[other] as number, order[last] as number];
    }
    // The order of additions moves the last digits.
    if ((clearest(order)?.clarity ?? 0) >= found.clarity * (1 - 1e-9)) asClear += 1;
    if (asClear >= CHANCE * orders) return undefined;
  }
  return found;
}

function withoutWild(values: readonly number[]): number[] {
  const middle = medianOf(values);
  const reach = CLIP * medianOf(values.map((value) => Math.abs(value - middle)));
  if (reach === 0) return [...values];
  return values.map((value) => Math.min(middle + reach, Math.max(middle - reach, value)));
}

/** The median; of an even number, the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
