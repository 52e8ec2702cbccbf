import type { PublishOutcome } from '../../backplane/backplane.js';
import type { ServerSettings } from '../../options/server-options.js';
import type { Cluster } from '../cluster/cluster.js';
import { type CursorItem, staleCursor } from './cursors.js';
import { ProblemError } from './problem.js';

/** An item, and how many clients were handed its cursor. */
export interface Delivered extends CursorItem {
  readonly delivered: number;
}

/** The answer to `POST /v1/cursors` of a server with a cluster. */
export interface ClusterAnswer {
  readonly status: 200 | 202;
  readonly answer: {
    readonly results: readonly Delivered[];
    /** Whether the engine has acknowledged the batch. If not, it is sent later, unless this process ends first. */
    readonly replicated: boolean;
    /** Servers known to be alive, this one included; all workers of a server are one. */
    readonly nodes: number;
  };
}

/**
 * Delivers a batch here and in the rest of the cluster. Without `monotonic` and `clusterRequired`, the clients here get it
 * at once, however the engine is.
 *
 * @throws {ProblemError} 409 for a cursor that is too low, 503 where the batch needs the engine and that is away.
 */
export async function emitToCluster(
  cluster: Cluster,
  items: readonly CursorItem[],
  deliver: () => Delivered[],
  { monotonic, clusterRequired }: Pick<ServerSettings, 'monotonic' | 'clusterRequired'>,
): Promise<ClusterAnswer> {
  if (!monotonic && !clusterRequired) {
    const { result, outcome } = await cluster.emit(items, deliver);
    return answered(result, outcome);
  }
  const { result, outcome } = await cluster.emitAcknowledged(items, monotonic, deliver);
  const { stale } = outcome;
  if (stale !== undefined) throw staleCursor(stale.index, items[stale.index]?.cursor ?? '', stale.newest);
  if (result !== undefined) return answered(result, outcome);
  throw new ProblemError(
    503,
    'The cluster did not acknowledge the cursors in time: they may not have been delivered',
    {
      fix: `Send them again later, which does no harm if they were, or start the server without ${monotonic ? '--monotonic' : '--cluster-required'}.`,
    },
  );
}

function answered(
  results: readonly Delivered[],
  { replicated, nodes, delivered }: PublishOutcome,
): ClusterAnswer {
  // The other workers of this server count as this server.
  const all =
    delivered === undefined
      ? results
      : results.map((one, index) => ({ ...one, delivered: one.delivered + (delivered[index] ?? 0) }));
  return { status: replicated ? 200 : 202, answer: { results: all, replicated, nodes } };
}
