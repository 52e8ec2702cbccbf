import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareResults } from '../../../src/bench/compare/compare.js';
import { type Comparison, comparisonSchema } from '../../../src/bench/compare/comparison.js';
import type { Measurements } from '../../../src/bench/measure/measurements.js';
import { repeatedResult } from '../../../src/bench/report/repeated.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { metricText } from '../../../src/bench/verdict/metric-kinds.js';
import { failOn, fanoutTimes, repeatedOf, resultOf, tallyOf } from './results.js';

/** `verdict metric` of each change. */
const told = ({ changes }: Comparison) => changes.map((one) => `${one.verdict} ${metricText(one)}`);

const compare = (base: JsonResult, next: JsonResult, ...rules: string[]) => {
  const comparison = compareResults(base, next, failOn(...rules));
  // What is said must be what the schema says that is said.
  expect(comparisonSchema.parse(comparison)).toEqual(comparison);
  return comparison;
};

const lose = (count: number) => (all: Measurements) => {
  tallyOf(all, 'hot').counters.lost += count;
};
/** The median of two runs that are alike, with fan-out latencies so many times as long. */
const twice = (factor: number, rules?: readonly string[]) => {
  const run = resultOf(fanoutTimes(factor), rules);
  return repeatedResult([run, run], 2);
};
const FAN_OUT = ['fanout.p50', 'fanout.p99'];

describe('two runs that are the same', () => {
  test('differ in nothing, and the comparison says how much it has compared', () => {
    const comparison = compare(resultOf(), resultOf());
    expect(comparison).toMatchObject({ verdict: 'same', changes: [], warnings: [], problems: [] });
    expect(comparison.compared.counts).toBeGreaterThan(50);
    expect(comparison.compared.measures).toBeGreaterThan(10);
  });

  test('differ in nothing, whatever was measured', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.double({ min: 0.01, max: 100, noNaN: true }), (lost, factor) => {
        const change = (all: Measurements) => {
          lose(lost)(all);
          fanoutTimes(factor)(all);
        };
        expect(compare(resultOf(change), resultOf(change), 'fanout.p99 +1%', 'cursors.lost +1').verdict).toBe(
          'same',
        );
      }),
      { numRuns: 5 },
    );
  });
});

describe('a count of something that should not happen', () => {
  test('is a regression when it grows by one, and an improvement when it falls by one', () => {
    expect(compare(resultOf(), resultOf(lose(1)))).toMatchObject({
      verdict: 'regressed',
      changes: [{ name: 'cursors.lost', cohort: 'hot', base: 9, new: 10, verdict: 'regression' }],
    });
    expect(compare(resultOf(lose(1)), resultOf())).toMatchObject({
      verdict: 'improved',
      changes: [{ name: 'cursors.lost', cohort: 'hot', base: 10, new: 9, verdict: 'improvement' }],
    });
  });

  test('is told once, for the cohort that it happened to, and not again for all together', () => {
    expect(told(compare(resultOf(), resultOf(lose(3))))).toEqual(['regression hot.cursors.lost']);
  });

  test('is a regression in a scenario that has changed, too', () => {
    const next = resultOf(lose(1));
    next.scenario.sha256 = 'other';
    expect(compare(resultOf(), next).verdict).toBe('regressed');
  });

  test.each([
    ['duplicated', 'cursors.duplicated'],
    ['reordered', 'cursors.reordered'],
    ['leaked', 'cursors.leaked'],
    ['foreign', 'cursors.foreign'],
    ['falseTimeouts', 'heartbeat.falseTimeouts'],
    ['timeouts', 'timeouts'],
    ['protocolErrors', 'protocolErrors'],
  ] as const)('is one for %s', (counter, metric) => {
    const next = resultOf((all) => {
      tallyOf(all, 'steady').counters[counter] += 1;
    });
    expect(told(compare(resultOf(), next))).toEqual([`regression steady.${metric}`]);
  });
});

describe('a count of what became of clients', () => {
  const refuseOneLess = (all: Measurements) => {
    tallyOf(all, 'hot').closed.count('4503 Namespace connection limit reached', -1);
  };

  test('is a regression when it changes, up or down', () => {
    const changes = [
      'regression hot.accepted',
      'regression hot.closed[4503 "Namespace connection limit reached"]',
    ];
    expect(told(compare(resultOf(), resultOf(refuseOneLess)))).toEqual(changes);
    expect(told(compare(resultOf(refuseOneLess), resultOf()))).toEqual(changes);
  });

  test('is an improvement when a rule of the scenario holds that did not', () => {
    const rules = ['hot.accepted == 51', 'hot.closed[4503] == 9'];
    const [base, next] = [resultOf(undefined, rules), resultOf(refuseOneLess, rules)];
    expect(told(compare(base, next))).toEqual([
      'improvement hot.accepted',
      'improvement hot.closed[4503 "Namespace connection limit reached"]',
    ]);
    expect(compare(base, next).changes.map(({ why }) => why)).toEqual(
      rules.map((rule) => `now holds: ${rule}`),
    );
    expect(compare(base, next).verdict).toBe('improved');
    expect(told(compare(next, base))).toEqual([
      'regression hot.accepted',
      'regression hot.closed[4503 "Namespace connection limit reached"]',
    ]);
  });

  test('is an improvement when it comes nearer to what a rule asks for, though that still does not hold', () => {
    const rules = ['hot.closed[4503] == 5', 'hot.accepted == 60'];
    expect(compare(resultOf(undefined, rules), resultOf(refuseOneLess, rules)).verdict).toBe('improved');
    expect(compare(resultOf(refuseOneLess, rules), resultOf(undefined, rules)).verdict).toBe('regressed');
  });

  test('is a note when the baseline failed, and the newer run passed', () => {
    const rules = ['steady.accepted == 1000', 'cursors.lost == 0'];
    const lossless = (all: Measurements) => {
      refuseOneLess(all);
      for (const { tally } of all.cohorts) tally.counters.lost = 0;
    };
    const comparison = compare(resultOf(undefined, rules), resultOf(lossless, rules));
    expect(told(comparison).filter((one) => !one.endsWith('lost'))).toEqual([
      'note hot.accepted',
      'note hot.closed[4503 "Namespace connection limit reached"]',
    ]);
    expect(comparison.verdict).toBe('improved');
  });

  test('is a close code that there was not before', () => {
    const next = resultOf((all) => tallyOf(all, 'silent').closed.count('1011 oh no', 2));
    expect(compare(resultOf(), next)).toMatchObject({
      verdict: 'regressed',
      changes: [{ name: 'closed', key: '1011 oh no', cohort: 'silent', base: 0, new: 2 }],
    });
    expect(compare(next, resultOf())).toMatchObject({ changes: [{ base: 2, new: 0 }] });
  });

  test('is a note, and no regression, in a scenario that has changed', () => {
    const next = resultOf(refuseOneLess);
    next.scenario.sha256 = 'other';
    const comparison = compare(resultOf(), next);
    expect(told(comparison)).toEqual([
      'note hot.accepted',
      'note hot.closed[4503 "Namespace connection limit reached"]',
    ]);
    expect(comparison.verdict).toBe('same');
    expect(comparison.warnings).toEqual([expect.stringContaining('Different scenarios')]);
  });

  test('is not compared when the scenario leaves it to chance', () => {
    const mark = (result: JsonResult) => {
      for (const metric of result.total.metrics) if (metric.unit === 'count') metric.nondeterministic = true;
      return result;
    };
    const next = resultOf(refuseOneLess);
    expect(compare(mark(resultOf()), next).changes).toEqual([]);
    expect(compare(resultOf(), mark(next)).changes).toEqual([]);
  });
});

describe('a count of which the scenario does not say how large it is', () => {
  test.each(['expected', 'received', 'conflated', 'late', 'pings'] as const)(
    'such as %s is not compared',
    (name) => {
      const next = resultOf((all) => {
        tallyOf(all, 'steady').counters[name] *= 2;
      });
      expect(compare(resultOf(), next).changes).toEqual([]);
    },
  );
});

describe('a duration', () => {
  test('three times as long as in the baseline is a warning, and nothing that fails', () => {
    const comparison = compare(twice(1), twice(3));
    expect(told(comparison)).toEqual(FAN_OUT.map((name) => `warning ${name}`));
    expect(comparison.verdict).toBe('warned');
  });

  test('a third as long is an improvement', () => {
    const comparison = compare(twice(3), twice(1));
    expect(told(comparison)).toEqual(FAN_OUT.map((name) => `improvement ${name}`));
    expect(comparison.verdict).toBe('improved');
  });

  test('three times as long is nothing when that is a few milliseconds', () => {
    expect(compare(twice(0.01), twice(0.03)).changes).toEqual([]);
  });

  test('a little longer is nothing, though that is many milliseconds', () => {
    const [base, next] = [twice(100), twice(119)];
    expect(compare(base, next).changes).toEqual([]);
  });

  test('is compared over all cohorts, and not for each', () => {
    expect(told(compare(twice(1), twice(5)))).toEqual(FAN_OUT.map((name) => `warning ${name}`));
  });

  test('of two single runs is a note, however much longer it is: one run says nothing about the range', () => {
    const comparison = compare(resultOf(), resultOf(fanoutTimes(100)));
    expect(told(comparison)).toEqual(FAN_OUT.map((name) => `note ${name}`));
    expect(comparison.changes[0]?.why).toContain('--repeat');
    expect(comparison.verdict).toBe('same');
  });

  test('that has no samples any more is nothing by itself', () => {
    const next = resultOf((all) => {
      all.unconverged = 1;
    });
    expect(compare(resultOf(), next).changes).toEqual([]);
  });
});

describe('a run on a busy machine', () => {
  const busy = (result: JsonResult, share: number) => {
    for (const worker of result.generator) worker.maxRunQueueWait = share;
    return result;
  };
  const slow = () => twice(3);

  test.each([
    ['the baseline', 0.6, 0.1],
    ['the newer one', 0.1, 0.6],
  ])('makes notes of durations that differ, when it is %s', (_, before, after) => {
    const comparison = compare(busy(twice(1), before), busy(slow(), after));
    expect(told(comparison)).toEqual(FAN_OUT.map((name) => `note ${name}`));
    expect(comparison.verdict).toBe('same');
    expect(comparison.warnings).toEqual([
      expect.stringMatching(new RegExp(`^The machine was busy .* ${before * 100}% .* ${after * 100}% now`)),
    ]);
  });

  test('says nothing of what overlaps', () => {
    const base = busy(repeatedOf(...[1, 3].map(fanoutTimes)), 0.9);
    expect(compare(base, repeatedOf(...[2, 4].map(fanoutTimes))).changes).toEqual([]);
  });

  test('changes nothing for counts, and for --fail-on', () => {
    const next = busy(
      resultOf((all) => {
        lose(1)(all);
        fanoutTimes(3)(all);
      }),
      0.9,
    );
    expect(told(compare(resultOf(), next, 'fanout.p99 +20%'))).toEqual([
      'regression hot.cursors.lost',
      'regression fanout.p99',
      'note fanout.p50',
    ]);
  });

  test('is not one on which it waited for a core less than half of a second', () => {
    expect(compare(busy(twice(1), 0.4), busy(slow(), 0.5)).verdict).toBe('warned');
  });
});

describe('a rate, of which more is better', () => {
  const faster = (all: Measurements) => {
    all.api.requests *= 2;
  };
  test('is a warning when it falls, and an improvement when it rises', () => {
    const [slow, fast] = [repeatedOf(...Array(3).fill(() => {})), repeatedOf(...Array(3).fill(faster))];
    expect(told(compare(fast, slow))).toEqual(['warning api.rate']);
    expect(told(compare(slow, fast))).toEqual(['improvement api.rate']);
  });
});

describe('results of several runs', () => {
  const slowdowns = (...factors: number[]) => repeatedOf(...factors.map(fanoutTimes));

  test('are apart when the best of one is worse than the worst of the other', () => {
    expect(told(compare(slowdowns(1, 1.1, 1.2), slowdowns(1.6, 1.7, 1.8)))).toEqual(
      FAN_OUT.map((name) => `warning ${name}`),
    );
  });

  test('are not while they overlap, however far their medians are from each other', () => {
    expect(compare(slowdowns(1, 1, 5), slowdowns(4, 4, 4)).changes).toEqual([]);
    expect(compare(slowdowns(1, 1, 1), slowdowns(1, 4, 4)).changes).toEqual([]);
  });

  test('are worse when a single one of them lost a cursor that the baseline did not', () => {
    const none = () => {};
    expect(told(compare(repeatedOf(none, none, none), repeatedOf(none, none, lose(1))))).toEqual([
      'regression hot.cursors.lost',
    ]);
  });

  test('are the same while a count is within what the runs of the baseline had', () => {
    const base = repeatedOf(lose(0), lose(2), lose(5));
    expect(compare(base, resultOf(lose(3))).changes).toEqual([]);
    expect(compare(base, repeatedOf(lose(0), lose(5))).changes).toEqual([]);
    expect(told(compare(base, resultOf(lose(6))))).toEqual(['regression hot.cursors.lost']);
  });

  test('say how many runs they are of', () => {
    const { base, new: next } = compare(slowdowns(1, 1), resultOf());
    expect([base.runs, next.runs]).toEqual([2, 1]);
  });
});

describe('--fail-on', () => {
  const slower = twice(3);

  test('makes a regression of what would be a warning', () => {
    const comparison = compare(twice(1), slower, 'fanout.p99 +20% +10ms');
    expect(told(comparison)).toEqual(['regression fanout.p99', 'warning fanout.p50']);
    expect(comparison.changes[0]?.why).toBe('beyond fanout.p99 +20% +10ms');
    expect(comparison.verdict).toBe('regressed');
  });

  test.each([
    ['fanout.p99 +1000%', 'its share is not reached'],
    ['fanout.p99 +1h', 'its amount is not reached'],
    ['fanout.p99 +20% +1h', 'one of its limits is not reached'],
    ['fanout.p99 -20%', 'the metric went the other way'],
    ['handshake.p99 +1ms', 'it is about another metric'],
  ])('%s lets it be a warning: %s', (rule) => {
    expect(compare(twice(1), slower, rule).verdict).toBe('warned');
  });

  test('does not fail for a change within the spread', () => {
    const rule = 'fanout.p50 +20% +10ms';
    const base = repeatedOf(...[1, 1.1, 1.4].map(fanoutTimes));
    expect(compare(base, resultOf(fanoutTimes(1.3)), rule).verdict).not.toBe('regressed');
    expect(compare(base, resultOf(fanoutTimes(1.6)), rule).verdict).toBe('regressed');
  });

  test('fails for a metric whose spread is not known by the limits alone', () => {
    const next = resultOf((all) => {
      all.server = { ...all.server, rssBytes: 200 * 1024 ** 2 };
    });
    expect(told(compare(resultOf(), next, 'server.rss +50% +10MiB'))).toEqual(['regression server.rss']);
    expect(compare(resultOf(), next, 'server.rss +500%').verdict).toBe('same');
  });

  test('is for metrics of one cohort, for keys, and for counts that are not compared, too', () => {
    const next = resultOf((all) => {
      fanoutTimes(4)(all);
      tallyOf(all, 'steady').counters.received *= 2;
    });
    const rules = ['hot.fanout.p90 +20%', 'steady.cursors.received +50%', 'hot.closed[4503] +1'];
    expect(told(compare(resultOf(), next, ...rules)).filter((one) => one.startsWith('regression'))).toEqual([
      'regression hot.fanout.p90',
      'regression steady.cursors.received',
    ]);
  });

  test('adds up what is under a close code, whatever its reason', () => {
    const next = resultOf((all) => tallyOf(all, 'hot').closed.count('4503 another reason', 90));
    const comparison = compare(resultOf(), next, 'hot.closed[4503] +50');
    expect(comparison.changes).toContainEqual(
      expect.objectContaining({ key: '4503', cohort: 'hot', base: 10, new: 100, verdict: 'regression' }),
    );
  });

  test('fails when there are no samples any more', () => {
    const next = resultOf((all) => {
      all.unconverged = 1;
    });
    const comparison = compare(resultOf(), next, 'convergence.max +1%');
    expect(comparison.changes).toMatchObject([
      {
        name: 'convergence.max',
        base: 12.5,
        verdict: 'regression',
        why: 'no samples for convergence.max +1%',
      },
    ]);
    expect(comparison.changes[0]?.new).toBeUndefined();
  });

  test('warns when the baseline has no samples', () => {
    const base = resultOf((all) => {
      all.unconverged = 1;
    });
    const comparison = compare(base, resultOf(), 'convergence.max +1%');
    expect(comparison.verdict).toBe('same');
    expect(comparison.warnings).toEqual(['The baseline has no samples for --fail-on "convergence.max +1%".']);
  });
});

describe('a rule of the scenario', () => {
  const rules = ['fanout.p99 < 500ms', 'api.rate > 1/s'];
  const [fast, slow] = [1, 3].map((factor) => twice(factor, rules)) as [JsonResult, JsonResult];

  test('that held and no longer does is a regression, whatever the thresholds say', () => {
    const comparison = compare(fast, slow);
    expect(told(comparison)).toEqual(['regression fanout.p99', 'warning fanout.p50']);
    expect(comparison.changes[0]?.why).toBe('no longer holds: fanout.p99 < 500ms');
  });

  test('that holds again is an improvement', () => {
    expect(compare(slow, fast).changes).toContainEqual(
      expect.objectContaining({ verdict: 'improvement', why: 'now holds: fanout.p99 < 500ms' }),
    );
  });

  test('of a phase is told for the phase', () => {
    const phase = { ...(fast.expectations[0] as JsonResult['expectations'][number]), phase: 'emit to all' };
    const base = { ...fast, expectations: [phase] };
    const next = { ...fast, expectations: [{ ...phase, passed: false, actual: 900 }] };
    expect(compare(base, next).changes).toMatchObject([
      {
        name: 'fanout.p99',
        new: 900,
        verdict: 'regression',
        why: 'no longer holds: fanout.p99 < 500ms in "emit to all"',
      },
    ]);
  });

  test('that only one of the results has says nothing', () => {
    expect(compare(fast, { ...slow, expectations: [] }).verdict).toBe('warned');
  });
});

test('rules that do not hold come first, and what the server counted of the same clients last', () => {
  const rules = ['hot.accepted == 50'];
  const next = resultOf((all) => {
    tallyOf(all, 'steady').closed.count('1011 oh no');
    tallyOf(all, 'hot').closed.count('4503 Namespace connection limit reached');
    Object.assign(all.server, { rejected: 11 });
  }, rules);
  expect(told(compare(resultOf(undefined, rules), next))).toEqual([
    'regression hot.accepted',
    'regression hot.closed[4503 "Namespace connection limit reached"]',
    'regression steady.closed[1011 "oh no"]',
    'regression server.rejected',
  ]);
});

describe('a problem of the server', () => {
  const problem = (result: JsonResult) => ({ ...result, problems: ['The server ended'] });
  test('that the baseline did not have is a regression', () => {
    expect(compare(resultOf(), problem(resultOf()))).toMatchObject({
      verdict: 'regressed',
      problems: ['The server ended'],
    });
  });
  test('that the baseline had as well is none', () => {
    expect(compare(problem(resultOf()), problem(resultOf()))).toMatchObject({
      verdict: 'same',
      problems: [],
    });
  });
});

describe('what makes two runs less comparable is said', () => {
  const change = (part: (result: JsonResult) => unknown) => {
    const next = resultOf();
    part(next);
    return compare(resultOf(), next).warnings;
  };
  test.each<[string, (result: JsonResult) => unknown, RegExp]>([
    [
      'another scenario file',
      (result) => Object.assign(result.scenario, { sha256: 'other' }),
      /^Different scenarios \(its file has changed\)/,
    ],
    [
      'another --set',
      (result) => Object.assign(result.scenario, { sha256: 'x', overrides: ['a.b=1'] }),
      /\(with no --set then, --set a\.b=1 now\)/,
    ],
    ['another machine', (result) => Object.assign(result.machine, { cores: 64 }), /2 cores, .* 64 cores/],
    ['another Node.js', (result) => Object.assign(result.machine, { node: 'v99' }), /v20\.19\.0.*v99/],
    [
      'another server',
      (result) => Object.assign(result.target, { isOwn: false }),
      /started by bench then, given by --url now/,
    ],
    [
      'another cohort',
      (result) => {
        for (const metric of result.total.metrics) if (metric.cohort === 'hot') metric.cohort = 'warm';
      },
      /^Only the baseline has the cohort hot\.$/,
    ],
  ])('%s', (_, part, said) => {
    expect(change(part)[0]).toMatch(said);
  });

  test('a baseline that failed', () => {
    const base = resultOf(undefined, ['steady.accepted == 1']);
    expect(compare(base, base).warnings).toEqual(['The baseline is a run that failed.']);
  });

  test('a cohort that only one of them has is not compared', () => {
    const next = resultOf();
    next.total.metrics = next.total.metrics.filter(({ cohort }) => cohort !== 'hot');
    expect(compare(resultOf(), next).changes).toEqual([]);
  });

  test('another seed, and another version of the tool, are no reason', () => {
    expect(change((result) => Object.assign(result.scenario, { seed: 9 }))).toEqual([]);
    expect(change((result) => Object.assign(result.tool, { version: '9.9.9' }))).toEqual([]);
  });
});
