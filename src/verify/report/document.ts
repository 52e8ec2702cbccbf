import {
  aside,
  type Block,
  paragraph,
  type ReportDocument,
  type Section,
  type Span,
  section,
  table,
} from '../../bench/report/model.js';
import { formatAmount, formatDuration } from '../../text/units.js';
import {
  type ClauseResult,
  type Failure,
  GROUPS,
  type Group,
  groupOf,
  hasFailed,
  type Standing,
  standingOf,
  type VerifyResult,
} from '../model/result.js';

/** What the groups are about. */
const TITLES: Readonly<Record<Group, string>> = {
  auth: 'Authentication',
  hello: 'Hello',
  message: 'Messages of clients',
  cursor: 'Cursors',
  heartbeat: 'Heartbeat',
  limits: 'Limits',
  close: 'Close',
  rfc6455: 'WebSocket protocol',
  http: 'HTTP',
};

const SIGNS: Readonly<Record<Standing, Span>> = {
  passed: { text: '✓', tone: 'good', spoken: 'passed' },
  failed: { text: '✗', tone: 'bad', spoken: 'failed' },
  warned: { text: '!', tone: 'warn', spoken: 'warning' },
  absent: { text: '·', tone: 'muted', spoken: 'not done' },
  skipped: { text: '–', tone: 'muted', spoken: 'skipped' },
  'expected failure': { text: '~', tone: 'muted', spoken: 'expected failure' },
  'unexpected pass': { text: '✗', tone: 'bad', spoken: 'unexpected pass' },
};

/** The report of a run, before it has a format. */
export function verifyDocument(result: VerifyResult, isStrict: boolean): ReportDocument {
  const { isAborted, isOwn, url } = result;
  const verdict = isAborted ? 'aborted' : hasFailed(result, isStrict) ? 'failed' : 'passed';
  return {
    verdict,
    name: 'verify',
    sentence: `${outcomeText(result, isStrict) || 'no clause was checked'} in ${formatDuration(result.durationMs)}`,
    intro: [
      paragraph(`Checks ${isOwn ? 'a server that verify started' : url} against the DataFn contract.`),
      paragraph([aside(factsOf(result))]),
    ],
    alerts: isAborted ? [paragraph('The run was stopped before the end.', 'warn')] : [],
    sections: [
      ...whatFailed(result, isStrict),
      ...GROUPS.flatMap((group) => groupSection(group, result.clauses, isStrict)),
    ],
  };
}

function factsOf({ startedAt, trigger }: VerifyResult): string {
  const how = trigger === undefined ? 'No trigger for cursors' : `Cursors triggered by ${trigger}`;
  return `${how}, ${startedAt.replace(/\.\d+Z$/, 'Z')}`;
}

/** `41 of 42 MUST, 8 of 8 SHOULD, 3 skipped`. */
export function outcomeText({ clauses }: VerifyResult, isStrict: boolean): string {
  const standing = (one: ClauseResult) => standingOf(one, isStrict);
  const levels = (['MUST', 'SHOULD', 'MAY'] as const).flatMap((level) => {
    const tested = clauses.filter((one) => one.level === level && one.outcome.kind !== 'skipped');
    const held = tested.filter(({ outcome }) => outcome.kind === 'passed');
    return tested.length === 0 ? [] : [`${held.length} of ${tested.length} ${level}`];
  });
  const others = (['expected failure', 'unexpected pass', 'skipped'] as const).flatMap((kind) => {
    const { length } = clauses.filter((one) => standing(one) === kind);
    if (length === 0) return [];
    if (kind === 'skipped') return [`${length} skipped`];
    return [formatAmount(length, kind, kind === 'unexpected pass' ? 'unexpected passes' : undefined)];
  });
  return [...levels, ...others].join(', ');
}

function whatFailed({ clauses }: VerifyResult, isStrict: boolean): Section[] {
  const blocks = clauses.flatMap((clause): Block[] => {
    const standing = standingOf(clause, isStrict);
    const { outcome, id, level, sentence, source } = clause;
    const head = `${id} ${level}: ${sentence}`;
    if (standing === 'unexpected pass')
      return [paragraph(`${head} It passes now: take it out of the expected failures.`, 'bad')];
    if (outcome.kind !== 'failed' || (standing !== 'failed' && standing !== 'warned')) return [];
    return [
      paragraph(head, standing === 'warned' ? 'warn' : 'bad'),
      { kind: 'list', items: [...failureLines(outcome.failure), `Source: ${source}`] },
    ];
  });
  return section('What failed', 'main', blocks);
}

/** What was done, expected and got, a line each. */
export function failureLines({ done, expected, got }: Failure): string[] {
  return [...(done.length === 0 ? [] : [`Done: ${done.join('; ')}`]), `Expected: ${expected}`, `Got: ${got}`];
}

const COLUMNS = ['clause', { name: 'outcome', short: '' }, 'level', 'what the server does'] as const;

function groupSection(group: Group, clauses: readonly ClauseResult[], isStrict: boolean): Section[] {
  const members = clauses.filter(({ id }) => groupOf(id) === group);
  const rows = members.map((clause) => {
    const { id, level, sentence, source } = clause;
    const sign = SIGNS[standingOf(clause, isStrict)];
    return [id, [sign], level, [sentence, aside(` (${source})`)]];
  });
  const items = remarks(members, isStrict);
  return section(TITLES[group], 'detail', [
    ...table(`The clauses of ${group}`, COLUMNS, rows),
    ...(items.length === 0 ? [] : [{ kind: 'list' as const, items }]),
  ]);
}

/** Why clauses did not pass, those with the same reason together. What failed has a section of its own. */
function remarks(clauses: readonly ClauseResult[], isStrict: boolean): string[] {
  const ids = new Map<string, string[]>();
  for (const clause of clauses) {
    const standing = standingOf(clause, isStrict);
    const why = whyOf(clause, standing);
    if (why === undefined || standing === 'failed' || standing === 'warned') continue;
    ids.set(why, [...(ids.get(why) ?? []), clause.id]);
  }
  return [...ids].map(([why, those]) => `${those.join(', ')}: ${why}`);
}

/** Why a clause did not pass; `undefined` for one that did. */
export function whyOf({ outcome }: ClauseResult, standing: Standing): string | undefined {
  switch (outcome.kind) {
    case 'passed':
      return standing === 'unexpected pass' ? 'passes, but is expected to fail' : undefined;
    case 'failed': {
      const { expected, got } = outcome.failure;
      const prefix =
        standing === 'expected failure' ? 'fails as expected: ' : standing === 'absent' ? 'not done: ' : '';
      return `${prefix}expected ${expected}, got ${got}`;
    }
    case 'skipped':
      return `skipped: ${outcome.reason}${outcome.remedy === undefined ? '' : `; pass ${outcome.remedy}`}`;
  }
}
