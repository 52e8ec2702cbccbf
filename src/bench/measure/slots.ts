import { seededRandom } from './clock.js';

/** Which namespace each request of a plan goes to, where that is drawn. */
export interface Slots {
  /** By request. */
  readonly slots: Uint32Array;
  /** How many earlier requests went to the same slot, by request. */
  readonly ranks: Uint32Array;
  /** Requests of each slot, ascending. */
  readonly requests: readonly Uint32Array[];
}

/**
 * Draws a slot for each request by Zipf's law: the k-th is drawn 1/k as often as the first, as a few tenants are busy and
 * most are not.
 *
 * @param seed the same draws for the same seed, in every process.
 */
export function zipfSlots(requests: number, slots: number, seed: number): Slots {
  const upTo = zipfShares(slots);
  const drawn = new Uint32Array(requests);
  const ranks = new Uint32Array(requests);
  const counts = new Uint32Array(slots);
  for (let request = 0; request < requests; request++) {
    const slot = firstAbove(upTo, seededRandom(seed, ZIPF_DRAWS, request));
    drawn[request] = slot;
    ranks[request] = counts[slot] as number;
    counts[slot] = (counts[slot] as number) + 1;
  }
  const own = Array.from(counts, (count) => new Uint32Array(count));
  for (let request = 0; request < requests; request++)
    (own[drawn[request] as number] as Uint32Array)[ranks[request] as number] = request;
  return { slots: drawn, ranks, requests: own };
}

/** Sets these draws apart from those of clients. */
const ZIPF_DRAWS = 0x51bf;

/** Running shares of slots by Zipf's law; the last is 1. */
function zipfShares(slots: number): Float64Array {
  const upTo = new Float64Array(slots);
  let sum = 0;
  for (let slot = 0; slot < slots; slot++) {
    sum += 1 / (slot + 1);
    upTo[slot] = sum;
  }
  for (let slot = 0; slot < slots; slot++) upTo[slot] = (upTo[slot] as number) / sum;
  return upTo;
}

/** The first index whose value is above a number; of ascending values, the last of which is. */
export function firstAbove(values: ArrayLike<number>, number: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** How many of ascending values are below a number. */
export function countBelow(values: ArrayLike<number>, number: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The namespace of each client, by Zipf's law: the k-th has 1/k as many as the first, rounded. Clients of a namespace
 * are apart from each other, as far as that goes, so that any part of them is divided alike.
 */
export function zipfRotation(clients: number, namespaces: readonly number[]): number[] {
  const upTo = zipfShares(namespaces.length);
  // A multiplicative permutation: client i takes a place far from that of client i + 1.
  const step = coprimeNear(clients * 0.618, clients);
  return Array.from({ length: clients }, (_, client) => {
    const place = (client * step) % clients;
    return namespaces[firstAbove(upTo, (place + 0.5) / clients)] as number;
  });
}

/** A number near another that has no divisor in common with `of`. */
function coprimeNear(near: number, of: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let step = Math.max(1, Math.floor(near));
  while (divisor(step, of) !== 1) step += 1;
  return step;
}
