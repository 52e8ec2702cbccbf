import { expect, test } from 'vitest';
import { RecentMax } from '../../../src/server/health/delay-monitor.js';

test('a value counts for a span at least, and for two at most', () => {
  const recent = new RecentMax(1000);
  expect(recent.at(0)).toBe(0);
  recent.note(700, 100);
  recent.note(5, 900);
  expect([recent.at(999), recent.at(1500), recent.at(1999)]).toEqual([700, 700, 700]);
  expect(recent.at(2100)).toBe(0);
});

test('values that come further apart than a span are each seen', () => {
  const recent = new RecentMax(1000);
  for (let nowMs = 0; nowMs < 20_000; nowMs += 1200) {
    recent.note(1180, nowMs);
    expect(recent.at(nowMs)).toBe(1180);
    expect(recent.at(nowMs + 1100)).toBe(1180);
  }
  for (let nowMs = 20_000; nowMs < 40_000; nowMs += 5000) {
    recent.note(4980, nowMs);
    expect(recent.at(nowMs)).toBe(4980);
  }
});
