import { DatafnWsError } from '../../protocol/errors.js';
import { memberText } from '../model/member.js';
import type { ClusterKind, Scenario } from '../model/scenario.js';
import { needsOf } from '../phases/index.js';
import { findEngine } from './own-engine.js';
import type { TargetOptions } from './target.js';

type Choice = Pick<TargetOptions, 'urls' | 'redis' | 'env'>;

/** What kind of cluster a run tests; `undefined` for a single server, and for servers that run already. */
function clusterOf({ cluster }: Scenario, { urls, redis }: Choice): ClusterKind | undefined {
  if (urls.length > 0 || cluster === undefined) return undefined;
  return redis ? 'nodes' : 'workers';
}

/** A scenario without the phases that are for another target. */
export function fitToTarget(scenario: Scenario, choice: Choice): Scenario {
  const kind = clusterOf(scenario, choice);
  const isFit = ({ only }: Scenario['phases'][number]) => only === undefined || only === kind;
  const leftOut = scenario.phases.filter((phase) => !isFit(phase)).map(({ label }) => label);
  return leftOut.length === 0 ? scenario : { ...scenario, phases: scenario.phases.filter(isFit), leftOut };
}

/**
 * Finds out, without asking any server, whether a scenario can be run on such a target.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when not.
 */
export function checkTarget(scenario: Scenario, choice: Choice): void {
  const { name, cluster, phases } = scenario;
  const refuse = (why: string) => {
    throw new DatafnWsError('ERR_INVALID_OPTION', `The scenario ${name} ${why}`);
  };
  if (phases.length === 0) refuse('has no phase for this target: each is `only` for another.');
  const needs = needsOf(phases);
  const needsOwn = needs.find(({ ownServer }) => ownServer);
  if (choice.urls.length > 0) {
    if (needsOwn !== undefined)
      refuse(`has a phase ${needsOwn.kind}, which needs a server that bench starts itself: drop --url.`);
    return;
  }
  if (choice.redis) {
    if (cluster === undefined) refuse('is not for a cluster: add `cluster: { nodes: 3 }`, or drop --redis.');
    findEngine(choice.env);
  }
  const kind = clusterOf(scenario, choice);
  for (const { member, kind: phase } of needs) {
    if (member === undefined) continue;
    const { what, number = 1 } = member;
    const words = `has a phase ${phase} for ${memberText(member)}`;
    if (what === 'worker' && kind !== 'workers')
      refuse(`${words}, but the server has no workers: add \`cluster: { workers: 2 }\`, and no --redis.`);
    if (what === 'engine' && kind !== 'nodes')
      refuse(`${words}, but there is none: add \`cluster: { nodes: 3 }\`, and --redis.`);
    const count = kind === 'nodes' ? (cluster?.nodes ?? 1) : what === 'node' ? 1 : (cluster?.workers ?? 1);
    if (number > count) refuse(`${words}, but there are only ${count}.`);
  }
}
