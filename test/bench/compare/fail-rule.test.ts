import { describe, expect, test } from 'vitest';
import { parseFailRule, parseFailRules } from '../../../src/bench/compare/judge.js';

const COHORTS = ['steady', 'hot'];

test.each([
  ['fanout.p99 +20% +10ms', { metric: 'fanout.p99', direction: 1, share: 0.2, amount: 10 }],
  ['fanout.p99 +10ms +20%', { metric: 'fanout.p99', direction: 1, share: 0.2, amount: 10 }],
  ['  fanout.p99   +20%  ', { metric: 'fanout.p99', direction: 1, share: 0.2, amount: 0 }],
  ['fanout.p99 +1.5s', { metric: 'fanout.p99', direction: 1, share: 0, amount: 1500 }],
  ['fanout.p99.9 +0.5%', { metric: 'fanout.p99.9', direction: 1, share: 0.005, amount: 0 }],
  ['api.rate -20% -5/s', { metric: 'api.rate', direction: -1, share: 0.2, amount: 5 }],
  ['server.rss +8MiB', { metric: 'server.rss', direction: 1, share: 0, amount: 8 * 1024 ** 2 }],
  ['hot.cursors.received -1', { metric: 'cursors.received', cohort: 'hot', direction: -1, amount: 1 }],
  ['hot.closed[4503] +3', { metric: 'closed', cohort: 'hot', key: '4503', direction: 1, amount: 3 }],
  [
    'closed[1001 "Going Away"] +10%',
    { metric: 'closed', cohort: undefined, key: '1001 Going Away', direction: 1, share: 0.1 },
  ],
])('%s is read', (text, rule) => {
  expect(parseFailRule(text, COHORTS)).toMatchObject({ text: text.trim(), ...rule });
});

test.each([
  ['', 'expected a metric and by how much'],
  ['fanout.p99', 'expected a metric and by how much'],
  ['fanout.p99 20%', 'expected a metric and by how much'],
  ['fanout.p99 > 20ms', 'expected a metric and by how much'],
  ['fanout.p99 +20% +10ms +5ms', 'expected a metric and by how much'],
  ['fanout.p9 +20%', 'unknown metric `fanout.p9`. Did you mean `fanout.p90`?'],
  ['cold.fanout.p99 +20%', 'unknown metric `cold.fanout.p99`. Did you mean `hot.fanout.p99`?'],
  ['hot.api.rate -20%', '`api.rate` is not measured for one cohort'],
  ['fanout.p99[4503] +20%', '`fanout.p99` takes no brackets'],
  ['fanout.p99 +20% -10ms', 'expected either + (more is worse) or - (less is worse), got both'],
  ['fanout.p99 +20% +30%', 'got two of a kind'],
  ['fanout.p99 +20ms +30ms', 'got two of a kind'],
  ['fanout.p99 +x%', 'expected a share such as +20%, got `+x%`'],
  ['fanout.p99 +10', 'expected `fanout.p99` to change by a duration such as 500ms, 10s or 2m, got `+10`'],
  ['cursors.lost +10ms', 'expected `cursors.lost` to change by a whole number, got `+10ms`'],
])('%j is refused: %s', (text, wrong) => {
  expect(parseFailRule(text, COHORTS)).toContain(wrong);
});

describe('rules for several scenarios', () => {
  const scopes = [{ cohorts: ['steady'] }, { cohorts: ['hot'] }];

  test('about a cohort are for the scenarios that have it', () => {
    const [first, second] = parseFailRules(['steady.fanout.p99 +1%', 'fanout.p50 +1%'], scopes);
    expect(first?.map(({ text }) => text)).toEqual(['steady.fanout.p99 +1%', 'fanout.p50 +1%']);
    expect(second?.map(({ text }) => text)).toEqual(['fanout.p50 +1%']);
  });

  test('that fit none are all told at once', () => {
    expect(() => parseFailRules(['cold.open -1', 'fanout.p99 +1%', 'open'], scopes)).toThrow(
      /^--fail-on "cold\.open -1": unknown metric `cold\.open`.*\n--fail-on "open": expected a metric/,
    );
  });
});
