import type { JsonResult } from './schema.js';
import { hasFailed, timedOf } from './tables.js';

/** An expectation that did not hold. */
export type Failure = JsonResult['expectations'][number];

/** What the part of a report is called that says what went wrong. */
export const FAILURE_TITLES: Readonly<Record<JsonResult['verdict'], string>> = {
  passed: 'What went wrong',
  failed: 'What failed, and why',
  regressed: 'What went wrong',
  invalid: 'Why it says nothing',
  aborted: 'What did not hold when it was stopped',
};

/** What to think of when the scenario is not what its author wrote: often enough, that is all that is wrong. */
export const CHANGES_MAY_FAIL = 'A rule that was written for what the file has can fail for that alone.';

/** Every expectation that did not hold. */
export function failuresOf({ expectations }: JsonResult): Failure[] {
  return expectations.filter(hasFailed);
}

/** What went wrong besides the expectations. */
export function mishapsOf({ invalidReasons, problems }: JsonResult): string[] {
  return [...invalidReasons, ...problems];
}

/** Metrics of connections, which the outcomes of the cohort tell more of. */
export const OF_CONNECTIONS =
  /^(accepted|opened|open|left|closed|rejected|errors|timeouts|attempts|refused\.late|heartbeat\.killed)$/;

/** Failures by what they are about: the connections of a cohort, one kind of durations, or something of its own. */
export function together(failures: readonly Failure[]): Failure[][] {
  const groups = new Map<string, Failure[]>();
  for (const [index, failure] of failures.entries()) {
    const { metric, cohort, phase } = failure;
    const family =
      OF_CONNECTIONS.test(metric) && cohort !== undefined ? 'connections' : timedOf(metric)?.base;
    const key = JSON.stringify(family === undefined ? index : [family, cohort, phase]);
    groups.set(key, [...(groups.get(key) ?? []), failure]);
  }
  return [...groups.values()];
}

/** What failures that are told together usually mean, each meaning once. */
export function meaningsOf(group: readonly Failure[]): string[] {
  const all = group.flatMap((failure) =>
    failure.meaning === undefined || isOtherSide(failure, group) ? [] : [failure.meaning],
  );
  return [...new Set(all)];
}

/** What was seen of failures that are told together, each sight once. */
export function evidenceOf(group: readonly Failure[]): string[] {
  return [...new Set(group.flatMap(({ evidence = [] }) => evidence))];
}

/** Failures that usually mean the same, and those that mean nothing in particular. */
export function byMeaning(failures: readonly Failure[]): Failure[][] {
  const groups = new Map<string, Failure[]>();
  for (const group of together(failures)) {
    const key = meaningsOf(group).join('\n');
    groups.set(key, [...(groups.get(key) ?? []), ...group]);
  }
  return [...groups.values()];
}

/** Whether it misses, or counts as refused, the clients that another failure tells more of, or misses. */
function isOtherSide(failure: Failure, group: readonly Failure[]): boolean {
  if (failure.metric === 'open')
    return group.some((one) => one.metric === 'heartbeat.killed' && offBy(one) === -offBy(failure));
  if (failure.metric !== 'closed' || !/^(?:4401|4503)/.test(failure.key ?? '')) return false;
  return group.some((one) => one.metric === 'accepted' && offBy(one) === -offBy(failure));
}

/** How far from what was expected, negative for below; nothing where it was not measured. */
export function offBy({ actual, expected }: Failure): number {
  return actual === undefined ? Number.NaN : actual - expected;
}
