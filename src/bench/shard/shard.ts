import { createHash } from 'node:crypto';
import type { Cohort, Scenario } from '../model/scenario.js';
import type { Shard } from '../model/shard.js';

/** What all shards of a run agree on beforehand, since they do not talk to each other. */
export interface ShardOptions extends Shard {
  /** When the first phase begins, in milliseconds since 1970 on the clock of the target. */
  readonly startAtMs: number;
  /** How much longer than planned each phase may take. */
  readonly slackMs: number;
}

/** Only one shard emits. */
export function isEmitter({ index }: Shard): boolean {
  return index === 1;
}

/** How many of so many clients a shard plays: client `i` is of shard `i % of + 1`. */
export function shareOf(clients: number, { index, of }: Shard): number {
  return Math.max(0, Math.ceil((clients - (index - 1)) / of));
}

/** The clients of a shard, of all cohorts. */
export function clientsOfShard(cohorts: readonly Pick<Cohort, 'clients'>[], shard: Shard): number {
  return cohorts.reduce((total, { clients }) => total + shareOf(clients, shard), 0);
}

/** The id of a run: the same in each of its shards, and in no other run. */
export function runIdOf(scenario: Scenario, { of, startAtMs, slackMs }: ShardOptions): string {
  const agreed = [scenario.sha256, scenario.seed, of, startAtMs, slackMs].join(' ');
  return createHash('sha256').update(agreed).digest('hex').slice(0, 8);
}

/**
 * The first cursor of a run of shards: microseconds since 1970, as for a server that does not tell its highest cursor. What
 * a server tells would depend on when a shard asks.
 */
export function firstCursorOf({ startAtMs }: ShardOptions): number {
  return Math.round(startAtMs) * 1000;
}
