import { formatAmount, formatCount, formatDuration } from '../../protocol/units.js';
import type { JsonReport, JsonResult } from './schema.js';
import { hasFailed, type Standing, standingOf, wholeMs } from './tables.js';

/** The word for a verdict, where it stands first. */
export const VERDICT_WORDS: Readonly<Record<JsonResult['verdict'], string>> = {
  passed: 'PASSED',
  failed: 'FAILED',
  regressed: 'REGRESSED',
  invalid: 'INVALID',
  aborted: 'ABORTED',
};

/** A sentence that begins with the word for a verdict. */
export interface VerdictSentence {
  readonly verdict: JsonResult['verdict'];
  /** What is said of what: a scenario, or several. */
  readonly subject: string;
  readonly rest: string;
}

/** The verdict on a scenario in a sentence: `PASSED smoke: 16 of 16 rules in 8.5 s`. */
export function verdictSentence(result: JsonResult): VerdictSentence {
  const { verdict, scenario } = result;
  return { verdict, subject: scenario.name, rest: `: ${outcomeOf(result)}` };
}

function outcomeOf(result: JsonResult): string {
  const { verdict, problems, repeat, comparison } = result;
  const failed = result.expectations.filter(hasFailed).length;
  const took = formatDuration(wholeMs(result));
  const inAll =
    repeat === undefined ? `in ${took}` : `in ${formatAmount(repeat.runs.length, 'run')}, ${took}`;
  const rules = rulesText([result]);
  switch (verdict) {
    case 'passed':
      return `${rules} ${inAll}`;
    case 'failed': {
      if (failed === 0)
        return `${rules} ${inAll}, but ${formatAmount(problems.length, 'other thing')} went wrong`;
      return `${formatCount(failed)} of ${formatAmount(result.expectations.length, 'rule')} did not hold, ${inAll}`;
    }
    case 'regressed': {
      const worse = comparison?.changes.filter((change) => change.verdict === 'regression').length ?? 0;
      const many = formatAmount(worse + (comparison?.problems.length ?? 0), 'regression');
      return `${many} against the baseline, ${rules} ${inAll}`;
    }
    case 'invalid':
      return `this run says nothing about the server, after ${took}`;
    case 'aborted':
      return `${rules} held when it was stopped after ${took}`;
  }
}

/** The verdict on several scenarios in a sentence, as the sum of them. */
export function overallSentence({ verdict, results, notRun }: JsonReport): VerdictSentence {
  const subject = formatAmount(results.length + notRun.length, 'scenario');
  const took = formatDuration(results.reduce((sum, result) => sum + wholeMs(result), 0));
  const counts = [...Object.keys(VERDICT_WORDS), 'not run'].flatMap((word) => {
    const { length } = word === 'not run' ? notRun : results.filter((result) => result.verdict === word);
    return length === 0 ? [] : [`${length} ${word}`];
  });
  const rules = `${rulesText(results)} in ${took}`;
  const parts = [
    ...(verdict === 'passed' ? [] : [counts.join(', ')]),
    ...(results.length === 0 ? [] : [rules]),
  ];
  return { verdict, subject, rest: `: ${parts.join('; ')}` };
}

/** How many rules held, did not, and are not measurable, of how many. */
export function rulesOf(results: readonly Pick<JsonResult, 'expectations'>[]) {
  const all = results.flatMap(({ expectations }) => expectations);
  const count = (standing: Standing) => all.filter((one) => standingOf(one) === standing).length;
  return { held: count('held'), unmeasured: count('not measurable'), all: all.length };
}

/** `16 of 16 rules`, and how many of the others could not be measured. */
function rulesText(results: readonly Pick<JsonResult, 'expectations'>[]): string {
  const { held, unmeasured, all } = rulesOf(results);
  const rest = unmeasured === 0 ? '' : ` (${formatCount(unmeasured)} not measurable)`;
  return `${formatCount(held)} of ${formatAmount(all, 'rule')}${rest}`;
}
