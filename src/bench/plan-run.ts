import { availableParallelism } from 'node:os';
import { checkAutocannon } from './emitter/autocannon.js';
import { nameRun, newRunId } from './fleet/credentials.js';
import { type Layout, machineLimits, planLayout } from './fleet/preflight.js';
import { clientCount, type Scenario } from './model/scenario.js';
import { needsOf } from './phases/index.js';
import { clientsOfShard } from './shard/shard.js';
import { checkTarget } from './target/fit.js';
import type { TargetOptions } from './target/target.js';

/** What decides how a run is laid out. */
export interface PlanOptions extends TargetOptions {
  /** Worker processes; by default as many as fit the machine. */
  readonly workers: number | undefined;
  /** Put before every namespace, with `{run}`; `undefined` leaves it to the scenario and the tokens. */
  readonly namespacePrefix: string | undefined;
}

/**
 * Finds out, without opening anything, whether a scenario can be run, and how it is laid out on the machine.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the machine is too small for it, it needs another target, or a
 *   package that is not installed.
 */
export function planRun(scenario: Scenario, options: PlanOptions): Layout {
  const { urls, workers, shard } = options;
  // Phases may do several things at once.
  const loads = scenario.phases.map((phase) =>
    needsOf([phase]).reduce((total, { loadConnections = 0 }) => total + loadConnections, 0),
  );
  const loadConnections = Math.max(0, ...loads);
  if (loadConnections > 0) checkAutocannon(scenario.name);
  checkTarget(scenario, options);
  // Whether it can have names at all is known before any server is asked.
  nameRun(scenario, options, newRunId());
  return planLayout(
    {
      clients:
        (shard === undefined ? clientCount(scenario) : clientsOfShard(scenario.cohorts, shard)) +
        pullingCount(scenario),
      urls,
      serverProcesses: serverProcesses(scenario, options),
      workers,
      loadConnections,
    },
    machineLimits(availableParallelism()),
  );
}

/** Processes that bench starts to serve the clients. */
function serverProcesses({ cluster }: Scenario, { urls, redis }: PlanOptions): number {
  if (urls.length > 0) return 0;
  if (cluster === undefined) return 1;
  return redis ? cluster.nodes : cluster.workers;
}

/** Clients that pull: each needs a second connection. */
function pullingCount({ phases, cohorts }: Scenario): number {
  const pulling = new Set(needsOf(phases).flatMap(({ pullingCohort }) => pullingCohort ?? []));
  return [...pulling].reduce((total, cohort) => total + (cohorts[cohort]?.clients ?? 0), 0);
}
