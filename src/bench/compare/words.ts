import { formatCount } from '../../text/units.js';
import { metricText, valueText } from '../verdict/metric-text.js';
import type { ComparedNumber } from './comparison.js';
import type { FailRule } from './fail-rule.js';

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
