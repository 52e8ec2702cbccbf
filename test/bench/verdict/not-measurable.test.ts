import { describe, expect, test } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { doubtfulTimeouts, judgeOn } from '../../../src/bench/verdict/judge.js';
import { parseRule, type Rule } from '../../../src/bench/verdict/rule.js';

const COHORTS = [
  { name: 'users', clients: 4, behavior: 'healthy' },
  { name: 'large', clients: 4, behavior: 'malformed' },
] as const;
const sender = (name: string, behavior: string, ...kinds: string[]) => ({
  name,
  behavior,
  settings: { kinds },
});

/** What becomes of a rule when nobody was closed, on a server of somebody else. */
function judged(text: string, kinds: readonly string[], { isStrict = false, hasOurSettings = false } = {}) {
  const measurements = emptyMeasurements(COHORTS);
  for (const { tally } of measurements.cohorts) Object.assign(tally.counters, { attempts: 4, opened: 4 });
  const cohorts = [sender('users', 'healthy', 'oversized'), sender('large', 'malformed', ...kinds)];
  const rule = parseRule(text, ['users', 'large']) as Rule;
  const target = { whyNotMeasured: () => undefined, hasOurSettings };
  return judgeOn(target, rule, measurements, cohorts, isStrict);
}

describe('that messages which are too long are closed with 1009', () => {
  const RULE = 'large.closed[1009] == 4';

  test('cannot be required of a server without a limit: DataFn has none', () => {
    expect(judged(RULE, ['binary', 'oversized'])).toEqual({
      passed: true,
      actual: undefined,
      shown: 'not measurable',
      notMeasurable: expect.stringMatching(/^it requires maxMessageSize: 64KiB, .* accepts larger messages$/),
    });
    expect(judged('closed[1009] == 4', ['oversized']).notMeasurable).toBeDefined();
  });

  test.each<[string, string, readonly string[], { hasOurSettings?: boolean }]>([
    ['of a server that has our limit', RULE, ['oversized'], { hasOurSettings: true }],
    ['where nobody sends one', RULE, ['binary'], {}],
    ['of clients that send none', 'users.closed[1009] == 4', ['oversized'], {}],
  ])('is required %s', (_, rule, kinds, how) => {
    expect(judged(rule, kinds, how)).toMatchObject({ passed: false, actual: 0 });
  });

  test('fails on such a server, strictly', () => {
    expect(judged(RULE, ['oversized'], { isStrict: true })).toMatchObject({
      passed: false,
      shown: 'not measurable',
    });
  });
});

test('clients that were closed for a ping that bench may have answered late make a run doubtful, and are counted', () => {
  const measurements = emptyMeasurements(COHORTS);
  expect(doubtfulTimeouts(measurements)).toEqual([]);
  for (const { tally } of measurements.cohorts) tally.counters.falseTimeoutsInDoubt += 2;
  expect(doubtfulTimeouts(measurements)).toEqual([
    expect.stringMatching(/^The server closed 4 clients for a missed heartbeat after bench itself may have/),
  ]);
});
