import type { ShardOptions } from '../../bench/shard/shard.js';
import { invalidOption } from '../../protocol/errors.js';
import type { BenchFlags } from './options.js';

/**
 * The part of the run that was asked for.
 *
 * @param given the flags as they were typed.
 * @returns nothing for a whole run.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with everything that does not go with it.
 */
export function shardOf(
  scenarios: readonly unknown[],
  given: Readonly<Record<string, unknown>>,
  { shard, startAt, slack, url, repeat, baseline, failOn }: BenchFlags,
): ShardOptions | undefined {
  const problems: string[] = [];
  if (shard === undefined) {
    for (const [key, flag] of [
      ['startAt', 'start-at'],
      ['slack', 'slack'],
    ] as const)
      if (given[key] !== undefined) problems.push(`--${flag} needs --shard: add it.`);
  } else {
    if (url.length === 0) problems.push('--shard needs --url: all parts test the same running server.');
    if (startAt === undefined)
      problems.push('--shard needs --start-at: all parts begin at that time, and need the same.');
    if (scenarios.length > 1)
      problems.push(`--shard is for one scenario, got ${scenarios.length}: run them one after the other.`);
    if (repeat > 1) problems.push('--repeat is not for a part of a run: drop it, or --shard.');
    if (baseline !== undefined || failOn.length > 0)
      problems.push(
        'A part of a run is not compared: use datafn-ws compare with the report that datafn-ws merge makes.',
      );
    if (slack < 1000) problems.push('Expected --slack to be at least 1s: it is for the unforeseen.');
  }
  if (problems.length > 0) throw invalidOption(problems.join('\n'));
  return shard === undefined || startAt === undefined
    ? undefined
    : { ...shard, startAtMs: startAt, slackMs: slack };
}
