import { countFor, dueMs, type EmissionPlan, indexAt } from './emission-plan.js';

/** A client, as far as it can be behind. */
export interface Follower {
  readonly namespace: number;
  /** Since when it follows its namespace, lost connections in between included; 0 for one that does not. */
  readonly joinedAtMs: number;
  /** The newest cursor that it has heard; 0 before the first. */
  readonly heard: number;
}

/** A cursor that was due up to this long after a client joined was in flight: it need not get it. */
const JOINING_MS = 250;

/** The newest cursor of each namespace that the server has accepted. Pure. */
export class NewestEmitted {
  readonly #byNamespace = new Map<number, { readonly cursor: number; readonly atMs: number }>();

  /** Notes what was emitted of a plan, all but the indexes in `failed`. */
  note(plan: EmissionPlan, emitted: number, failed: readonly number[]): void {
    const notEmitted = new Set(failed);
    for (const [slot, namespace] of plan.namespaces.entries()) {
      let ordinal = countFor(plan, slot, emitted) - 1;
      while (ordinal >= 0 && notEmitted.has(indexAt(plan, slot, ordinal))) ordinal -= 1;
      if (ordinal < 0) continue;
      const index = indexAt(plan, slot, ordinal);
      const cursor = plan.firstCursor + index;
      // Plans that run side by side end in any order.
      if (cursor < (this.#byNamespace.get(namespace)?.cursor ?? 0)) continue;
      // Connections that race to emit follow no schedule.
      this.#byNamespace.set(namespace, { cursor, atMs: plan.isOrdered ? dueMs(plan, index) : plan.startMs });
    }
  }

  /** Whether a client must have heard the newest cursor of its namespace, as it followed it before that was emitted. */
  isOwedTo({ namespace, joinedAtMs }: Follower): boolean {
    const newest = this.#byNamespace.get(namespace);
    return newest !== undefined && joinedAtMs > 0 && joinedAtMs + JOINING_MS < newest.atMs;
  }

  /** Whether a client must have heard the newest cursor of its namespace and has not. */
  isMissedBy(client: Follower): boolean {
    return this.isOwedTo(client) && client.heard < (this.#byNamespace.get(client.namespace)?.cursor ?? 0);
  }
}
