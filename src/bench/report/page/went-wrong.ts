import { formatAmount, formatCount } from '../../../protocol/units.js';
import { valueText } from '../../verdict/metric-text.js';
import { METRICS } from '../../verdict/metrics.js';
import type { JsonResult } from '../schema.js';
import { outcomesOf } from '../tables.js';
import { escapeHtml } from './markup.js';

type Failure = JsonResult['expectations'][number];

/** What to know first of a result that is not good: what went wrong, what was to come instead, and what it means. */
export function wentWrong(result: JsonResult, level: number): string {
  const failures = result.expectations.filter(({ passed }) => !passed);
  const mishaps = [...result.invalidReasons, ...result.problems].map(
    (reason) => `<li><p>${escapeHtml(reason)}</p></li>`,
  );
  if (failures.length + mishaps.length === 0) return '';
  const cards = failures.map((failure) => card(failure, result, level + 1));
  const title = {
    failed: 'What failed, and why',
    invalid: 'Why it says nothing',
    aborted: 'What did not hold when it was stopped',
  };
  const heading = title[result.verdict as keyof typeof title] ?? 'What went wrong';
  return `<section class="why ${result.verdict}"><h${level}>${heading}</h${level}><ul>${[...mishaps, ...cards].join('')}</ul></section>`;
}

function card(failure: Failure, result: JsonResult, level: number): string {
  const { rule, line, phase, shown, actual, meaning } = failure;
  const found = actual === undefined ? escapeHtml(shown) : `${escapeHtml(shown)}${difference(failure)}`;
  const evidence = evidenceOf(failure, result);
  return `<li><h${level}>${subjectOf(failure)}</h${level}>
<p class="numbers"><span>expected <strong>${escapeHtml(expectedOf(failure))}</strong></span> <span>measured <strong class="bad">${found}</strong></span></p>
${meaning === undefined ? '' : `<p><b>What it usually means:</b> ${escapeHtml(meaning)}</p>`}
${evidence === '' ? '' : `<p>${escapeHtml(evidence)}</p>`}
<p class="rule"><code>${escapeHtml(rule)}</code> ${phase === undefined ? '' : `in the phase “${escapeHtml(phase)}”, `}line ${line} of ${escapeHtml(result.scenario.source)}</p></li>`;
}

/** What a statistic says, for who does not know its name. */
const STATISTICS: Readonly<Record<string, string>> = {
  min: 'the shortest',
  mean: 'the average',
  max: 'the longest',
  p50: 'half took no longer',
  p90: '9 of 10 took no longer',
  p95: '95 of 100 took no longer',
  p99: '99 of 100 took no longer',
  'p99.9': '999 of 1,000 took no longer',
};

/** What a rule speaks of, in words, as HTML. */
function subjectOf({ cohort, metric, key }: Failure): string {
  const keyed: Readonly<Record<string, string>> = {
    closed: 'connections that the server closed with',
    rejected: 'handshakes answered with HTTP',
    errors: 'connections that failed with',
    'server.closed': 'clients that the server says it closed with',
  };
  const summary = METRICS[metric]?.summary.replace(/\.$/, '').replace(/`([^`]*)`/g, '“$1”') ?? metric;
  const statistic = STATISTICS[/: (\S+)$/.exec(summary)?.[1] ?? ''];
  const what = statistic === undefined ? summary : `${summary} (${statistic})`;
  const words = key === undefined ? what : `${keyed[metric] ?? summary} ${key}`;
  return cohort === undefined
    ? escapeHtml(words.charAt(0).toUpperCase() + words.slice(1))
    : `Cohort <b>${escapeHtml(cohort)}</b>: ${escapeHtml(words.charAt(0).toLowerCase() + words.slice(1))}`;
}

const COMPARED = {
  '==': 'exactly',
  '!=': 'anything but',
  '<': 'less than',
  '<=': 'at most',
  '>': 'more than',
  '>=': 'at least',
} as const;

function expectedOf({ operator, expected, unit }: Failure): string {
  if (operator === '==' && expected === 0) return 'none';
  return `${COMPARED[operator]} ${valueText(expected, unit)}`;
}

/** How far a count is off. */
function difference({ unit, actual = 0, expected, operator }: Failure): string {
  if (unit !== 'count' || operator !== '==' || expected === 0) return '';
  const off = Math.abs(actual - expected);
  return ` <small>(${formatCount(off)} ${actual < expected ? 'too few' : 'too many'})</small>`;
}

/** Metrics of connections, which the outcomes of the cohort tell more of. */
const OF_CONNECTIONS = /^(accepted|opened|open|left|closed|rejected|errors|timeouts|attempts)$/;

/** What else was measured that tells more. */
function evidenceOf({ metric, cohort }: Failure, { total, expectations }: JsonResult): string {
  if (OF_CONNECTIONS.test(metric)) {
    const one = total.cohorts.find(({ name }) => name === cohort);
    if (one === undefined) return '';
    const outcomes = outcomesOf(one).map(({ outcome, count }) => `${formatCount(count)} ${outcome}`);
    return `What became of its ${formatAmount(one.clients, 'client')}: ${outcomes.join(', ') || 'nobody tried to connect'}.`;
  }
  const [, counter] = /^cursors\.(\w+)$/.exec(metric) ?? [];
  if (counter !== undefined && cohort === undefined && expectations.length > 0) {
    const by = total.cohorts
      .filter(({ counters }) => (counters[counter] ?? 0) > 0)
      .map(({ name, counters }) => `${formatCount(counters[counter] ?? 0)} in cohort ${name}`);
    return by.length === 0 ? '' : `Of these, ${by.join(', ')}.`;
  }
  const [, timed] = /^(.+)\.(?:min|mean|max|p[\d.]+)$/.exec(metric) ?? [];
  if (timed === undefined) return '';
  const ofCohort = total.metrics.filter((one) => one.cohort === cohort);
  const statistics = ['p50', 'p90', 'p99', 'max'].flatMap((statistic) => {
    const found = ofCohort.find(({ name }) => name === `${timed}.${statistic}`);
    return found === undefined ? [] : [`${statistic} ${valueText(found.value, found.unit)}`];
  });
  return statistics.length < 2 ? '' : `In all: ${statistics.join(', ')}.`;
}
