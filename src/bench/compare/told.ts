import { formatAmount, formatCount } from '../../protocol/units.js';
import { metricText, valueText } from '../verdict/metric-text.js';
import type { Change, ChangeVerdict, Comparison } from './comparison.js';

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
    const told = (value: number | undefined) => (value === undefined ? 'no samples' : valueText(value, unit));
    const spread = spreadText(change);
    return {
      verdict,
      metric: metricText(change),
      base: told(base),
      now: told(next),
      by: unit === 'count' || base === undefined || next === undefined ? '' : shareText(base, next),
      why: spread === '' ? why : `${why} (${spread})`,
    };
  });
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
