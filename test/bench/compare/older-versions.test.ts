import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readResults } from '../../../src/bench/compare/comparison.js';
import { isReadable, REPORT_VERSION, upgraded } from '../../../src/bench/compare/older-versions.js';
import { METRICS } from '../../../src/bench/verdict/metrics.js';

const fileOf = (version: number) => new URL(`./reports/version-${version}.json`, import.meta.url);
const textOf = (version: number) => readFileSync(fileOf(version), 'utf8');
const older = Array.from({ length: REPORT_VERSION - 1 }, (_, index) => index + 1);

test('there is a report of every older version, as its tool wrote it', () => {
  expect(older.filter((version) => !existsSync(fileOf(version)))).toEqual([]);
  for (const version of older) expect(JSON.parse(textOf(version)).version).toBe(version);
});

describe.each(older)('a report of version %i', (version) => {
  const [result] = readResults(textOf(version), 'it');

  test('is read, with metrics that this version knows', () => {
    expect(result?.total.metrics.length).toBeGreaterThan(20);
    expect(result?.total.metrics.filter(({ name }) => METRICS[name] === undefined)).toEqual([]);
    expect(result?.expectations.filter(({ metric }) => METRICS[metric] === undefined)).toEqual([]);
  });
});

describe('of version 1', () => {
  const [result] = readResults(textOf(1), 'it');

  test('rules have the names of today, so that they are paired with those of a new run', () => {
    expect(result?.expectations.map(({ rule }) => rule)).toEqual(
      expect.arrayContaining([
        'steady.heartbeat.falseTimeouts == 0',
        'silent.heartbeat.undetected == 0',
        'heartbeat.neverPinged == 0',
        'steady.disconnected == 4',
      ]),
    );
  });

  test('counts that depend on chance are marked as today', () => {
    const marked = result?.total.metrics.filter((metric) => metric.nondeterministic);
    expect(marked?.map(({ name }) => name)).toContain('cursors.behind');
  });

  test('counters of a cohort have the names of today', () => {
    const report = upgraded(JSON.parse(textOf(1))) as {
      results: { total: { cohorts: { counters: object }[] } }[];
    };
    const [steady] = report.results[0]?.total.cohorts ?? [];
    expect(steady?.counters).toMatchObject({ disconnected: 4, falseTimeouts: 0 });
    expect(steady?.counters).not.toHaveProperty('left');
  });
});

test('a version that does not exist yet, or never did, is not read', () => {
  for (const version of [REPORT_VERSION + 1, 0, -1, 1.5])
    expect(isReadable(version), `${version}`).toBe(false);
});
