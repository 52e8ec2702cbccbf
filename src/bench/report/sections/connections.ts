import { ABNORMAL_CLOSURE } from '../../../protocol/close-codes.js';
import { orList } from '../../../text/or-list.js';
import { formatAmount, formatCount, formatDuration } from '../../../text/units.js';
import { isRefusalKey } from '../../measure/tally.js';
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

/** A group of attempts to connect with the same result. Every attempt of a cohort is in one. */
interface Outcome {
  readonly result: 'accepted' | 'refused' | 'failed';
  /** How the connection ended, or why there was none. */
  readonly end: string;
  readonly count: number;
}

/** Everything that became of the attempts of a cohort. */
function outcomesOf(cohort: JsonCohort): Outcome[] {
  const { open, counters, closed, rejected, errors } = cohort;
  const each = (
    counts: Readonly<Record<string, number>>,
    outcome: (key: string) => Omit<Outcome, 'count'>,
  ): Outcome[] =>
    // An object lists keys that look like numbers first, whatever their order was.
    Object.entries(counts)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, count]) => ({ ...outcome(key), count }));
  const accepted = (end: string, count = 0): Outcome => ({ result: 'accepted', end, count });
  const isRefused = (outcome: Outcome) => outcome.result === 'refused';
  const closes = each(closed, (key) =>
    isRefusalKey(key) ? { result: 'refused', end: key } : { result: 'accepted', end: closeText(key) },
  );
  return [
    accepted('open at the end', open),
    accepted('closed by the client', counters.disconnected),
    ...closes.filter((one) => !isRefused(one)),
    accepted('vanished without a close', goneOf(cohort)),
    ...closes.filter(isRefused),
    ...each(rejected, (status) => ({ result: 'refused', end: `HTTP ${status}` })),
    ...each(errors, (code) => ({ result: 'failed', end: code })),
    { result: 'failed', end: 'handshake timeout', count: counters.timeouts ?? 0 } as const,
  ].filter(({ count }) => count > 0);
}

function closeText(key: string): string {
  return key === String(ABNORMAL_CLOSURE)
    ? `lost without a close frame (${key})`
    : `closed by the server with ${key}`;
}

/** Half-open clients go dead on their own, which nothing counts: the rest of those that opened. */
function goneOf({ behavior, open, counters, closed }: JsonCohort): number {
  if (behavior !== 'half-open') return 0;
  const ended = Object.values(closed).reduce((sum, count) => sum + count, counters.disconnected ?? 0);
  return (counters.opened ?? 0) - ended - open;
}

/** What became of every attempt to connect. */
export function connections({ total: { cohorts } }: JsonResult): Section[] {
  const rows = cohorts.flatMap((cohort) => outcomesOf(cohort).map((one) => ({ ...one, cohort })));
  const listed = rows.reduce((sum, { count }) => sum + count, 0);
  const attempts = cohorts.reduce((sum, { counters }) => sum + (counters.attempts ?? 0), 0);
  const unanswered = attempts - listed;
  const sentences = [
    `Each attempt to connect is counted once: ${formatCount(listed)} in all.`,
    ...(unanswered > 0 ? [`${formatCount(unanswered)} more had no answer when the run ended.`] : []),
  ];
  if (rows.length === 0) return [];
  return section('Connections', 'detail', [
    ...table(
      'What became of each attempt to connect',
      ['cohort', 'result', 'how it ended', ...numbers('count')],
      rows.map(({ cohort, result, end, count }) => [
        [cohort.name, aside(` behavior: ${cohort.behavior}`)],
        ...[result, end, formatCount(count)],
      ]),
    ),
    paragraph(sentences.join(' ')),
  ]);
}

/** What became of the attempts of a cohort, in a sentence. */
export function outcomesText(cohort: JsonCohort): string {
  const { name, clients, counters } = cohort;
  const outcomes = outcomesOf(cohort);
  if (outcomes.length === 0) return `No client in cohort ${name} tried to connect.`;
  const results = (['accepted', 'refused', 'failed'] as const).flatMap((result) => {
    const some = outcomes.filter((one) => one.result === result);
    const count = result === 'accepted' ? cohort.accepted : some.reduce((sum, one) => sum + one.count, 0);
    const ends = some.map(({ end, count: of }) => (some.length === 1 ? end : `${formatCount(of)} ${end}`));
    if (count === 0 && result !== 'accepted') return [];
    const verb = result === 'failed' ? '' : count === 1 ? 'was ' : 'were ';
    return [`${formatCount(count)} ${verb}${result}${some.length === 0 ? '' : ` (${ends.join(', ')})`}`];
  });
  const tried = `The ${formatAmount(clients, 'client')} in cohort ${name} made ${formatAmount(counters.attempts ?? 0, 'attempt')} to connect in all`;
  return `${tried}: ${results.join('; ')}.`;
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
  leaked: { isBad: true, meaning: 'from another namespace' },
  foreign: { isBad: true, meaning: 'not sent by bench' },
  conflated: { short: 'confl.', meaning: 'skipped in favor of a newer one' },
  late: { meaning: 'arrived after bench had counted it as lost' },
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
  const absent = none.filter((name) => name !== 'late').map(withMeaning);
  const without = all.filter((cohort) => !some.includes(cohort)).map(({ name }) => name);
  const explained = shown.filter((name) => DELIVERIES[name]?.meaning !== undefined);
  const notes = [
    ...[sumText(some, shown) ?? []].flat(),
    ...(explained.length === 0
      ? []
      : [`${capitalized(explained.map((name) => `${name}: ${DELIVERIES[name]?.meaning}`).join('; '))}.`]),
    ...(absent.length === 0 ? [] : [`None ${orList(absent)}.`]),
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

/** Cursors of bench's own that came once and in time, beyond those that were expected; negative for fewer. */
function surplusOf({ counters }: JsonCohort): number {
  const of = (name: string) => counters[name] ?? 0;
  const once = of('received') - of('duplicated') - of('leaked') - of('late');
  return once - (of('expected') - of('lost') - of('conflated'));
}

/** How the columns add up, where a reader cannot see it; `undefined` where all that was expected was received. */
export function sumText(cohorts: readonly JsonCohort[], columns: readonly string[]): string | undefined {
  if (cohorts.every(({ counters }) => counters.expected === counters.received)) return undefined;
  const surpluses = cohorts.map(surplusOf);
  const inFlight = surpluses.reduce((sum, one) => sum + Math.max(0, one), 0);
  const unread = surpluses.reduce((sum, one) => sum + Math.max(0, -one), 0);
  const terms = [
    ...['lost', 'conflated'].flatMap((name) => (columns.includes(name) ? [`− ${name}`] : [])),
    ...['duplicated', 'leaked', 'late'].flatMap((name) => (columns.includes(name) ? [`+ ${name}`] : [])),
    ...(inFlight === 0 ? [] : ['+ in flight']),
    ...(unread === 0 ? [] : ['− not read yet']),
  ];
  return [
    `Received = expected ${terms.join(' ')}.`,
    ...(inFlight === 0
      ? []
      : [
          `In flight: ${formatAmount(inFlight, 'delivery', 'deliveries')} to clients that were just joining or leaving, which may arrive or not.`,
        ]),
    ...(unread === 0
      ? []
      : [`Not read yet: ${formatAmount(unread, 'delivery', 'deliveries')} to slow readers.`]),
  ].join(' ');
}

/** Most kinds of messages that a report lists; each of a thousand cohorts may have several. */
const MAX_MESSAGE_KINDS = 20;

/** Messages that are not cursors: how many of each kind each cohort received, and the first. */
export function otherMessagesOf({ total }: JsonResult): string[] {
  const all = total.cohorts.flatMap(({ name, otherMessages = [] }) =>
    otherMessages.map(({ kind, count, first: { atMs, client, namespace, text } }) => {
      const what = text === undefined ? '' : `: ${text}`;
      return `Cohort ${name} got ${formatAmount(count, 'message')} (${kind}). The first, at ${formatDuration(atMs)}, to client bench-${name}-${client} of ${namespace}${what}`;
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
