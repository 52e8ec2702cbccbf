import { BEHAVIORS } from '../behaviors/behaviors.js';
import { actionsOf, type Cohort, type Expectation, type Scenario } from '../scenario/model.js';
import type { Chance } from '../verdict/metric-kinds.js';
import type { MetricName } from '../verdict/metric-text.js';
import { METRICS } from '../verdict/metrics.js';

/**
 * Whether a scenario leaves a count to chance, so that two runs of the same code may differ in it. A count that a rule
 * of the scenario pins with `==` is not.
 */
export function isLeftToChance(scenario: Scenario, metric: MetricName): boolean {
  const compared = METRICS[metric.name]?.compared;
  if (compared === undefined || !('unless' in compared)) return false;
  return (
    compared.unless.some((chance) => hasChance(scenario, chance, metric.cohort)) &&
    !scenario.expectations.some((expectation) => pins(expectation, metric))
  );
}

function hasChance(scenario: Scenario, chance: Chance, cohort: string | undefined): boolean {
  const actions = scenario.phases.flatMap((phase) => [...actionsOf(phase)]);
  switch (chance) {
    case 'comings': {
      const cohorts = scenario.cohorts.filter(({ name }) => cohort === undefined || name === cohort);
      return cohorts.some((one) => comesAndGoes(scenario, one));
    }
    case 'downtime':
      return actions.some(({ kind }) => kind === 'restart-server' || kind === 'shutdown-server');
    case 'timing':
      return true;
    case 'failing-emits':
      return actions.some((action) => action.kind === 'emit' && action.mayFail);
  }
}

/** Whether how often its clients connect is up to them. */
function comesAndGoes({ cohorts, phases }: Scenario, cohort: Cohort): boolean {
  return (
    BEHAVIORS[cohort.behavior].reconnects ||
    phases
      .flatMap((phase) => [...actionsOf(phase)])
      .some((action) => action.kind === 'churn' && cohorts[action.cohort] === cohort)
  );
}

/** Whether a rule says what a count is: its own, or that a sum is 0 in which it has a part. */
function pins({ rule }: Expectation, { name, cohort, key }: MetricName): boolean {
  if (rule.operator !== '==' || rule.metric !== name) return false;
  const isNone = rule.value === 0;
  const isOfCohort = rule.cohort === cohort || (isNone && rule.cohort === undefined);
  const isOfKey =
    rule.key === key ||
    (key !== undefined && (rule.key === undefined ? isNone : key.startsWith(`${rule.key} `)));
  return isOfCohort && isOfKey;
}
