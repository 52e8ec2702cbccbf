import { formatAmount, formatCount } from '../../../protocol/units.js';
import { valueText } from '../../verdict/metric-text.js';
import { METRICS } from '../../verdict/metrics.js';
import {
  CHANGES_MAY_FAIL,
  evidenceOf,
  FAILURE_TITLES,
  type Failure,
  failuresOf,
  meaningsOf,
  mishapsOf,
  OF_CONNECTIONS,
  offBy,
  together,
} from '../failures.js';
import type { JsonResult } from '../schema.js';
import { changesText, outcomesOf, timedOf } from '../tables.js';
import { code, escapeHtml } from './markup.js';

/** What to know first of a result that is not good: what went wrong, what was to come instead, and what it means. */
export function wentWrong(result: JsonResult, level: number): string {
  const failures = failuresOf(result);
  const mishaps = mishapsOf(result).map((reason) => `<li><p>${escapeHtml(reason)}</p></li>`);
  if (failures.length + mishaps.length === 0) return '';
  const cards = together(failures).map((group) => card(group, result, level + 1));
  return `<section class="why ${result.verdict}"><h${level}>${FAILURE_TITLES[result.verdict]}</h${level}>${changed(result, failures)}<ul>${[...mishaps, ...cards].join('')}</ul></section>`;
}

/** That the scenario is not what its author wrote: often enough, that is all that is wrong. */
function changed(result: JsonResult, failures: readonly Failure[]): string {
  const changes = changesText(result, code);
  if (changes === undefined) return '';
  const so = failures.length === 0 ? '' : ` ${CHANGES_MAY_FAIL}`;
  return `<p class="changed"><b>${changes.replace(': ', ':</b> ')}.${so}</p>`;
}

function card(group: readonly Failure[], result: JsonResult, level: number): string {
  const [first] = group as [Failure];
  const isOne = group.length === 1;
  const heading = isOne ? subjectOf(first) : familyOf(first);
  const told = alsoMeasured(first, result);
  return `<li><h${level}>${heading}</h${level}>
${group.map((failure) => finding(failure, result, !isOne)).join('\n')}
${evidenceOf(group)
  .map((one) => `<p>${escapeHtml(one)}</p>`)
  .join('\n')}
${meaningsOf(group)
  .map((meaning) => `<p><b>What it usually means:</b> ${escapeHtml(meaning)}</p>`)
  .join('\n')}
${told === '' ? '' : `<p>${escapeHtml(told)}</p>`}</li>`;
}

/** A rule, what it asks for, and what was found. */
function finding(failure: Failure, { scenario }: JsonResult, isNamed: boolean): string {
  const { rule, line, phase, implicit, shown, actual, metric } = failure;
  const timed = timedOf(metric);
  const name =
    timed === undefined ? sentence(wordsOf(failure)) : (STATISTICS[timed.statistic] ?? timed.statistic);
  const found = actual === undefined ? escapeHtml(shown) : `${escapeHtml(shown)}${difference(failure)}`;
  return `<div class="finding">${isNamed ? `<p>${escapeHtml(name)}</p>` : ''}
<p class="numbers"><span>expected <strong>${escapeHtml(expectedOf(failure))}</strong></span> <span>measured <strong class="bad">${found}</strong></span></p>
<p class="rule">${code(rule)} ${phase === undefined ? '' : `in the phase “${escapeHtml(phase)}”, `}${implicit === true ? 'which every DataFn server owes its clients' : `line ${line} of ${escapeHtml(scenario.source)}`}</p></div>`;
}

/** What a statistic says, for who does not know its name. */
const STATISTICS: Readonly<Record<string, string>> = {
  min: 'shortest',
  mean: 'average',
  max: 'longest',
  p50: 'p50: half of all took no longer',
  p90: 'p90: 9 of 10 took no longer',
  p95: 'p95: 95 of 100 took no longer',
  p99: 'p99: 99 of 100 took no longer',
  'p99.9': 'p99.9: 999 of 1,000 took no longer',
};

/** What a rule speaks of, as HTML. */
function subjectOf(failure: Failure): string {
  const { metric, cohort } = failure;
  const timed = timedOf(metric);
  if (timed === undefined) return ofCohort(cohort, wordsOf(failure));
  return `${familyOf(failure)} <small>${escapeHtml(STATISTICS[timed.statistic] ?? timed.statistic)}</small>`;
}

/** What rules that stand together speak of, as HTML. */
function familyOf({ metric, cohort }: Failure): string {
  const timed = timedOf(metric);
  if (timed === undefined) return ofCohort(cohort, 'connections');
  const [what = ''] = METRICS[metric]?.summary.split(': ') ?? [];
  return `${ofCohort(cohort, timed.name)} <small>(${escapeHtml(what.charAt(0).toLowerCase() + what.slice(1))})</small>`;
}

/** What is counted or measured, in words. */
function wordsOf({ metric, key }: Failure): string {
  const keyed: Readonly<Record<string, string>> = {
    closed: 'connections that the server closed with',
    rejected: 'handshakes answered with HTTP',
    errors: 'connections that failed with',
    'server.closed': 'clients that the server says it closed with',
  };
  const summary = METRICS[metric]?.summary.replace(/\.$/, '').replace(/`([^`]*)`/g, '“$1”') ?? metric;
  return key === undefined ? summary : `${keyed[metric] ?? summary} ${key}`;
}

function ofCohort(cohort: string | undefined, words: string): string {
  if (cohort === undefined) return escapeHtml(sentence(words));
  return `Cohort <b>${escapeHtml(cohort)}</b>: ${escapeHtml(words.charAt(0).toLowerCase() + words.slice(1))}`;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
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

const TOO = {
  count: ['too few', 'too many'],
  ms: ['too short', 'too long'],
  bytes: ['too little', 'too much'],
  'per second': ['too few', 'too many'],
} as const;

/** How far off a value is, in words. */
function difference(failure: Failure): string {
  const { unit, expected } = failure;
  const off = offBy(failure);
  if (off === 0 || expected === 0) return '';
  return ` <small>(${valueText(Math.abs(off), unit)} ${TOO[unit][off < 0 ? 0 : 1]})</small>`;
}

/** What else was measured that tells more, in a sentence. */
function alsoMeasured({ metric, cohort }: Failure, { total }: JsonResult): string {
  if (OF_CONNECTIONS.test(metric)) {
    const one = total.cohorts.find(({ name }) => name === cohort);
    if (one === undefined) return '';
    const outcomes = outcomesOf(one);
    if (outcomes.length === 0) return `Of its ${formatAmount(one.clients, 'client')}, none tried to connect.`;
    const accepted = outcomes.some((outcome) => outcome.metric === 'accepted') ? `${acceptedText(one)} ` : '';
    const ends = outcomes.filter((outcome) => outcome.metric !== 'accepted');
    const ended = ends.map(({ outcome, count }) => `${formatCount(count)} ${outcome}`).join(', ');
    return `${accepted}${ended === '' ? '' : `What became of its connections: ${ended}.`}`.trim();
  }
  const timed = timedOf(metric);
  if (timed === undefined) return '';
  const ofItsCohort = total.metrics.filter((one) => one.cohort === cohort);
  const statistics = ['p50', 'p90', 'p99', 'max'].flatMap((statistic) => {
    const found = ofItsCohort.find(({ name }) => name === `${timed.base}.${statistic}`);
    return found === undefined ? [] : [`${statistic} ${valueText(found.value, found.unit)}`];
  });
  return statistics.length < 2 ? '' : `In all: ${statistics.join(', ')}.`;
}

function acceptedText({ clients, accepted, counters }: JsonResult['total']['cohorts'][number]): string {
  const all = formatAmount(clients, 'client');
  if ((counters.attempts ?? 0) > clients)
    return `Its ${all}, which connect more than once, were accepted ${formatAmount(accepted, 'time')}.`;
  return `Of its ${all}, ${formatCount(accepted)} ${accepted === 1 ? 'was' : 'were'} accepted.`;
}
