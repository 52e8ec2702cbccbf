import { parseRule, type Rule } from '../verdict/rule.js';
import type { Expectation } from './model.js';

/**
 * What every DataFn server owes its clients, whatever a scenario is about: a server that loses cursors has to fail one
 * that is about limits, too. The interval of the pings is that of the scenario's `server:` settings.
 */
export const IMPLICIT_RULES = [
  'cursors.lost == 0',
  'cursors.duplicated == 0',
  'cursors.leaked == 0',
  'protocolErrors == 0',
  'refused.late == 0',
  'heartbeat.overdue == 0',
] as const;

/**
 * The implicit rules of a scenario: those about metrics that none of its own rules on the whole run speaks of. Who
 * writes such a rule says what is allowed.
 *
 * @param line where the file has the rules that these are added to.
 */
export function implicitExpectations(own: readonly Expectation[], line: number): Expectation[] {
  return IMPLICIT_RULES.flatMap((text): Expectation[] => {
    const rule = parseRule(text, []) as Rule;
    const isTold = own.some((one) => one.rule.metric === rule.metric && one.rule.cohort === undefined);
    return isTold ? [] : [{ text, rule, line, isImplicit: true }];
  });
}
