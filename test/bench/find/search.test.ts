import { expect, test } from 'vitest';
import { type Attempt, CONFIRMATIONS, Search, type SearchSettings } from '../../../src/bench/find/search.js';
import { seededRandom } from '../../../src/bench/measure/clock.js';

/** Searches a server that is described by how a run at a load goes. */
function searched(settings: Partial<SearchSettings>, run: (load: number, attempt: number) => Attempt) {
  const search = new Search({ from: 100, to: undefined, precision: 0.05, ...settings });
  const tried: { load: number; purpose: string; attempt: number }[] = [];
  for (let next = search.next; next !== undefined; next = search.next) {
    tried.push(next);
    if (tried.length > 200) throw new Error('the search does not end');
    search.took(run(next.load, next.attempt));
  }
  return { search, tried, loads: tried.map(({ load }) => load) };
}

const upTo = (limit: number) => (load: number) => (load <= limit ? 'holds' : 'breaks') as Attempt;

test('a load is doubled until it breaks, then the distance is halved, and the limit is confirmed three times', () => {
  const { search, tried } = searched({ from: 100 }, upTo(700));
  expect(tried.map(({ load, purpose }) => `${purpose} ${load}`)).toEqual([
    'raise 100',
    'raise 200',
    'raise 400',
    'raise 800',
    'close-in 600',
    'close-in 700',
    'close-in 750',
    'close-in 725',
    'recheck 725',
    'confirm 700',
    'confirm 700',
    'confirm 700',
  ]);
  expect(search).toMatchObject({ end: 'found', held: 700, broke: 725, confirmed: CONFIRMATIONS });
});

test('whatever the limit, the start and the precision, both bounds are right and close', () => {
  for (let draw = 0; draw < 400; draw++) {
    const random = (index: number) => seededRandom(7, draw, index);
    const limit = Math.floor(10 ** (random(1) * 5));
    const from = Math.max(1, Math.floor(10 ** (random(2) * 3)));
    const precision = 0.005 + random(3) * 0.3;
    const { search, loads } = searched({ from, precision }, upTo(limit));
    // Below a thousandth of the start, nobody looks.
    if (limit < from / 1000) continue;
    if (search.end === 'none') {
      expect(limit).toBeLessThan(Math.max(1, from / 2 ** 9));
      continue;
    }
    const { held = 0, broke = 0 } = search;
    expect(held).toBeLessThanOrEqual(limit);
    expect(broke).toBeGreaterThan(limit);
    expect(broke - held).toBeLessThanOrEqual(Math.max(1, held * precision));
    expect(loads.slice(-3)).toEqual([held, held, held]);
  }
});

test('where a rule breaks at the start, the load is halved until it holds; a server that takes nothing has no limit', () => {
  expect(searched({ from: 1000 }, upTo(130)).loads.slice(0, 4)).toEqual([1000, 500, 250, 125]);
  expect(searched({ from: 8 }, upTo(0))).toMatchObject({
    loads: [8, 4, 2, 1],
    search: { end: 'none', held: undefined, broke: 1 },
  });
});

test('nothing is tried above the greatest load, which is confirmed when nothing breaks', () => {
  const { search, loads } = searched({ from: 100, to: 350 }, upTo(9999));
  expect(loads).toEqual([100, 200, 350, 350, 350, 350]);
  expect(search).toMatchObject({ end: 'top', held: 350, broke: undefined, confirmed: 3 });
});

test('one narrow break or one saturated generator is repeated, and a second one counts', () => {
  const once = searched({ from: 100, to: 200 }, (_load, attempt) =>
    attempt === 1 ? 'breaks-narrowly' : 'holds',
  );
  expect(once.loads).toEqual([100, 100, ...Array(8).fill(200)]);
  expect(once.search).toMatchObject({ end: 'top', held: 200, confirmed: 3 });
  expect(
    searched({ from: 100 }, (load) => (load < 250 ? 'holds' : 'breaks-narrowly')).loads.slice(0, 4),
  ).toEqual([100, 200, 400, 400]);
  const { search, loads } = searched({ from: 100 }, (load) => (load < 400 ? 'holds' : 'saturated'));
  expect(loads).toEqual([100, 200, 400, 400]);
  expect(search).toMatchObject({ end: 'generator', held: 200, broke: undefined });
  expect(searched({}, (load) => (load < 400 ? 'holds' : 'gone')).search).toMatchObject({
    end: 'gone',
    held: 200,
  });
});

test('a limit that is not confirmed gives way to a lower load, and that is confirmed in turn', () => {
  let confirming = 0;
  const { search, tried } = searched({ from: 100 }, (load) => {
    if (load === 700) confirming += 1;
    return load < 700 || (load === 700 && confirming < 3) ? 'holds' : 'breaks';
  });
  expect(confirming).toBe(3);
  expect(search).toMatchObject({ end: 'found', broke: 700, confirmed: 3 });
  expect(search.held).toBeGreaterThanOrEqual(665);
  expect(tried.at(-1)).toMatchObject({ purpose: 'confirm', load: search.held });
});

test('a server that takes every load once and none twice is called unsteady', () => {
  const seen = new Set<number>();
  const { search } = searched({ from: 100 }, (load) => {
    const isNew = !seen.has(load);
    seen.add(load);
    return load < 1000 && isNew ? 'holds' : 'breaks';
  });
  expect(search).toMatchObject({ end: 'unsteady', confirmed: 0 });
});

test('a search ends, and not above the limit, where every third run is disturbed', () => {
  for (let seed = 0; seed < 300; seed++) {
    let runs = 0;
    const { search } = searched({ from: 50 }, (load) => {
      runs += 1;
      if (load > 1000) return 'breaks';
      return seededRandom(seed, 1, runs) < 0.33 ? 'breaks-narrowly' : 'holds';
    });
    expect(['found', 'unsteady', 'none']).toContain(search.end);
    expect(search.held ?? 0).toBeLessThanOrEqual(1000);
  }
});

test('a busy time in which every load breaks is no limit: what broke is tried again, and the search goes on up', () => {
  let runs = 0;
  const { search, tried } = searched({ from: 100 }, (load) => {
    runs += 1;
    return load > (runs <= 4 ? 90 : 800) ? 'breaks' : 'holds';
  });
  expect(tried.map(({ load, purpose }) => `${purpose} ${load}`).slice(0, 7)).toEqual([
    'raise 100',
    'lower 50',
    'close-in 75',
    'close-in 88',
    'close-in 94',
    'close-in 97',
    'recheck 100',
  ]);
  expect(search).toMatchObject({ end: 'found', confirmed: CONFIRMATIONS });
  expect(search.held).toBeGreaterThan(760);
  expect(search.held).toBeLessThanOrEqual(800);
});

test('a server whose loads break and hold by turns is called unsteady', () => {
  let runs = 0;
  const { search } = searched({ from: 100 }, () => (runs++ % 3 === 0 ? 'breaks' : 'holds'));
  expect(search.end).toBe('unsteady');
});
