import type { Change, ChangeVerdict, ComparedNumber, Comparison } from './comparison.js';
import type { FailRule } from './fail-rule.js';
import {
  isExact,
  isMeasure,
  isShown,
  isWithinRange,
  type Judgement,
  judgeByRule,
  judgeCount,
  judgeMeasure,
} from './judge.js';
import { idOf, type Pair, pairOf, pairsOf } from './pair.js';
import type { ComparedResult } from './result-file.js';
import { isAbout, type RulePair, rulePairs } from './rule-turns.js';
import { isMachineBusy, warningsOf } from './warnings.js';
import { withinRangeText } from './words.js';

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
  const pairs = pairsOf(base, next);
  const rules = rulePairs(base, next);
  const counts = pairs.filter(isExact);
  const measures = pairs.filter(isMeasure);
  const changes = new Changes();
  for (const pair of counts) changes.put(pair, judgeCount(pair, rules, runs));
  for (const pair of measures) changes.put(pair, judgeMeasure(pair, isBusy));
  for (const rule of rules) changes.putTurn(rule);
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

  /** A rule that holds in one result only, unless the changes of the parts that it sums up have told of it. */
  putTurn({ was, now, turn }: RulePair): void {
    const { metric: name, cohort, key, unit } = now;
    const named = {
      name,
      ...(cohort === undefined ? {} : { cohort }),
      ...(key === undefined ? {} : { key }),
      unit,
    };
    const [base, next] = [was, now].map(({ actual }) =>
      actual === undefined ? undefined : { ...named, value: actual },
    );
    const isTold = [...this.#list.values()].some(
      (change) => isAbout(now, change) && change.verdict === turn?.verdict && idOf(change) !== idOf(named),
    );
    if (isTold) return;
    const id = now.phase === undefined ? idOf(named) : `${now.rule} in ${now.phase}`;
    this.put({ name: named, base, next }, turn, id);
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
    ...(before === undefined ? {} : { base: before }),
    ...(after === undefined ? {} : { new: after }),
    ...(base?.spread === undefined ? {} : { baseSpread: base.spread }),
    ...(next?.spread === undefined ? {} : { newSpread: next.spread }),
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
