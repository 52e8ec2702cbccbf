/**
 * A number in [0, 1) that depends on nothing but the arguments: the `draw`-th of one client under one seed. Runs
 * with the same seed choose the same, however many workers they are spread over.
 */
export function seededRandom(seed: number, client: number, draw: number): number {
  // splitmix32 over a mix of the three.
  let state = (seed ^ Math.imul(client + 1, 0x9e3779b1) ^ Math.imul(draw + 1, 0x85ebca6b)) >>> 0;
  state = (state + 0x9e3779b9) | 0;
  state = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
  state = Math.imul(state ^ (state >>> 15), 0x735a2d97);
  return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32;
}
