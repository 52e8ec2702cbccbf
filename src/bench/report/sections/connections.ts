import { formatAmount, formatCount, formatDuration } from '../../../text/units.js';
import type { JsonCohort } from '../facts.js';
import {
  aside,
  type Block,
  type Column,
  capitalized,
  numbers,
  paragraph,
  type Section,
  section,
  table,
} from '../model.js';
import type { JsonResult } from '../schema.js';

/** Something that became of the connections of a cohort. */
interface Outcome {
  readonly outcome: string;
  readonly count: number;
  /** The metric that counts it, and what stands in its brackets. */
  readonly metric: string;
  readonly key?: string;
}

/** Everything that became of the connections of a cohort. */
export function outcomesOf(cohort: JsonCohort): Outcome[] {
  const { accepted, open, counters, closed, rejected, errors } = cohort;
  const keyed = (metric: string, counts: Readonly<Record<string, number>>, before = '') =>
    // An object lists keys that look like numbers first, whatever their order was.
    Object.entries(counts)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, count]) => ({ outcome: `${before}${key}`, count, metric, key }));
  const counted = (metric: string, outcome: string, count = 0) =>
    count > 0 ? [{ outcome, count, metric }] : [];
  return [
    ...((counters.attempts ?? 0) > 0 ? [{ outcome: 'accepted', count: accepted, metric: 'accepted' }] : []),
    ...keyed('closed', closed, 'closed '),
    ...keyed('rejected', rejected, 'HTTP '),
    ...keyed('errors', errors),
    ...counted('timeouts', 'handshake timeout', counters.timeouts),
    ...counted('disconnected', 'closed by the client', counters.disconnected),
    ...counted('gone', 'vanished without a close', goneOf(cohort)),
    ...counted('open', 'open at the end', open),
  ];
}

/** Half-open clients go dead on their own, which nothing counts: the rest of those that opened. */
function goneOf({ behavior, open, counters, closed }: JsonCohort): number {
  if (behavior !== 'half-open') return 0;
  const ended = Object.values(closed).reduce((sum, count) => sum + count, counters.disconnected ?? 0);
  return (counters.opened ?? 0) - ended - open;
}

/** How connections ended, beside what a rule expects. */
export function connections({ total, expectations }: JsonResult): Section[] {
  const expectedOf = expectedCounts(expectations);
  const rows = total.cohorts.flatMap((cohort) =>
    outcomesOf(cohort).map((one) => ({
      ...one,
      cohort,
      expected: expectedOf(cohort.name, one),
    })),
  );
  const isExpected = rows.some(({ expected }) => expected !== undefined);
  return section(
    'Connections',
    'detail',
    table(
      'How the connections of each cohort ended; every accepted client is counted again below',
      ['cohort', 'outcome', ...numbers(...(isExpected ? ['expected'] : []), 'actual')],
      rows.map(({ cohort, outcome, metric, count, expected }) => [
        [cohort.name, aside(` behavior: ${cohort.behavior}`)],
        outcome,
        ...(isExpected ? [expected === undefined ? '' : formatCount(expected)] : []),
        [
          {
            text: formatCount(count),
            ...(expected === undefined || expected === count ? {} : { tone: 'bad' }),
          },
          ...(metric === 'accepted' ? [aside(` ${ofHowMany(cohort)}`)] : []),
        ],
      ]),
    ),
  );
}

/** Finds what an `==` rule about the whole run expects: for this very key, or for its code with any reason. */
function expectedCounts(expectations: JsonResult['expectations']) {
  const idOf = (cohort: string | undefined, metric: string, key: string | undefined) =>
    JSON.stringify([cohort, metric, key]);
  const counts = new Map(
    expectations
      .filter(({ phase, operator }) => phase === undefined && operator === '==')
      .map(({ cohort, metric, key, expected }) => [idOf(cohort, metric, key), expected]),
  );
  return (cohort: string, { metric, key }: Outcome) =>
    counts.get(idOf(cohort, metric, key)) ?? counts.get(idOf(cohort, metric, key?.split(' ', 1)[0]));
}

/** A client that connects more than once is accepted as often. */
function ofHowMany({ clients, counters }: JsonCohort): string {
  return (counters.attempts ?? 0) > clients
    ? `times, by ${formatAmount(clients, 'client')}`
    : `of ${formatCount(clients)}`;
}

/** What became of the connections of a cohort, in a sentence. */
export function outcomesText(cohort: JsonCohort): string {
  const { name, clients, accepted, counters } = cohort;
  const all = formatAmount(clients, 'client');
  const outcomes = outcomesOf(cohort);
  if (outcomes.length === 0) return `Of the ${all} of ${name}, none tried to connect.`;
  const ends = outcomes.filter(({ metric }) => metric !== 'accepted');
  const many =
    (counters.attempts ?? 0) > clients
      ? `The ${all} of ${name}, which connect more than once, were accepted ${formatAmount(accepted, 'time')}.`
      : `Of the ${all} of ${name}, ${formatCount(accepted)} ${accepted === 1 ? 'was' : 'were'} accepted.`;
  return [
    ...(ends.length < outcomes.length ? [many] : []),
    ...(ends.length === 0
      ? []
      : [
          `Their connections: ${ends.map(({ outcome, count }) => `${formatCount(count)} ${outcome}`).join(', ')}.`,
        ]),
  ].join(' ');
}

/** Counters of deliveries, with their short names and meanings. `isBad`: no server should have more than 0. */
const DELIVERIES: Readonly<
  Record<string, { readonly short?: string; readonly isBad?: true; readonly meaning?: string }>
> = {
  expected: {},
  received: {},
  lost: { isBad: true },
  duplicated: { short: 'dupl.', isBad: true },
  reordered: { short: 'reord.', isBad: true },
  leaked: { isBad: true, meaning: 'of another namespace' },
  foreign: { isBad: true, meaning: 'not sent by bench' },
  conflated: { short: 'confl.', meaning: 'skipped for a newer one' },
};

function withMeaning(name: string): string {
  const meaning = DELIVERIES[name]?.meaning;
  return meaning === undefined ? name : `${name} (${meaning})`;
}

/** What had to arrive and did. Counters that are 0 everywhere are named in a sentence. */
export function deliveries(result: JsonResult): Section[] {
  const all = result.total.cohorts;
  const names = Object.keys(DELIVERIES);
  const some = all.filter(({ counters }) => names.some((name) => (counters[name] ?? 0) > 0));
  if (some.length === 0) return [];
  const isZero = (name: string) => some.every(({ counters }) => (counters[name] ?? 0) === 0);
  const none = names.filter((name) => name !== 'expected' && name !== 'received' && isZero(name));
  const shown = names.filter((name) => !none.includes(name));
  const without = all.filter((cohort) => !some.includes(cohort)).map(({ name }) => name);
  const notes = [
    ...[inFlightText(result) ?? []].flat(),
    ...(shown.some((name) => DELIVERIES[name]?.meaning !== undefined)
      ? [
          `${capitalized(
            shown
              .filter((name) => DELIVERIES[name]?.meaning !== undefined)
              .map((name) => `${name}: ${DELIVERIES[name]?.meaning}`)
              .join('; '),
          )}.`,
        ]
      : []),
    ...(none.length === 0 ? [] : [`${capitalized(none.map(withMeaning).join(', '))}: none.`]),
    ...(without.length === 0 ? [] : [`Not expected to receive cursors: ${without.join(', ')}.`]),
  ];
  const columns = shown.map((name): Column => ({ name, isNumber: true, ...DELIVERIES[name] }));
  return section('Cursor deliveries', 'detail', [
    ...table(
      'Deliveries that each cohort had to receive, and received',
      ['cohort', ...columns],
      some.map(({ name: cohort, counters }) => [
        cohort,
        ...shown.map((name) => {
          const text = formatCount(counters[name] ?? 0);
          const isBad = DELIVERIES[name]?.isBad === true && (counters[name] ?? 0) > 0;
          return isBad ? [{ text, tone: 'bad' as const, spoken: `${text}, should be 0` }] : text;
        }),
      ]),
    ),
    ...(notes.length === 0 ? [] : [paragraph(notes.join(' '))]),
  ]);
}

/** What was received beyond what was expected. Duplicates, leaks and late cursors are counted on their own. */
export function inFlightText({ total }: JsonResult): string | undefined {
  const inFlight = total.cohorts.reduce((sum, { counters }) => {
    const of = (name: string) => counters[name] ?? 0;
    const inTime = of('expected') - of('lost') - of('conflated');
    const once = of('received') - of('duplicated') - of('leaked') - of('late');
    return sum + Math.max(0, once - inTime);
  }, 0);
  if (inFlight === 0) return undefined;
  const were = inFlight === 1 ? 'delivery was' : 'deliveries were';
  return `${formatCount(inFlight)} ${were} received but not expected: a client joined or left while they were in flight, so it may or may not receive them.`;
}

/** Most kinds of messages that a report lists; each of a thousand cohorts may have several. */
const MAX_MESSAGE_KINDS = 20;

/** Messages that are not cursors: how many of each kind each cohort received, and the first. */
export function otherMessagesOf({ total }: JsonResult): string[] {
  const all = total.cohorts.flatMap(({ name, otherMessages = [] }) =>
    otherMessages.map(({ kind, count, first: { atMs, client, namespace, text } }) => {
      const what = text === undefined ? '' : `: ${text}`;
      return `${formatCount(count)} of ${kind} to cohort ${name}; first: at ${formatDuration(atMs)} to client bench-${name}-${client} of ${namespace}${what}`;
    }),
  );
  if (all.length <= MAX_MESSAGE_KINDS) return all;
  const further = formatAmount(all.length - MAX_MESSAGE_KINDS, 'further kind');
  return [...all.slice(0, MAX_MESSAGE_KINDS), `${further}: see the JSON report`];
}

export function otherMessages(result: JsonResult): Section[] {
  const items = otherMessagesOf(result);
  const list: Block[] = items.length === 0 ? [] : [{ kind: 'list', items }];
  return section('Messages that are not cursors', 'detail', list);
}
