import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Measurements } from '../../../src/bench/measure/measurements.js';
import { mergedResult } from '../../../src/bench/merge/merge.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import { type JsonResult, reportSchema } from '../../../src/bench/report/schema.js';
import { terminalReport, verdictText } from '../rendered.js';
import { type Fill, fanoutOf, opened, rulesOf, scenarioWith, shard } from './shards.js';

describe('the merge of shards', () => {
  test('is what one machine would have reported, however what happened is divided: counts and every bucket', () => {
    const scenario = scenarioWith(['accepted >= 0']);
    const event = fc.record({
      shard: fc.integer({ min: 0, max: 3 }),
      phase: fc.integer({ min: 0, max: 1 }),
      cohort: fc.integer({ min: 0, max: 1 }),
      ms: fc.double({ min: 0, max: 5000, noNaN: true }),
      code: fc.constantFrom('1006', '4503 Connection limit reached', '4401 Unauthorized'),
    });
    const apply = (
      measurements: Measurements,
      { cohort, ms, code }: { cohort: number; ms: number; code: string },
    ) => {
      const one = measurements.cohorts[cohort];
      if (one === undefined) throw new Error('no cohort');
      one.tally.counters.opened += 1;
      one.tally.counters.expected += 2;
      one.tally.counters.received += 2;
      one.tally.closed.count(code);
      one.tally.histograms.fanout.record(ms);
      one.tally.histograms.pingIntervalLeast.record(ms);
      one.open += 1;
      one.unpinged += 1;
      one.cursorsOwed += 1;
    };
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const parts = [0, 1, 2, 3].map((place) =>
          shard(scenario, place + 1, 4, (measurements, phase) => {
            for (const one of events)
              if (one.shard === place && one.phase === phase) apply(measurements, one);
          }),
        );
        const whole = shard(scenario, 1, 1, (measurements, phase) => {
          for (const one of events) if (one.phase === phase) apply(measurements, one);
        });
        const merged = mergedResult(parts, false);
        const alone = mergedResult([whole], false);
        const exact = ({ total, phases }: JsonResult) =>
          [total, ...phases.map(({ measurements }) => measurements)].map(
            ({ cohorts, metrics, histograms }) => ({
              cohorts: cohorts.map(({ histograms: own, ...cohort }) => ({
                ...cohort,
                own: withoutMeans(own),
              })),
              metrics: withoutMean(metrics),
              histograms: withoutMeans(histograms),
            }),
          );
        expect(exact(merged)).toEqual(exact(alone));
        // What bench itself reports of the whole.
        const [direct, ours] = [whole, merged].map(({ total }) => withoutMean(total.metrics));
        expect(ours).toEqual(direct);
        expect(reportSchema.safeParse(jsonReport([merged], [])).error).toBeUndefined();
      }),
      { numRuns: 12 },
    );
  });

  test('has the skew and the convergence of all receivers, wherever they are', () => {
    const scenario = scenarioWith(['fanout.skew.max < 10s', 'convergence.max < 10s']);
    const emit =
      (first: number, last: number, convergedMs: number): Fill =>
      (measurements, phase) => {
        if (phase === 1)
          measurements.emits.push({ plan: 1, first: [first, null], last: [last, null], convergedMs });
      };
    const merged = mergedResult(
      [shard(scenario, 1, 2, emit(10, 30, 40)), shard(scenario, 2, 2, emit(25, 95, 100))],
      false,
    );
    expect(merged.total.histograms.skew).toMatchObject({ count: 1, max: 85 });
    expect(merged.total.histograms.convergence).toMatchObject({ count: 1, max: 100 });
  });

  test('has not converged where the receivers of one shard have not', () => {
    const scenario = scenarioWith(['convergence.max < 10s']);
    const emit =
      (convergedMs: number | null): Fill =>
      (measurements, phase) => {
        if (phase === 1) measurements.emits.push({ plan: 1, first: [1], last: [1], convergedMs });
      };
    const merged = mergedResult([shard(scenario, 1, 2, emit(40)), shard(scenario, 2, 2, emit(null))], false);
    expect(rulesOf(merged)['convergence.max < 10s']).toMatchObject({ passed: false, shown: 'no samples' });
  });

  test('judges the rules on the whole, though no shard has judged any', () => {
    const scenario = scenarioWith(['steady.accepted == 8', 'hot.accepted == 7']);
    const shards = [1, 2].map((index) => shard(scenario, index, 2, opened));
    expect(shards.map(({ verdict }) => verdict)).toEqual(['passed', 'passed']);
    expect(shards[0]?.expectations.every(({ deferred }) => deferred === true)).toBe(true);
    expect(verdictText(shards[0] as JsonResult).replace(/\s+/g, ' ')).toMatch(
      /shard 1 of 2 has measured its 7 clients .*datafn-ws merge judges the rules/s,
    );
    const merged = mergedResult(shards, false);
    expect(merged.verdict).toBe('failed');
    expect(rulesOf(merged)).toMatchObject({
      'steady.accepted == 8': { passed: true, shown: '8' },
      'hot.accepted == 7': { passed: false, shown: '8' },
    });
  });

  test('judges a rule about a phase on that phase', () => {
    const scenario = scenarioWith(['accepted >= 0']);
    const losing: Fill = (measurements, phase) => {
      const { counters } = (measurements.cohorts[0] as Measurements['cohorts'][number]).tally;
      counters.expected += 10;
      if (phase === 1) counters.lost += 3;
    };
    const merged = mergedResult([shard(scenario, 1, 2, losing), shard(scenario, 2, 2, losing)], false);
    expect(merged.expectations[0]).toMatchObject({ rule: 'cursors.lost == 0', actual: 6, passed: false });
    expect(merged.expectations[0]?.phase).toMatch(/^emit/);
  });

  test('takes what the server says from the first shard, which knows all of it', () => {
    const scenario = scenarioWith(['server.accepted == 8']);
    const saying: Fill = (measurements, phase) => {
      opened(measurements, phase);
      measurements.server = { accepted: 8 };
    };
    const merged = mergedResult([shard(scenario, 1, 2, saying), shard(scenario, 2, 2, saying)], false);
    expect(rulesOf(merged)['server.accepted == 8']).toMatchObject({ passed: true, shown: '8' });
  });

  test.each<[string, string, readonly boolean[], boolean, object]>([
    [
      'of the server that the first shard cannot measure',
      'server.connections == 8',
      [true, false],
      false,
      { passed: true, shown: 'not measurable', notMeasurable: 'it does not say' },
    ],
    [
      'of the server, strictly',
      'server.connections == 8',
      [true, false],
      true,
      { passed: false, shown: 'not measurable' },
    ],
    [
      'of clients that no shard can measure',
      'accepted == 16',
      [true, true],
      false,
      { passed: true, shown: 'not measurable' },
    ],
    [
      'of clients that one shard cannot measure',
      'accepted == 16',
      [true, false],
      false,
      { passed: true, shown: '16' },
    ],
  ])('neither holds nor fails in a rule %s', (_, rule, without, isStrict, outcome) => {
    const scenario = scenarioWith([rule]);
    const shards = without.map((isWithout, place) => {
      const one = shard(scenario, place + 1, 2, opened);
      const expectations = one.expectations.map((expectation) =>
        isWithout && expectation.rule === rule
          ? { ...expectation, notMeasurable: 'it does not say' }
          : expectation,
      );
      return { ...one, expectations };
    });
    expect(rulesOf(mergedResult(shards, isStrict))[rule]).toMatchObject(outcome);
  });

  test('adds up the seconds, and has no percentile of percentiles', () => {
    const scenario = scenarioWith(['accepted >= 0']);
    const merged = mergedResult(
      [1, 2].map((index) => shard(scenario, index, 2, opened)),
      false,
    );
    expect(merged.timeline).toEqual([{ atMs: 1000, open: 3, deliveriesPerSecond: 30 }]);
  });
});

describe('a rule about latency over shards', () => {
  const judged = (
    rule: string,
    ms: number,
    uncertainties: readonly (number | undefined)[],
    isStrict = false,
  ) => {
    const scenario = scenarioWith([rule]);
    const shards = uncertainties.map((uncertaintyMs, place) =>
      shard(scenario, place + 1, uncertainties.length, fanoutOf(ms), { uncertaintyMs }),
    );
    return rulesOf(mergedResult(shards, isStrict))[rule];
  };

  test('that the uncertainty cannot change is judged, and shows it', () => {
    expect(judged('fanout.max < 200ms', 100, [2, 3])).toMatchObject({ passed: true, shown: '100 ms ± 5 ms' });
    expect(judged('fanout.max < 50ms', 100, [2, 3])).toMatchObject({ passed: false, shown: '100 ms ± 5 ms' });
  });

  test.each([
    ['finer than it', 'fanout.max < 4ms', 100, /finer than the clocks of the shards, .* ± 5 ms/],
    ['as close to the value as it', 'fanout.max < 104ms', 100, /100 ms ± 5 ms is too close/],
    ['that would not hold by a little', 'fanout.max < 96ms', 100, /too close/],
  ])('%s is refused', (_, rule, ms, why) => {
    expect(judged(rule, ms, [2, 3])).toMatchObject({ passed: true, shown: 'not measurable' });
    expect(judged(rule, ms, [2, 3])?.notMeasurable).toMatch(why);
    expect(judged(rule, ms, [2, 3], true)).toMatchObject({ passed: false });
  });

  test('is refused where the target does not tell its time', () => {
    expect(judged('fanout.max < 10s', 100, [2, undefined])?.notMeasurable).toMatch(/does not tell its time/);
  });

  test('of one shard alone is exact', () => {
    expect(judged('fanout.max < 101ms', 100, [50])).toEqual({ passed: true, shown: '100 ms' });
  });

  test('that begins and ends on one machine is exact', () => {
    const rule = 'handshake.max < 101ms';
    const scenario = scenarioWith([rule]);
    const shaking: Fill = (measurements) => measurements.cohorts[0]?.tally.histograms.handshake.record(100);
    const shards = [1, 2].map((index) => shard(scenario, index, 2, shaking, { uncertaintyMs: 50 }));
    expect(rulesOf(mergedResult(shards, false))[rule]).toMatchObject({ passed: true, shown: '100 ms' });
  });

  test('has its uncertainty in the report for people', () => {
    const scenario = scenarioWith(['accepted >= 0']);
    const text = terminalReport(
      mergedResult(
        [1, 2].map((index) => shard(scenario, index, 2, opened)),
        false,
      ),
    );
    expect(text.replace(/\s+/g, ' ')).toContain('are within ± 2 ms: every shard has a clock of its own');
    expect(text).toMatch(/2 of 2 +7 +± 1 ms/);
  });
});

describe('a merge is not valid', () => {
  const scenario = scenarioWith(['accepted >= 0']);

  test('when one shard is not', () => {
    const shards = [
      shard(scenario, 1, 2, opened),
      shard(scenario, 2, 2, opened, { invalid: ['it was late'] }),
    ];
    expect(mergedResult(shards, false)).toMatchObject({
      verdict: 'invalid',
      invalidReasons: ['Shard 2: it was late'],
    });
  });

  test('when the server did not accept an emit, which the other shards have waited for', () => {
    const failing: Fill = (measurements, phase) => {
      opened(measurements, phase);
      if (phase === 1) measurements.emit.failed += 2;
    };
    const { verdict, invalidReasons } = mergedResult(
      [shard(scenario, 1, 2, failing), shard(scenario, 2, 2, opened)],
      false,
    );
    expect(verdict).toBe('invalid');
    expect(invalidReasons).toEqual([expect.stringMatching(/did not accept 2 cursors/)]);
  });

  test('when one was stopped: it is aborted', () => {
    const shards = [shard(scenario, 1, 2, opened), shard(scenario, 2, 2, opened, { aborted: true })];
    expect(mergedResult(shards, false).verdict).toBe('aborted');
  });
});

/** Sums of doubles depend on their order. */
function withoutMean(metrics: JsonResult['total']['metrics']) {
  return metrics.filter(({ name }) => !name.endsWith('.mean'));
}

function withoutMeans(histograms: JsonResult['total']['histograms']) {
  return Object.fromEntries(
    Object.entries(histograms).map(([name, { mean: _, ...histogram }]) => [name, histogram]),
  );
}
