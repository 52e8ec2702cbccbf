import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chalk } from 'chalk';
import { afterAll, describe, expect, test } from 'vitest';
import { compareResults } from '../../../src/bench/compare/compare.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { runWith } from '../../support/run-in-process.js';
import { terminalComparison } from '../rendered.js';
import { failOn, resultOf } from './results.js';

type Range = { low: number; high: number } | undefined;

/** A result with one metric of all cohorts changed, and the range that it was measured in. */
function withMetric(name: string, value: number, spread?: Range): JsonResult {
  const result = resultOf();
  const metric = result.total.metrics.find((one) => one.name === name && one.cohort === undefined);
  if (metric === undefined) throw new Error(`no ${name}`);
  metric.value = value;
  if (spread === undefined) delete metric.spread;
  else metric.spread = spread;
  return result;
}

const compare = (base: JsonResult, next: JsonResult, rule: string) =>
  compareResults(base, next, failOn(rule));
const p99 = (value: number, low?: number, high?: number) =>
  withMetric('fanout.p99', value, low === undefined || high === undefined ? undefined : { low, high });

describe('what is over a limit of --fail-on but within its range is told, and fails nothing', () => {
  test.each<[string, JsonResult, JsonResult, string, string]>([
    [
      'in the range of the newer run',
      p99(12.5),
      p99(20, 12.5, 22),
      'fanout.p99 +20%',
      'fanout.p99 +60%: over +20%, but within the range of the runs (12.5 to 22 ms): use more --repeat',
    ],
    [
      'in the range of the baseline',
      p99(100, 90, 180),
      p99(150, 140, 160),
      'fanout.p99 +20% +10ms',
      'fanout.p99 +50%: over +20% and +10 ms, but within the range of the runs (90 to 180 ms): use more --repeat',
    ],
    [
      'where the ranges only overlap',
      p99(100, 90, 120),
      p99(200, 110, 1500),
      'fanout.p99 +10ms',
      'fanout.p99 +100%: over +10 ms, but within the range of the runs (90 to 120 ms, then 110 ms to 1.5 s): use more --repeat',
    ],
    [
      'of a rate, which has fallen',
      withMetric('api.rate', 1000, { low: 500, high: 1200 }),
      withMetric('api.rate', 600),
      'api.rate -20%',
      'api.rate -40%: over -20%, but within the range of the runs (500 to 1,200/s): use more --repeat',
    ],
    [
      'of what was nothing',
      withMetric('server.eventLoopDelay.p99', 0, { low: 0, high: 9 }),
      withMetric('server.eventLoopDelay.p99', 5),
      'server.eventLoopDelay.p99 +1ms',
      'server.eventLoopDelay.p99 0 ms -> 5 ms: over +1 ms, but within the range of the runs (0 to 9 ms): use more --repeat',
    ],
  ])('%s', (_, base, next, rule, text) => {
    const comparison = compare(base, next, rule);
    expect(comparison.verdict).toBe('same');
    expect(comparison.warnings).toEqual([text]);
    const terminal = terminalComparison(comparison, { colors: new Chalk({ level: 0 }), columns: 200 });
    expect(terminal).toContain(`  ! ${text}\n`);
  });

  test.each<[string, JsonResult, JsonResult]>([
    ['that is not over it', p99(100, 90, 180), p99(110, 100, 160)],
    ['that is beyond its range', p99(100, 90, 110), p99(150, 140, 160)],
    ['whose range is not known', p99(100), p99(150)],
  ])('and nothing of the kind is told of one %s', (_, base, next) => {
    expect(compare(base, next, 'fanout.p99 +20%').warnings).toEqual([]);
  });
});

describe('compare', () => {
  const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-range-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, result: JsonResult) => {
    const path = join(folder, `${name}.json`);
    writeFileSync(path, JSON.stringify(jsonReport([result], [])));
    return path;
  };

  test('prints that, and exits with 0', async () => {
    const args = [file('base', p99(12.5)), file('next', p99(20, 12.5, 22))];
    const { code, stdout } = await runWith(['compare', ...args, '--fail-on', 'fanout.p99 +20%']);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'fanout.p99 +60%: over +20%, but within the range of the runs (12.5 to 22 ms): use more --repeat',
    );
    expect(stdout).toMatch(/^ {2}fanout\.p99 +12\.5 ms +20 ms +\+60%$/m);
  });

  test('shows the numbers of results that are the same, and says so last', async () => {
    const same = file('same', resultOf());
    const { code, stdout } = await runWith(['compare', same, same]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}fanout\.p99 +337 ms +337 ms +=$/m);
    expect(stdout).toMatch(/^ {2}accepted +1,100 +1,100 +=$/m);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
      /^SAME sample: no change; \d+ counts and \d+ measures compared$/,
    );
    const markdown = (await runWith(['compare', same, same, '--markdown', '-'])).stdout;
    expect(markdown).toContain('| `fanout.p99` | 337 ms | 337 ms | &#61; |');
    const { comparisons } = JSON.parse((await runWith(['compare', same, same, '--json', '-'])).stdout);
    expect(comparisons[0].numbers).toContainEqual(
      expect.objectContaining({
        name: 'fanout.p99',
        unit: 'ms',
        base: expect.any(Number),
        new: expect.any(Number),
      }),
    );
  });
});

test('numbers that differ show by how much; a metric of a rule is among them, even of one cohort', () => {
  const [base, next] = [resultOf(), withMetric('accepted', 1107)];
  const [first] = next.total.metrics.filter(({ name, cohort }) => name === 'fanout.p50' && cohort === 'hot');
  Object.assign(first as object, { value: 1 });
  const shown = terminalComparison(compare(base, next, 'hot.fanout.p50 -90%'));
  expect(shown).toMatch(/^ {2}accepted +1,100 +1,107 +\+7$/m);
  expect(shown).toMatch(/^ {2}hot\.fanout\.p50 +\S+ ms +1 ms /m);
  expect(shown).not.toContain('hot.fanout.p99');
});
