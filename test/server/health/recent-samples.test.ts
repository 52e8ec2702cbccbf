import { expect, test } from 'vitest';
import { RecentSamples } from '../../../src/server/health/recent-samples.js';

test('percentiles are of the newest samples, as many as fit', () => {
  const samples = new RecentSamples(100);
  expect(samples.percentile(99)).toBeUndefined();
  samples.add(7);
  expect(samples.percentile(99)).toBe(7);
  for (let value = 1; value <= 100; value++) samples.add(value);
  expect([samples.percentile(50), samples.percentile(99), samples.percentile(100)]).toEqual([50, 99, 100]);
  for (let i = 0; i < 100; i++) samples.add(0);
  expect(samples.percentile(100)).toBe(0);
});
