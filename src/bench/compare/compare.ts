import { DatafnWsError } from '../../protocol/errors.js';
import { formatPercent } from '../../text/units.js';
import {
  type Change,
  type ChangeVerdict,
  type ComparedNumber,
  type ComparedResult,
  type Comparison,
  checkComparable,
  machineText,
} from './comparison.js';
import { isLimit } from './found-limits.js';
import {
  type FailRule,
  isExact,
  isMeasure,
  isShown,
  isWithinRange,
  type Judgement,
  judgeByRule,
  judgeCount,
  judgeMeasure,
  parseFailRules,
  withinRangeText,
} from './judge.js';
import { cohortsOf, idOf, isAbout, type Pair, pairOf, pairsOf, type RulePair, rulePairs } from './pair.js';

/** The results of two reports, scenario by scenario. */
export interface ReportComparison {
  /** Version of this format. */
  readonly version: 1;
  readonly verdict: Comparison['verdict'];
  readonly comparisons: readonly Comparison[];
  /** Scenarios that only one of the reports has; they are not compared. */
  readonly onlyInBase: readonly string[];
  readonly onlyInNew: readonly string[];
}

/**
 * Compares the results of two reports that are of the same scenarios.
 *
 * @param names what to call the two in an error.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION`: no scenario in common, a run that is not complete and valid, or a rule
 *   that fits no scenario.
 */
export function compareReports(
  base: readonly ComparedResult[],
  next: readonly ComparedResult[],
  failOn: readonly string[],
  names: { readonly base: string; readonly new: string },
): ReportComparison {
  const baseOf = matchResults(base, next.map(nameOf));
  const both = next.flatMap((one, index) => {
    const other = baseOf[index];
    return other === undefined ? [] : [{ base: other, next: one }];
  });
  if (both.length === 0) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected ${names.base} and ${names.new} to be of the same scenarios, got ${base.map(nameOf).join(', ')} and ${next.map(nameOf).join(', ')}.`,
    );
  }
  for (const pair of both) {
    checkSameKind(pair.base, pair.next, names);
    checkComparable(pair.base, names.base);
    checkComparable(pair.next, names.new);
  }
  const rules = parseFailRules(
    failOn,
    both.map((pair) => ({ cohorts: [...new Set([...cohortsOf(pair.base), ...cohortsOf(pair.next)])] })),
  );
  const comparisons = both.map((pair, index) => compareResults(pair.base, pair.next, rules[index] ?? []));
  return {
    version: 1,
    verdict: worstComparison(comparisons.map(({ verdict }) => verdict)),
    comparisons,
    onlyInBase: base.filter((one) => !baseOf.includes(one)).map(nameOf),
    onlyInNew: next.filter((_, index) => baseOf[index] === undefined).map(nameOf),
  };
}

/**
 * Checks that two results are of runs, or of searches for the same limit.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when not.
 */
export function checkSameKind(
  base: Pick<ComparedResult, 'find'>,
  next: Pick<ComparedResult, 'find'>,
  names: { readonly base: string; readonly new: string },
): void {
  const text = ({ find }: Pick<ComparedResult, 'find'>) =>
    find === undefined ? 'a run of bench' : `a search of bench find --of ${find.of}`;
  const [was, is] = [text(base), text(next)];
  if (was === is) return;
  throw new DatafnWsError(
    'ERR_INVALID_OPTION',
    `Expected ${names.base} and ${names.new} to be of the same kind, got ${was} and ${is}.`,
  );
}

/** For each scenario the result of a report that is of it: of one that was run twice, the first and the second. */
export function matchResults(
  results: readonly ComparedResult[],
  scenarios: readonly string[],
): (ComparedResult | undefined)[] {
  const left = [...results];
  return scenarios.map((scenario) => {
    const index = left.findIndex((one) => nameOf(one) === scenario);
    return index < 0 ? undefined : left.splice(index, 1)[0];
  });
}

/** Of several comparisons, the verdict that weighs most. */
function worstComparison(verdicts: readonly Comparison['verdict'][]): Comparison['verdict'] {
  return (['regressed', 'warned', 'improved'] as const).find((one) => verdicts.includes(one)) ?? 'same';
}

function nameOf({ scenario }: ComparedResult): string {
  return scenario.name;
}

const WEIGHTS: readonly ChangeVerdict[] = ['regression', 'warning', 'improvement', 'note'];
const VERDICTS = {
  regression: 'regressed',
  warning: 'warned',
  improvement: 'improved',
  note: 'same',
} as const;

/**
 * Compares two results of a scenario, each metric as the table of metrics says: counts exactly; durations, sizes and
 * rates by thresholds, and beyond their spread.
 */
export function compareResults(
  base: ComparedResult,
  next: ComparedResult,
  failRules: readonly FailRule[],
): Comparison {
  const runs = {
    isSameScenario: base.scenario.sha256 === next.scenario.sha256,
    hasRecovered: base.verdict === 'failed' && next.verdict !== 'failed',
  };
  const isBusy = isMachineBusy(base) || isMachineBusy(next);
  // Two searches end at different loads: all that they have in common is what they searched for.
  const isSearch = next.find !== undefined;
  const pairs = pairsOf(base, next).filter(({ name }) => !isSearch || isLimit(name.name));
  const rules = isSearch ? [] : rulePairs(base, next);
  const counts = pairs.filter(isExact);
  const measures = pairs.filter(isMeasure);
  const changes = new Changes();
  for (const pair of counts) changes.put(pair, judgeCount(pair, rules, runs));
  for (const pair of measures) changes.put(pair, judgeMeasure(pair, isBusy));
  for (const rule of rules) changes.putRuleChange(rule);
  const unjudged: string[] = [];
  const numbers = new Map(pairs.filter(isShown).map((pair) => [idOf(pair.name), pair]));
  for (const rule of failRules) {
    const pair = pairOf({ name: rule.metric, cohort: rule.cohort, key: rule.key }, base, next);
    if (pair.base === undefined) unjudged.push(`The baseline has no samples for --fail-on "${rule.text}".`);
    else {
      changes.put(pair, judgeByRule(pair, rule));
      numbers.set(idOf(pair.name), pair);
      if (isWithinRange(pair, rule)) unjudged.push(withinRangeText(valuesOf(pair), rule));
    }
  }
  const problems = base.problems.length === 0 ? next.problems : [];
  const list = changes.byWeight();
  return {
    scenario: next.scenario.name,
    verdict: problems.length > 0 ? 'regressed' : VERDICTS[list[0]?.verdict ?? 'note'],
    base: sideOf(base),
    new: sideOf(next),
    warnings: [...warningsOf(base, next), ...unjudged],
    problems,
    changes: list,
    numbers: [...numbers.values()].map(valuesOf),
    compared: { counts: counts.length, measures: measures.length },
  };
}

/** What has changed, each metric once. */
class Changes {
  readonly #list = new Map<string, Change>();

  put(pair: Pair, judgement: Judgement, id = idOf(pair.name)): void {
    if (judgement !== undefined) this.#list.set(id, { ...valuesOf(pair), ...judgement });
  }

  /** A rule that holds in one result only, unless the changes of the parts that it sums up have reported it. */
  putRuleChange({ was, now, change: ruleChange }: RulePair): void {
    const { metric: name, cohort, key, unit } = now;
    const named = { name, cohort, key, unit };
    const [base, next] = [was, now].map(({ actual }) =>
      actual === undefined ? undefined : { ...named, value: actual },
    );
    const isTold = [...this.#list.values()].some(
      (change) =>
        isAbout(now, change) && change.verdict === ruleChange?.verdict && idOf(change) !== idOf(named),
    );
    if (isTold) return;
    const id = now.phase === undefined ? idOf(named) : `${now.rule} in ${now.phase}`;
    this.put({ name: named, base, next }, ruleChange, id);
  }

  /** Regressions first; of these, the rules that do not hold, and last what the server counted of the same clients. */
  byWeight(): Change[] {
    const place = ({ name, rule }: Change) => (rule !== undefined ? 0 : name.startsWith('server.') ? 2 : 1);
    return [...this.#list.values()].sort(
      (a, b) => WEIGHTS.indexOf(a.verdict) - WEIGHTS.indexOf(b.verdict) || place(a) - place(b),
    );
  }
}

function valuesOf({ name, base, next }: Pair): ComparedNumber {
  // A count without an entry is 0; a duration without samples is not 0.
  const none = name.unit === 'count' ? 0 : undefined;
  const [before, after] = [base?.value ?? none, next?.value ?? none];
  return {
    ...name,
    base: before,
    new: after,
    baseSpread: base?.spread,
    newSpread: next?.spread,
  };
}

/** Repetitions that the numbers of a result are medians of. */
function runsOf({ repeat }: Pick<ComparedResult, 'repeat'>): number {
  return repeat?.runs.length ?? 1;
}

function sideOf({ startedAt, tool, scenario, repeat }: ComparedResult): Comparison['base'] {
  return {
    startedAt,
    toolVersion: tool.version,
    sha256: scenario.sha256,
    seed: scenario.seed,
    runs: runsOf({ repeat }),
  };
}

/** Share of a second. */
const BUSY = 0.5;

/** What makes two results less comparable than two runs of the same scenario in the same place. */
export function warningsOf(base: ComparedResult, next: ComparedResult): string[] {
  return [
    scenarioWarning(base.scenario, next.scenario),
    cohortWarning('Only the baseline has', base, next),
    cohortWarning('The baseline lacks', next, base),
    base.target.isOwn === next.target.isOwn
      ? undefined
      : `Different servers: ${serverText(base)} then, ${serverText(next)} now.`,
    machineText(base) === machineText(next)
      ? undefined
      : `Different machines (${machineText(base)} then, ${machineText(next)} now): that alone can change durations.`,
    isMachineBusy(base) || isMachineBusy(next)
      ? `The machine was busy (a worker waited for a core up to ${formatPercent(waitOf(base))} of a second in the baseline, ${formatPercent(waitOf(next))} now): durations, sizes and rates that differ are notes.`
      : undefined,
    base.verdict === 'failed' ? 'The baseline is a run that failed.' : undefined,
  ].filter((warning) => warning !== undefined);
}

/**
 * Whether the load generator had to wait for a core for most of some second. Then the server had to as well, and how
 * long things took says more of the machine than of the server.
 */
export function isMachineBusy(result: ComparedResult): boolean {
  return waitOf(result) > BUSY;
}

/** The greatest share of a second that a worker waited for a core. */
function waitOf({ generator }: ComparedResult): number {
  return Math.max(0, ...generator.map(({ maxRunQueueWait = 0 }) => maxRunQueueWait));
}

function scenarioWarning(
  base: ComparedResult['scenario'],
  next: ComparedResult['scenario'],
): string | undefined {
  if (base.sha256 === next.sha256) return undefined;
  const [then, now] = [setText(base), setText(next)];
  const what = then === now ? 'its file has changed' : `with ${then} then, ${now} now`;
  return `Different scenarios (${what}): a changed count of connections is a note, not a regression.`;
}

function setText({ overrides }: ComparedResult['scenario']): string {
  return overrides.length === 0 ? 'no --set' : overrides.map((one) => `--set ${one}`).join(' ');
}

function cohortWarning(what: string, one: ComparedResult, other: ComparedResult): string | undefined {
  const only = cohortsOf(one).filter((cohort) => !cohortsOf(other).includes(cohort));
  return only.length === 0
    ? undefined
    : `${what} the ${only.length === 1 ? 'cohort' : 'cohorts'} ${only.join(', ')}.`;
}

function serverText({ target }: ComparedResult): string {
  return target.isOwn ? 'started by bench' : 'given by --url';
}
