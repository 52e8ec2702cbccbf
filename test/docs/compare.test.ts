import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseFailRule } from '../../src/bench/compare/judge.js';
import { METRICS } from '../../src/bench/verdict/metrics.js';
import { formatDuration, formatSize } from '../../src/text/units.js';

const read = (file: string) => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
const page = read('docs/compare.md');

/** Cells of the table of metrics, by the text in backticks that a row begins with. */
const documented = page
  .slice(page.indexOf('\n## Metrics\n'))
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );

const FAMILY = /^(.+)\.(min|mean|max|p50|p90|p95|p99|p99\.9)$/;
/** Metrics that are named like one of a family, and are all that there is of it. */
const SINGLE = ['convergence.max', 'server.eventLoopDelay.p99', 'server.eventLoopDelay.max'];

test('the table says of every metric how it is compared, and of no other', () => {
  const rows = Object.entries(METRICS).flatMap(([name, { kind, compared, keys }]) => {
    const [, family, statistic] = SINGLE.includes(name) ? [] : (FAMILY.exec(name) ?? []);
    // Of a family there is a row that tells of the percentiles that are compared.
    if (family !== undefined && statistic !== 'p50') return [];
    const amountOf = { duration: formatDuration, size: formatSize, rate: (value: number) => `${value}/s` };
    const amount = 'amount' in compared && kind !== 'count' ? amountOf[kind](compared.amount) : '';
    return [
      [
        family === undefined ? `${name}${keys === undefined ? '' : '[…]'}` : `${family}.*`,
        compared.as,
        amount,
        'unless' in compared ? compared.unless.join(', ') : '',
      ],
    ];
  });
  const byName = (table: readonly string[][]) =>
    Object.fromEntries(table.map(([name, ...cells]) => [name, cells]));
  expect(byName(documented)).toEqual(byName(rows));
  expect(documented).toHaveLength(rows.length);
});

test('of a family, p50 and p99 are compared and nothing else is, as the page says', () => {
  for (const [name, { compared }] of Object.entries(METRICS)) {
    const [, , statistic = 'p50'] = SINGLE.includes(name) ? [] : (FAMILY.exec(name) ?? []);
    if (!['p50', 'p99'].includes(statistic)) expect(compared.as, name).toBe('nothing');
  }
  expect(METRICS['fanout.p99']?.compared).toEqual(METRICS['fanout.p50']?.compared);
});

test('a change of a measure has to be one of a fifth, as the page says', () => {
  const shares = Object.values(METRICS).flatMap(({ compared }) =>
    'share' in compared ? compared.share : [],
  );
  expect(new Set(shares)).toEqual(new Set([0.2]));
});

describe.each(['docs/compare.md', 'docs/ci.md', 'docs/bench.md'])('the rules of --fail-on in %s', (file) => {
  const rules = [...read(file).matchAll(/--fail-on '([^']+)'/g)].map(([, rule = '']) => rule);

  test('are valid', () => {
    expect(rules).not.toEqual([]);
    for (const rule of rules) expect(parseFailRule(rule, []), rule).toMatchObject({ text: rule });
  });
});
