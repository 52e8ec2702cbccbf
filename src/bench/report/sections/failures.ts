import { valueText } from '../../verdict/metric-kinds.js';
import { METRICS } from '../../verdict/metrics.js';
import { type Expectation, hasFailed, scopeText, signOf, standingOf } from '../facts.js';
import {
  aside,
  capitalized,
  type FindingCard,
  type Mark,
  type Section,
  section,
  type Text,
  uncapitalized,
} from '../model.js';
import type { JsonResult } from '../schema.js';
import { outcomesText } from './connections.js';
import { timedOf } from './timings.js';

/** What failed, what was expected instead, and what that usually means. */
export function failures(result: JsonResult): Section[] {
  const failed = result.expectations.filter(hasFailed);
  if (failed.length === 0) return [];
  const groups = byMeaning(failed).map(({ cards, meanings }) => ({
    cards: cards.map((card) => cardOf(card, result)),
    meanings,
  }));
  const title = result.verdict === 'aborted' ? 'What had failed when it was stopped' : 'What failed, and why';
  return section(title, 'main', [{ kind: 'findings', groups }]);
}

/** All rules, those that failed first. */
export function expectations({ expectations: all }: JsonResult): Section[] {
  const order = ['failed', 'not measurable', 'not reached', 'deferred', 'held'];
  const rank = (one: Expectation) => (hasFailed(one) ? -1 : order.indexOf(standingOf(one)));
  const items = [...all].sort((a, b) => rank(a) - rank(b)).map(markOf);
  const caption = 'What the scenario expects, and what was measured';
  return section('Expectations', 'main', [
    { kind: 'marks', caption, heads: ['expected', 'measured', 'why'], items },
  ]);
}

function markOf(one: Expectation): Mark {
  const sign = signOf(one);
  return {
    sign,
    subject: one.rule,
    scope: scopeText(one),
    value: { text: one.shown, ...(sign.tone === 'bad' || sign.tone === 'muted' ? { tone: sign.tone } : {}) },
    why: one.notMeasurable,
  };
}

/** Metrics of connections: the outcomes of the cohort say more. */
const OF_CONNECTIONS =
  /^(accepted|opened|open|disconnected|closed|rejected|errors|timeouts|attempts|refused\.late|heartbeat\.falseTimeouts)$/;

/** Failures by subject: the connections of a cohort, one kind of durations, or something of its own. */
function bySubject(failed: readonly Expectation[]): Expectation[][] {
  return grouped(failed, ({ metric, cohort, phase }, index) => {
    const family =
      OF_CONNECTIONS.test(metric) && cohort !== undefined ? 'connections' : timedOf(metric)?.base;
    return JSON.stringify(family === undefined ? index : [family, cohort, phase]);
  });
}

/** Failures that usually have the same causes, so that these are reported once. */
function byMeaning(failed: readonly Expectation[]) {
  const groups = grouped(bySubject(failed), (card) => meaningsOf(card).join('\n'));
  return groups.map((cards) => ({ cards, meanings: meaningsOf(cards.flat()) }));
}

/** Items with the same key, in the order of the first of each. */
function grouped<Item>(items: readonly Item[], keyOf: (item: Item, index: number) => string): Item[][] {
  const groups = new Map<string, Item[]>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item, index);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}

function meaningsOf(failed: readonly Expectation[]): string[] {
  const all = failed.flatMap((one) =>
    one.meaning === undefined || isOtherSide(one, failed) ? [] : [one.meaning],
  );
  return [...new Set(all)];
}

/** Whether it counts the same clients as another failure that says more about them. */
function isOtherSide(failure: Expectation, group: readonly Expectation[]): boolean {
  const mirrors = (metric: string) =>
    group.some(
      (one) => one.metric === metric && one.cohort === failure.cohort && offBy(one) === -offBy(failure),
    );
  if (failure.metric === 'open') return mirrors('heartbeat.falseTimeouts');
  return failure.metric === 'closed' && /^(?:4401|4503)/.test(failure.key ?? '') && mirrors('accepted');
}

/** Distance from the expected value, negative below it; NaN without a measurement. */
function offBy({ actual, expected }: Expectation): number {
  return actual === undefined ? Number.NaN : actual - expected;
}

function cardOf(card: readonly Expectation[], { scenario, total }: JsonResult): FindingCard {
  const [first] = card as [Expectation];
  const isOne = card.length === 1;
  const also = alsoMeasured(first, total);
  return {
    subject: isOne ? subjectOf(first) : familyOf(first),
    findings: card.map((one) => {
      const statistic = timedOf(one.metric)?.statistic;
      const name = statistic === undefined ? capitalized(wordsOf(one)) : statisticText(statistic);
      const { phase, implicit, line } = one;
      return {
        mark: markOf(one),
        name: isOne ? undefined : name,
        expected: expectedOf(one),
        off: differenceOf(one),
        where: `${phase === undefined ? '' : `in the phase “${phase}”, `}${implicit === true ? 'which every DataFn server owes its clients' : `line ${line} of ${scenario.source}`}`,
      };
    }),
    evidence: [...new Set(card.flatMap(({ evidence = [] }) => evidence)), ...(also === '' ? [] : [also])],
  };
}

/** What a statistic means, for readers who do not know its name. */
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
const statisticText = (name: string) => STATISTICS[name] ?? name;

function subjectOf(failure: Expectation): Text {
  const timed = timedOf(failure.metric);
  if (timed === undefined) return ofCohort(failure.cohort, wordsOf(failure));
  return [...familyOf(failure), aside(` ${statisticText(timed.statistic)}`)];
}

/** The subject that several rules share. */
function familyOf({ metric, cohort }: Expectation): Text {
  const timed = timedOf(metric);
  if (timed === undefined) return ofCohort(cohort, 'connections');
  const [what = ''] = METRICS[metric]?.summary.split(': ') ?? [];
  return [...ofCohort(cohort, timed.name), aside(` (${uncapitalized(what)})`)];
}

function ofCohort(cohort: string | undefined, words: string): Text {
  if (cohort === undefined) return [capitalized(words)];
  return ['Cohort ', { text: cohort, look: 'strong' }, `: ${uncapitalized(words)}`];
}

const KEYED: Readonly<Record<string, string>> = {
  closed: 'connections that the server closed with',
  rejected: 'handshakes answered with HTTP',
  errors: 'connections that failed with',
  'server.closed': 'clients that the server says it closed with',
};

/** A metric in words. */
function wordsOf({ metric, key }: Expectation): string {
  const summary = METRICS[metric]?.summary.replace(/\.$/, '').replace(/`([^`]*)`/g, '“$1”') ?? metric;
  return key === undefined ? summary : `${KEYED[metric] ?? summary} ${key}`;
}

const COMPARED = {
  '==': 'exactly',
  '!=': 'anything but',
  '<': 'less than',
  '<=': 'at most',
  '>': 'more than',
  '>=': 'at least',
} as const;

function expectedOf({ operator, expected, unit }: Expectation): string {
  if (operator === '==' && expected === 0) return 'none';
  return `${COMPARED[operator]} ${valueText(expected, unit)}`;
}

const TOO = {
  count: ['too few', 'too many'],
  ms: ['too short', 'too long'],
  bytes: ['too little', 'too much'],
  'per second': ['too few', 'too many'],
} as const;

function differenceOf(failure: Expectation): string | undefined {
  const { unit, expected, actual } = failure;
  const off = offBy(failure);
  if (actual === undefined || off === 0 || expected === 0) return undefined;
  return `${valueText(Math.abs(off), unit)} ${TOO[unit][off < 0 ? 0 : 1]}`;
}

/** Other measurements of the same subject, in a sentence. */
function alsoMeasured({ metric, cohort }: Expectation, total: JsonResult['total']): string {
  if (OF_CONNECTIONS.test(metric)) {
    const one = total.cohorts.find(({ name }) => name === cohort);
    return one === undefined ? '' : outcomesText(one);
  }
  const timed = timedOf(metric);
  if (timed === undefined) return '';
  const ofItsCohort = total.metrics.filter((one) => one.cohort === cohort);
  const statistics = ['p50', 'p90', 'p99', 'max'].flatMap((statistic) => {
    const found = ofItsCohort.find(({ name }) => name === `${timed.base}.${statistic}`);
    return found === undefined ? [] : [`${statistic} ${valueText(found.value, found.unit)}`];
  });
  return statistics.length < 2 ? '' : `${timed.base}: ${statistics.join(', ')}.`;
}
