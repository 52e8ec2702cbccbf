import { checkSameKind, compareResults, matchResults } from '../../bench/compare/compare.js';
import { type ComparedResult, checkComparable } from '../../bench/compare/comparison.js';
import { type FailRule, parseFailRules } from '../../bench/compare/judge.js';
import type { Scenario } from '../../bench/model/scenario.js';
import { withComparison } from '../../bench/report/json.js';
import type { JsonResult } from '../../bench/report/schema.js';
import type { BenchOptions } from '../../options/bench.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { printable } from '../../text/printable.js';
import { readReport } from '../compare.js';
import type { Io } from '../io.js';

const NAME = '--baseline';

/** The results of an earlier run that those of this one are compared with. */
export class Baseline {
  readonly #results: readonly (ComparedResult | undefined)[];
  readonly #rules: readonly (readonly FailRule[])[];

  private constructor(
    results: readonly (ComparedResult | undefined)[],
    rules: readonly (readonly FailRule[])[],
    private readonly io: Io,
  ) {
    this.#results = results;
    this.#rules = rules;
  }

  /**
   * Reads and checks the baseline, before anything is run.
   *
   * @returns `undefined` when none was asked for.
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a file that is not a report, that has none of the scenarios, or whose runs
   *   cannot be compared with; for a rule of `--fail-on` that fits no scenario, or without a baseline.
   */
  static async read(
    { baseline: file, failOn }: Pick<BenchOptions, 'baseline' | 'failOn'>,
    scenarios: readonly Scenario[],
    io: Io,
    search?: ComparedResult['find'],
  ): Promise<Baseline | undefined> {
    if (file === undefined) {
      if (failOn.length === 0) return undefined;
      throw new DatafnWsError(
        'ERR_INVALID_OPTION',
        '--fail-on needs a baseline to compare with: add --baseline FILE.',
      );
    }
    const results = await readReport(file, NAME, io);
    const names = scenarios.map(({ name }) => name);
    const matched = matchResults(results, names);
    if (matched.every((one) => one === undefined)) {
      const has = results.map(({ scenario }) => scenario.name).join(', ');
      throw new DatafnWsError(
        'ERR_INVALID_OPTION',
        `Expected ${NAME} (${file}) to have a result of ${names.join(' or ')}, got ${has}.`,
      );
    }
    const called = `${NAME} (${file})`;
    for (const one of matched) {
      if (one === undefined) continue;
      checkSameKind(one, { find: search }, { base: called, new: 'this result' });
      checkComparable(one, called);
    }
    const scopes = scenarios.map(({ cohorts }) => ({ cohorts: cohorts.map(({ name }) => name) }));
    const rules = parseFailRules(failOn, scopes);
    for (const [index, name] of names.entries()) {
      if (matched[index] === undefined)
        io.stderr.write(`${printable(name)} is not in the baseline: it will not be compared\n`);
    }
    return new Baseline(matched, rules, io);
  }

  /** Adds to the result of a scenario what is different from the baseline. */
  compare(result: JsonResult, index: number): JsonResult {
    const base = this.#results[index];
    if (base === undefined) return result;
    if (result.verdict === 'aborted' || result.verdict === 'invalid') {
      this.io.stderr.write(`${printable(result.scenario.name)} is ${result.verdict}: it is not compared\n`);
      return result;
    }
    return withComparison(result, compareResults(base, result, this.#rules[index] ?? []));
  }
}
