import fc from 'fast-check';
import { expect, test } from 'vitest';
import { churnTurns } from '../../../src/bench/fleet/churn-turns.js';
import { turnsOf } from '../../../src/bench/measure/sessions.js';

const clients = Array.from({ length: 2000 }, (_, index) => ({ index, isOpen: index % 2 === 0 }));
const order = (level: number) => ({
  ...{ cohort: 0, startMs: 0, durationMs: 60_000, how: 'close' as const, sessions: { meanMs: 4000, level } },
});

test('a client comes and goes by turns, in order, within the time, and never twice the same', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 999 }), fc.boolean(), (seed, client, isThere) => {
      let there = isThere;
      let lastMs = 0;
      for (const { atMs, what } of turnsOf({ meanMs: 500, level: 0.7 }, 10_000, seed, client, isThere)) {
        expect(what).toBe(there ? 'go' : 'come');
        expect(atMs).toBeGreaterThanOrEqual(lastMs);
        expect(atMs).toBeLessThan(10_000);
        there = !there;
        lastMs = atMs;
      }
    }),
  );
});

test.each([0.2, 0.5, 0.9])('the number of clients gets to a level of %d and stays around it', (level) => {
  let there = 1000;
  let area = 0;
  let [lastMs, samples] = [20_000, 0];
  for (const { at, what } of churnTurns(order(level), clients, 0, 1, 5)) {
    if (at > 20_000) {
      area += there * (at - lastMs);
      lastMs = at;
      samples += 1;
      expect(Math.abs(there / 2000 - level)).toBeLessThan(0.06);
    }
    there += what === 'come' ? 1 : -1;
  }
  expect(samples).toBeGreaterThan(100);
  expect(area / (lastMs - 20_000) / 2000).toBeCloseTo(level, 1);
});

test('sessions last as long as they should on average, some short and a few long', () => {
  const lengths = clients.flatMap(({ index }) => {
    const turns = turnsOf({ meanMs: 1000, level: 0.5 }, 60_000, 3, index, false);
    return turns.flatMap(({ atMs, what }, turn) => {
      const next = turns[turn + 1];
      return what === 'come' && next !== undefined ? [next.atMs - atMs] : [];
    });
  });
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  expect(mean / 1000).toBeCloseTo(1, 1);
  expect(lengths.filter((length) => length > 2000).length / lengths.length).toBeCloseTo(Math.exp(-2), 2);
});

test('the turns of a client are the same whichever worker plays it', () => {
  const all = churnTurns(order(0.5), clients, 0, 1, 9);
  const halves = [0, 1].flatMap((worker) => {
    const own = clients.filter(({ index }) => index % 2 === worker);
    return churnTurns(order(0.5), own, worker, 2, 9).map((turn) => ({
      ...turn,
      client: own[turn.client]?.index as number,
    }));
  });
  expect(halves.sort((a, b) => a.at - b.at)).toEqual(all);
});

test('with a rate, the ticks go to the workers in turn', () => {
  const byRate = { cohort: 0, startMs: 0, durationMs: 1000, how: 'close' as const, ratePerSecond: 10 };
  expect(churnTurns(byRate, clients.slice(0, 3), 1, 2, 1)).toEqual(
    [100, 300, 500, 700, 900].map((at, next) => ({ at, client: next % 3, what: 'either' })),
  );
});
