import { describe, expect, test } from 'vitest';
import { findSteps, MIN_SIDE } from '../../../src/bench/history/steps.js';
import { seededRandom } from '../../../src/bench/measure/clock.js';

const always = () => true;
/** As `compare` has it for durations: a fifth. */
const aFifth = (before: number, after: number) => Math.abs(after - before) > 0.2 * Math.abs(before);
const placesOf = (values: readonly number[], matters = aFifth) =>
  findSteps(values, matters).map(({ at }) => at);

/** A standard normal deviate. */
function normal(seed: number, index: number): number {
  const [u, v] = [seededRandom(seed, index, 0), seededRandom(seed, index, 1)];
  return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
}

/** Values around levels, each from an index on, with noise that is a share of the level. */
function around(levels: readonly (readonly [from: number, level: number])[], length: number, seed: number) {
  return Array.from({ length }, (_, index) => {
    const [, level] = levels.findLast(([from]) => index >= from) ?? [0, 0];
    return level * (1 + 0.05 * normal(seed, index));
  });
}

describe('a known step is found where it is', () => {
  test.each<[string, readonly (readonly [number, number])[], number[]]>([
    [
      'up by half in the middle',
      [
        [0, 20],
        [20, 30],
      ],
      [20],
    ],
    [
      'down by half',
      [
        [0, 20],
        [20, 10],
      ],
      [20],
    ],
    [
      'six runs ago',
      [
        [0, 20],
        [34, 40],
      ],
      [34],
    ],
    [
      'two of them, up and further up',
      [
        [0, 20],
        [12, 30],
        [28, 60],
      ],
      [12, 28],
    ],
    [
      'up, and back again',
      [
        [0, 20],
        [14, 40],
        [26, 20],
      ],
      [14, 26],
    ],
  ])('%s', (_, levels, places) => {
    for (const seed of [1, 2, 3, 4, 5])
      expect(placesOf(around(levels, 40, seed)), `seed ${seed}`).toEqual(places);
  });

  test('with the medians of both levels', () => {
    const values = [...Array(10).fill(3), ...Array(10).fill(7)];
    expect(findSteps(values, always)).toEqual([{ at: 10, before: 3, after: 7 }]);
  });
});

const NOISES: Readonly<Record<string, (seed: number, index: number) => number>> = {
  'a little noise': (seed, index) => 100 * (1 + 0.05 * normal(seed, index)),
  'much noise': (seed, index) => 100 * (1 + 0.3 * normal(seed, index)),
  'a long tail': (seed, index) => Math.exp(0.8 * normal(seed, index)),
  'two levels by chance': (seed, index) => (seededRandom(seed, index, 2) < 0.5 ? 10 : 20),
  'wild runs': (seed, index) => 10 + normal(seed, index) + (seededRandom(seed, index, 3) < 0.1 ? 100 : 0),
};

describe('in 100 series of noise there is no step', () => {
  test.each(Object.keys(NOISES))('%s', (name) => {
    const noise = NOISES[name] as (typeof NOISES)[string];
    const found = Array.from({ length: 100 }, (_, series) =>
      placesOf(Array.from({ length: 60 }, (_, index) => noise(7919 * (series + 1), index))),
    );
    expect(found.flat()).toEqual([]);
  });
});

describe('no step is', () => {
  test('a single wild run, however wild', () => {
    const values = around([[0, 20]], 40, 1);
    values[20] = 5000;
    expect(placesOf(values)).toEqual([]);
  });

  test('a change that does not matter', () => {
    const values = around(
      [
        [0, 20],
        [20, 23],
      ],
      40,
      1,
    );
    expect(placesOf(values, always)).toEqual([20]);
    expect(placesOf(values)).toEqual([]);
  });

  test(`what has fewer than ${MIN_SIDE} values on one side`, () => {
    const values = around(
      [
        [0, 20],
        [37, 100],
      ],
      40,
      1,
    );
    expect(placesOf(values)).toEqual([]);
  });

  test.each([[[]], [[1]], [Array(50).fill(0)], [Array(50).fill(12.5)]])('in %j', (values) => {
    expect(placesOf(values, always)).toEqual([]);
  });
});

test('the same series has the same steps every time', () => {
  const values = around(
    [
      [0, 20],
      [17, 27],
    ],
    40,
    9,
  );
  expect(findSteps(values, aFifth)).toEqual(findSteps([...values], aFifth));
});
