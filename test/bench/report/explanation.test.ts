import { describe, expect, test } from 'vitest';
import { meaningOf } from '../../../src/bench/report/explanation.js';
import { METRICS } from '../../../src/bench/verdict/metrics.js';
import { parseRule, type Rule } from '../../../src/bench/verdict/rule.js';

function rule(text: string): Rule {
  const parsed = parseRule(text, ['hot']);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

describe('what it usually means that a rule does not hold', () => {
  test.each([
    ['hot.accepted == 50', 49, /refused clients that it should have accepted/],
    ['hot.accepted == 50', 51, /accepted too many clients/],
    ['hot.accepted >= 50', 49, /refused clients that it should have accepted/],
    ['hot.accepted < 50', 50, /accepted too many clients/],
    ['hot.accepted > 50', 50, /refused clients that it should have accepted/],
    ['hot.closed[4503] == 10', 11, /refused clients that should have had a slot/],
    [
      'hot.closed[4503 "Namespace connection limit reached"] == 10',
      9,
      /other clients used fewer connection slots/,
    ],
    ['hot.closed[4401] == 0', 1, /refused clients with a valid token/],
    ['hot.closed[1001 "Heartbeat timeout"] == 5', 0, /there is no heartbeat/],
    ['hot.closed[1001 "Going Away"] == 5', 0, /closed too few connections with this code/],
    ['closed[1006] == 0', 3, /without a close frame/],
    ['cursors.leaked == 0', 1, /tenants are not kept apart/],
    ['fanout.p99 < 2s', 3000, /took too long from emit to receipt/],
    ['fanout.skew.p99 < 2s', 3000, /last receiver/],
    ['heartbeat.interval.p50 > 2s', 1000, /more often/],
    ['heartbeat.timeout.p50 < 1200ms', 2990, /timeout of the server is longer than the scenario/],
    ['heartbeat.timeout.p50 > 900ms', 100, /sooner than the rule allows/],
    ['reconnect.p99 < 2s', 3000, /connected again/],
  ])('%s, got %i', (text, actual, meaning) => {
    expect(meaningOf(rule(text), actual)).toMatch(meaning);
  });

  test('where nothing was measured is that, by what could have been', () => {
    expect(meaningOf(rule('server.rss < 1MiB'), undefined)).toMatch(/server does not report this/);
    expect(meaningOf(rule('heartbeat.falseTimeouts == 0'), undefined)).toMatch(/No client received a ping/);
    expect(meaningOf(rule('cursors.lost == 0'), undefined)).toMatch(/no client connected, nothing was sent/);
  });

  test('is not guessed at for a value that a rule excludes', () => {
    expect(meaningOf(rule('hot.accepted != 50'), 50)).toBeUndefined();
  });

  test('is known of every metric that a server can be blamed for', () => {
    const silent = Object.keys(METRICS).filter((metric) => {
      const asked: Rule = { cohort: undefined, metric, key: undefined, operator: '==', value: 5 };
      return meaningOf(asked, 4) === undefined && meaningOf(asked, 6) === undefined;
    });
    // These say what the scenario or the load generator did, or are explained by another.
    expect(silent).toEqual([
      'attempts',
      'cursors.expected',
      'cursors.conflated',
      'heartbeat.pings',
      'reconnects',
      'api.requests',
      'pull.requests',
      'pull.dropped',
      'pull.peak',
      'pull.behind',
      'server.accepted',
      'server.rejected',
      'server.conflated',
      'server.closed',
    ]);
  });
});
