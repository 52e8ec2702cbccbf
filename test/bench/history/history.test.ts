import { expect, test } from 'vitest';
import type { ComparedResult } from '../../../src/bench/compare/comparison.js';
import { historiesOf } from '../../../src/bench/history/history.js';
import { fanoutTimes, resultOf, tallyOf } from '../compare/results.js';

const DAY_MS = 24 * 3600 * 1000;

/** A report a day; `change` says what is different on a day. */
function reportsOf(days: number, change: (day: number) => Partial<ComparedResult>) {
  return Array.from({ length: days }, (_, day) => ({
    file: `${day}.json`,
    results: [
      {
        ...resultOf(),
        startedAt: new Date(Date.UTC(2026, 0, 1) + day * DAY_MS).toISOString(),
        revision: `revision${day}`,
        ...change(day),
      },
    ],
  }));
}
const slower = (factor: number) => ({ total: resultOf(fanoutTimes(factor)).total });
const seriesOf = (history: ReturnType<typeof historiesOf>[number] | undefined, name: string) =>
  history?.series.find((one) => one.name === name);

test('a step names the first run on the new level, both levels, and that it is worse', () => {
  const [history] = historiesOf(reportsOf(30, (day) => (day < 20 ? {} : slower(2))));
  const step = seriesOf(history, 'fanout.p99')?.steps;
  expect(step).toEqual([expect.objectContaining({ run: 20, verdict: 'worse', alsoChanged: [] })]);
  expect(history?.runs[20]?.revision).toBe('revision20');
  expect(history?.series[0]?.steps).not.toEqual([]);
});

test('runs are in the order of their time, whatever their files are called', () => {
  const reports = reportsOf(30, (day) => (day < 20 ? slower(2) : {})).reverse();
  const [history] = historiesOf(reports);
  expect(history?.runs.map(({ file }) => file)).toEqual(reports.map(({ file }) => file).reverse());
  expect(seriesOf(history, 'fanout.p99')?.steps).toEqual([
    expect.objectContaining({ run: 20, verdict: 'better' }),
  ]);
});

test('a count that changes by one is a step; of an outcome it is neither better nor worse', () => {
  const lossy = resultOf((all) => {
    tallyOf(all, 'hot').counters.lost += 1;
    tallyOf(all, 'hot').closed.count('4503 Namespace connection limit reached', -1);
  }).total;
  const [history] = historiesOf(reportsOf(30, (day) => (day < 20 ? {} : { total: lossy })));
  expect(seriesOf(history, 'cursors.lost')?.steps).toEqual([
    expect.objectContaining({ run: 20, verdict: 'worse' }),
  ]);
  expect(seriesOf(history, 'closed')?.steps).toEqual([
    expect.objectContaining({ run: 20, verdict: 'changed' }),
  ]);
});

test('what else changed at a step is said', () => {
  const machine = { ...resultOf().machine, cores: 64 };
  const [history] = historiesOf(reportsOf(30, (day) => (day < 20 ? {} : { ...slower(2), machine })));
  expect(seriesOf(history, 'fanout.p99')?.steps[0]?.alsoChanged).toEqual(['the machine']);
});

test('runs that were stopped or not valid are left out and named; those that failed are not', () => {
  const verdicts = ['aborted', 'invalid', 'failed'] as const;
  const [history] = historiesOf(reportsOf(5, (day) => ({ verdict: verdicts[day] ?? 'passed' })));
  expect(history?.leftOut).toEqual(['0.json', '1.json']);
  expect(history?.runs).toHaveLength(3);
});

test('a run without samples of a metric is a gap', () => {
  const without = { metrics: resultOf().total.metrics.filter(({ name }) => name !== 'fanout.p99') };
  const [history] = historiesOf(reportsOf(5, (day) => (day === 2 ? { total: without } : {})));
  expect(seriesOf(history, 'fanout.p99')?.values[2]).toBeNull();
});

test('scenarios are apart', () => {
  const named = (name: string) => ({ scenario: { ...resultOf().scenario, name } });
  const histories = historiesOf(reportsOf(6, (day) => named(day % 2 ? 'odd' : 'even')));
  expect(histories.map(({ scenario, runs }) => [scenario, runs.length])).toEqual([
    ['even', 3],
    ['odd', 3],
  ]);
});
