/** A seeded source of random choices: the same seed gives the same inputs on every machine. */
export class Random {
  readonly #state = new Uint32Array(4);

  /** @param seeds whole numbers; each combination is a sequence of its own. */
  constructor(...seeds: readonly number[]) {
    // SplitMix32 spreads the seeds over the state, however alike they are.
    let mixed = 0x9e3779b9;
    for (let index = 0; index < 4; index++) {
      for (const seed of seeds) mixed = splitMix((mixed ^ seed) >>> 0);
      mixed = splitMix(mixed);
      this.#state[index] = mixed;
    }
  }

  /** 32 random bits: xoshiro128** (Blackman and Vigna). */
  bits(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    state[2] = c ^ a;
    state[3] = d ^ b;
    state[1] = b ^ (state[2] as number);
    state[0] = a ^ (state[3] as number);
    state[2] = (state[2] as number) ^ shifted;
    state[3] = rotateLeft(state[3] as number, 11);
    return result;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor((this.bits() / 2 ** 32) * end);
  }

  /** A whole number, both ends included. */
  from(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(share: number): boolean {
    return this.bits() / 2 ** 32 < share;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let index = 0; index < length; index++) bytes[index] = this.bits() & 0xff;
    return bytes;
  }

  /** A length that is usually small and sometimes at a border. */
  length(max: number): number {
    if (this.chance(0.1))
      return Math.min(max, this.pick([0, 1, 125, 126, 127, 128, 255, 256, 65_535, 65_536, 65_537]));
    return Math.floor(max ** (this.bits() / 2 ** 32)) - 1 + this.below(2);
  }
}

function splitMix(value: number): number {
  const seed = (value + 0x9e3779b9) >>> 0;
  let mixed = Math.imul(seed ^ (seed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

function rotateLeft(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
