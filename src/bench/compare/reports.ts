import { DatafnWsError } from '../../protocol/errors.js';
import { compareResults } from './compare.js';
import type { Comparison } from './comparison.js';
import { parseFailRules } from './fail-rule.js';
import { cohortsOf } from './pair.js';
import { type ComparedResult, checkComparable } from './result-file.js';

/** The results of two reports, scenario by scenario. */
export interface ReportComparison {
  /** Version of this format. */
  readonly version: 1;
  readonly verdict: Comparison['verdict'];
  readonly comparisons: readonly Comparison[];
  /** Scenarios that only one of the reports has; nothing is said of them. */
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
