import { z } from 'zod';
import { formatCount } from '../../text/units.js';
import { metricText, valueText } from '../verdict/metric-kinds.js';
import type { FailRule } from './fail-rule.js';

const text = z.string();
const spread = z.strictObject({ low: z.number(), high: z.number() });
const verdict = z.enum(['regression', 'warning', 'improvement', 'note']);

/** A metric in both results. */
const values = {
  name: text.describe('As a rule names it, without the cohort.'),
  key: text.optional().describe('What stands in the brackets of a rule.'),
  cohort: text.optional().describe('Whose; of all together when it is left out.'),
  unit: z.enum(['count', 'ms', 'per second', 'bytes']),
  base: z.number().optional().describe('Nothing when there were no samples.'),
  new: z.number().optional().describe('Nothing when there were no samples.'),
  baseSpread: spread.optional(),
  newSpread: spread.optional(),
};

const comparedNumber = z.strictObject(values).meta({ id: 'comparedNumber' });

const change = z
  .strictObject({
    ...values,
    verdict: verdict.describe(
      'A regression fails a build, a warning does not; a note is no judgement at all.',
    ),
    rule: text.optional().describe('The rule of the scenario that holds in one of the two only.'),
    why: text,
  })
  .meta({ id: 'change' });

const side = z.strictObject({
  startedAt: text.describe('ISO 8601.'),
  toolVersion: text,
  sha256: text.describe('Of the scenario.'),
  seed: z.int(),
  runs: z.int().describe('Repetitions that the numbers are medians of.'),
});

/** What is different between two results of a scenario. */
export const comparisonSchema = z.strictObject({
  scenario: text,
  verdict: z
    .enum(['regressed', 'warned', 'improved', 'same'])
    .describe('By the change that weighs most: a regression, then a warning, then an improvement.'),
  base: side,
  new: side,
  warnings: z
    .array(text)
    .describe(
      'What makes the two runs less comparable, and what is over a limit of --fail-on but not beyond its range.',
    ),
  problems: z
    .array(text)
    .describe('What went wrong with the server, and had not in the baseline; each is a regression.'),
  changes: z.array(change).describe('What differs, regressions first.'),
  numbers: z
    .array(comparedNumber)
    .describe('The numbers of both, whether they differ or not: of all cohorts together, and of --fail-on.'),
  compared: z
    .strictObject({ counts: z.int(), measures: z.int() })
    .describe('How many counts were compared exactly, and how many durations, sizes and rates by threshold.'),
});

export type Comparison = z.infer<typeof comparisonSchema>;
export type Change = z.infer<typeof change>;
export type ComparedNumber = z.infer<typeof comparedNumber>;
export type ChangeVerdict = z.infer<typeof verdict>;

/** Explains that a metric exceeds a limit of `--fail-on`, but not the range of the runs. */
export function withinRangeText(one: ComparedNumber, rule: FailRule): string {
  const { unit, base = 0, new: next = 0, baseSpread, newSpread } = one;
  const share = shareText(base, next);
  const by =
    share === '' || unit === 'count' ? `${valueText(base, unit)} -> ${valueText(next, unit)}` : share;
  const sign = rule.direction > 0 ? '+' : '-';
  const limits = [
    ...(rule.share > 0 ? [`${sign}${formatCount(rule.share * 100)} %`] : []),
    ...(rule.amount > 0 ? [`${sign}${valueText(rule.amount, unit)}`] : []),
  ];
  const isIn = (value: number, range: ComparedNumber['baseSpread']) =>
    range !== undefined && value >= range.low && value <= range.high;
  const ranges = isIn(next, baseSpread)
    ? [baseSpread]
    : isIn(base, newSpread)
      ? [newSpread]
      : [baseSpread, newSpread];
  const told = ranges
    .flatMap((range) => (range === undefined ? [] : [rangeText(range, unit)]))
    .join(', then ');
  const over = limits.length === 0 ? 'over its limit' : `over ${limits.join(' and ')}`;
  return `${metricText(one)} ${by}: ${over}, but within the range of the runs (${told}): use more --repeat`;
}

/** `12.5 to 22 ms`: the unit once where both have the same. */
export function rangeText(
  { low, high }: NonNullable<ComparedNumber['baseSpread']>,
  unit: ComparedNumber['unit'],
): string {
  const [from, to] = [valueText(low, unit), valueText(high, unit)];
  const [, word] = /^[\d.,]+( \S+|\/s)$/.exec(to) ?? [];
  return `${word !== undefined && from.endsWith(word) ? from.slice(0, -word.length) : from} to ${to}`;
}

/** The change of a value: `+20 %`; empty when the value was 0. */
export function shareText(base: number, next: number): string {
  if (base === 0) return '';
  if (base > 0 && next >= 10 * base) return `${formatCount(Math.round(next / base))} times`;
  const percent = Math.round((100 * (next - base)) / Math.abs(base));
  return `${percent < 0 ? '-' : '+'}${Math.abs(percent)} %`;
}
