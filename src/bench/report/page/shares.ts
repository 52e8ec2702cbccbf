import { formatDuration } from '../../../protocol/units.js';
import { valueText } from '../../verdict/metric-text.js';
import type { JsonResult } from '../schema.js';
import { timedOf } from '../tables.js';

type JsonHistogram = JsonResult['total']['histograms'][string];

/** Durations of one kind, to be shown by the share of them that stayed within so long. */
export interface Shares {
  readonly name: string;
  readonly title: string;
  /** What there are shares of. */
  readonly of: string;
  readonly histogram: JsonHistogram;
  /** What rules that did not hold ask for. */
  readonly limits: readonly { readonly label: string; readonly ms: number }[];
}

/** More would have no colour of their own. */
const MAX_LIMITS = 2;

/** The durations that a rule did not hold for, and fan-out latency, which is what a server is there for. */
export function sharesOf(result: JsonResult): Shares[] {
  const failed = new Map<string, Shares>();
  for (const { passed, phase, cohort, metric, operator, expected, actual, unit } of result.expectations) {
    const timed = timedOf(metric);
    if (passed || phase !== undefined || actual === undefined || timed === undefined) continue;
    const key = JSON.stringify([timed.base, cohort]);
    const before = failed.get(key) ?? sharesWith(result, timed, cohort);
    if (before === undefined) continue;
    const limit = {
      label: `expected: ${timed.statistic} ${operator} ${valueText(expected, unit)}`,
      ms: expected,
    };
    failed.set(key, { ...before, limits: [...before.limits, limit].slice(0, MAX_LIMITS) });
  }
  const fanout = timedOf('fanout.p50');
  const always = fanout === undefined ? undefined : sharesWith(result, fanout, undefined);
  if (always !== undefined && !failed.has(JSON.stringify(['fanout', undefined])))
    return [...failed.values(), always];
  return [...failed.values()];
}

function sharesWith(
  { total }: JsonResult,
  { name, base, histogram: key }: NonNullable<ReturnType<typeof timedOf>>,
  cohort: string | undefined,
): Shares | undefined {
  const owner = cohort === undefined ? total : total.cohorts.find((one) => one.name === cohort);
  const histogram = owner?.histograms[key];
  if (histogram === undefined) return undefined;
  const of = base === 'fanout' ? 'deliveries' : 'samples';
  const whose = cohort === undefined ? '' : ` of cohort ${cohort}`;
  const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}${whose} by share of ${of}`;
  return { name, title, of, histogram, limits: [] };
}

/** The chart in words. */
export function saidOf({ title, of, histogram, limits }: Shares): string {
  const { p50, p99, max } = histogram;
  const [what = ''] = title.split(' by share');
  const asked = limits.map(({ label }) => `, ${label}`).join('');
  return `${what}: half of the ${of} within ${formatDuration(p50)}, 99 % within ${formatDuration(p99)}, all within ${formatDuration(max)}${asked}`;
}
