import { formatAmount, formatCount } from '../../protocol/units.js';
import { metricText, valueText } from '../verdict/metric-text.js';
import type { Change, ChangeVerdict, ComparedNumber, Comparison } from './comparison.js';
import type { FailRule } from './fail-rule.js';

// What the formats for people say of a comparison: the same words, whatever they are written in.

/** The one word for a comparison. */
export const COMPARISON_WORDS: Readonly<Record<Comparison['verdict'], string>> = {
  regressed: 'regressed',
  warned: 'changed',
  improved: 'improved',
  same: 'same',
};

export const CHANGE_SIGNS: Readonly<Record<ChangeVerdict, string>> = {
  regression: '✗',
  warning: '!',
  improvement: '✓',
  note: '·',
};

/** A change in words. */
export interface ToldChange {
  readonly verdict: ChangeVerdict;
  readonly metric: string;
  readonly base: string;
  readonly now: string;
  /** Of a value that was not 0: `+20 %`. */
  readonly by: string;
  /** Why it is what it is, and the spreads that it had. */
  readonly why: string;
}

/** Every change in words, regressions first. */
export function toldChanges({ changes }: Comparison): ToldChange[] {
  return changes.map((change) => {
    const { verdict, unit, why, base, new: next } = change;
    const spread = spreadText(change);
    return {
      verdict,
      metric: metricText(change),
      base: valueOrNone(base, unit),
      now: valueOrNone(next, unit),
      by: unit === 'count' || base === undefined || next === undefined ? '' : shareText(base, next),
      why: spread === '' ? why : `${why} (${spread})`,
    };
  });
}

/** A metric of both results in words. */
export interface ToldNumber {
  readonly metric: string;
  readonly base: string;
  readonly now: string;
  /** `+20 %`, `+3`; `=` for the same. */
  readonly by: string;
}

/** The numbers of both results in words, whether they differ or not. */
export function toldNumbers({ numbers }: Comparison): ToldNumber[] {
  return numbers.map((one) => ({
    metric: metricText(one),
    base: valueOrNone(one.base, one.unit),
    now: valueOrNone(one.new, one.unit),
    by: differenceText(one),
  }));
}

function differenceText({ unit, base, new: next }: ComparedNumber): string {
  if (base === undefined || next === undefined) return '';
  if (base === next) return '=';
  if (unit !== 'count') return shareText(base, next);
  return `${next > base ? '+' : '-'}${formatCount(Math.abs(next - base))}`;
}

function valueOrNone(value: number | undefined, unit: ComparedNumber['unit']): string {
  return value === undefined ? 'no samples' : valueText(value, unit);
}

/**
 * That a metric is over a limit of `--fail-on`, and no regression, with the range that says so.
 *
 * @param runs of how many runs the side with fewer of them is the median.
 */
export function withinRangeText(one: ComparedNumber, rule: FailRule, runs: number): string {
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
  const advice = runs > 1 ? 'use more --repeat' : 'use --repeat';
  return `${metricText(one)} ${by}: ${over}, but within the range of the runs (${told}): ${advice}`;
}

/** `12.5 to 22 ms`: the unit once where both have the same. */
function rangeText(
  { low, high }: NonNullable<ComparedNumber['baseSpread']>,
  unit: ComparedNumber['unit'],
): string {
  const [from, to] = [valueText(low, unit), valueText(high, unit)];
  const [, word] = /^[\d.,]+( \S+|\/s)$/.exec(to) ?? [];
  return `${word !== undefined && from.endsWith(word) ? from.slice(0, -word.length) : from} to ${to}`;
}

/** How many changes of each kind there are, among how many that were compared. */
export function summaryText({ changes, problems, compared }: Comparison): string {
  const amount = (verdict: ChangeVerdict, more = 0) =>
    changes.filter((change) => change.verdict === verdict).length + more;
  const parts = [
    [amount('regression', problems.length), 'regression'],
    [amount('warning'), 'warning'],
    [amount('improvement'), 'improvement'],
    [amount('note'), 'note'],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, word]) => formatAmount(count, word));
  const among = `${formatAmount(compared.counts, 'count')} and ${formatAmount(compared.measures, 'measure')} compared`;
  return `${told.length === 0 ? 'no change' : told.join(', ')}; ${among}`;
}

/** When and with what one side was made. */
export function sideText({ startedAt, toolVersion, seed, runs }: Comparison['base']): string {
  const when = startedAt.replace('T', ' ').replace(/(:\d\d)\.\d+Z$/, '$1 UTC');
  return `${when}, datafn-ws ${toolVersion}, seed ${seed}, ${formatAmount(runs, 'run')}`;
}

function shareText(base: number, next: number): string {
  if (base === 0) return '';
  if (base > 0 && next >= 10 * base) return `${formatCount(Math.round(next / base))} times`;
  const percent = Math.round((100 * (next - base)) / Math.abs(base));
  return `${percent < 0 ? '-' : '+'}${Math.abs(percent)} %`;
}

/** Between what values each side had, where that says more than its value. */
function spreadText({ unit, baseSpread, newSpread }: Change): string {
  const told = (spread: Change['baseSpread'], where: string) =>
    spread === undefined || spread.low === spread.high
      ? []
      : [`${valueText(spread.low, unit)} to ${valueText(spread.high, unit)} ${where}`];
  return [...told(baseSpread, 'in the baseline'), ...told(newSpread, 'now')].join(', ');
}
