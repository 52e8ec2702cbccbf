import { DatafnWsError } from '../../protocol/errors.js';
import { findMetric, type NamedMetric, parseMetricValue } from '../verdict/rule.js';

/** `fanout.p99 +20% +10ms`, taken apart: a change beyond all of its limits is a regression. */
export interface FailRule extends NamedMetric {
  readonly text: string;
  /** 1 for a rule about more, -1 for one about less. */
  readonly direction: 1 | -1;
  /** Share of the baseline; 0 where the rule gives none. */
  readonly share: number;
  /** In the unit of the metric; 0 where the rule gives none. */
  readonly amount: number;
}

const RULE = /^([A-Za-z][\w.-]*)\s*(?:\[\s*([^\]]*?)\s*\])?\s+([+-][^\s+-]+)(?:\s+([+-][^\s+-]+))?$/;
const PERCENT = /^(\d+(?:\.\d+)?)%$/;

/**
 * Reads a rule of `--fail-on`.
 *
 * @returns the rule, or what is wrong with the text.
 */
export function parseFailRule(text: string, cohorts: readonly string[]): FailRule | string {
  const match = RULE.exec(text.trim());
  if (match === null) {
    return 'expected a metric and by how much it may change, such as `fanout.p99 +20% +10ms` or `api.rate -20%`';
  }
  const [, path = '', bracket, ...given] = match;
  const named = findMetric(path, bracket, cohorts);
  if (typeof named === 'string') return named;
  const limits = given.filter((limit) => limit !== undefined);
  const signs = new Set(limits.map((limit) => limit[0]));
  if (signs.size > 1) return 'expected either + (more is worse) or - (less is worse), got both';
  const shares = limits.filter((limit) => limit.endsWith('%'));
  const amounts = limits.filter((limit) => !limit.endsWith('%'));
  if (shares.length > 1 || amounts.length > 1) {
    return 'expected at most one share in % and one amount, got two of a kind';
  }
  const [share = '+0%'] = shares;
  const percent = PERCENT.exec(share.slice(1))?.[1];
  if (percent === undefined) return `expected a share such as +20%, got \`${share}\``;
  const [amount] = amounts;
  const value =
    amount === undefined
      ? ({ ok: true, value: 0 } as const)
      : parseMetricValue(named.metric, amount.slice(1));
  if (!value.ok) return `expected \`${named.metric}\` to change by ${value.expected}, got \`${amount}\``;
  return {
    ...named,
    text: text.trim(),
    direction: signs.has('-') ? -1 : 1,
    share: Number(percent) / 100,
    amount: value.value,
  };
}

/** A scenario, as far as a rule has to know it. */
export interface RuleScope {
  readonly cohorts: readonly string[];
}

/**
 * Reads rules for several scenarios. A rule about a cohort is one for the scenarios that have it.
 *
 * @returns the rules of each scenario, in their order.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION`, with a line for every rule that fits none of them.
 */
export function parseFailRules(texts: readonly string[], scopes: readonly RuleScope[]): FailRule[][] {
  const problems: string[] = [];
  const all = scopes.map((): FailRule[] => []);
  for (const text of texts) {
    const read = scopes.map(({ cohorts }) => parseFailRule(text, cohorts));
    const wrong = read.filter((one) => typeof one === 'string');
    if (wrong.length === read.length) problems.push(`--fail-on ${JSON.stringify(text)}: ${wrong[0]}`);
    for (const [index, one] of read.entries()) if (typeof one !== 'string') all[index]?.push(one);
  }
  if (problems.length > 0) throw new DatafnWsError('ERR_INVALID_OPTION', problems.join('\n'));
  return all;
}
