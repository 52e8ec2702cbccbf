import { z } from 'zod';

const text = z.string();
const number = z.number();
const count = z.int().nonnegative();
const times = z.array(number.nullable());

/** Which part of a run a report is of. */
export const shardSchema = z
  .strictObject({
    index: z.int().positive().describe('Number of the shard, from 1. The first one emits.'),
    of: z.int().positive().describe('How many shards there are.'),
    run: text.describe('Id of the run, the same in all of its shards.'),
    startAt: text.describe('When the first phase began, ISO 8601.'),
    slackMs: number.describe('The --slack of the run.'),
    clients: count.describe('Clients that this shard played.'),
    uncertaintyMs: number
      .optional()
      .describe(
        "How far the times of this shard may be from the target's clock; absent where that is not known.",
      ),
    clockOffsetMs: number
      .optional()
      .describe("The target's clock minus the clock of this machine; absent where it is not known."),
  })
  .describe('Of --shard: the part of a run that this is. Rules are judged by `datafn-ws merge`.');

/** What a merge needs of a shard besides what every report has. */
export const partSchema = z
  .strictObject({
    cohorts: z.array(
      z.strictObject({
        unpinged: count,
        pingsOwed: count,
        pingsOverdue: count,
        cursorsOwed: count,
        leftBehind: count,
      }),
    ),
    emit: z.strictObject({ broadcasts: count, failed: count, delivered: count }),
    emits: z.array(
      z.strictObject({
        plan: count.describe('Number of the emit, the same in all shards.'),
        first: times.describe('First receipt of each cursor, in ms from its beginning; null for none.'),
        last: times.describe('Last receipt of each cursor.'),
        convergedMs: number
          .nullable()
          .optional()
          .describe(
            'Last emit to the newest cursor at every receiver; null if one never got it, absent without a receiver.',
          ),
      }),
    ),
    unrecovered: count,
    server: z
      .strictObject({
        connections: number,
        accepted: number,
        rejected: number,
        conflated: number,
        closed: z.record(text, number),
        cpuMs: number,
        rssBytes: number,
        bytesPerConnection: number,
        delayP99Ms: number,
        delayMaxMs: number,
        recentDelayMaxMs: number,
        rssNowBytes: number,
        shutdownMs: number,
        exitCode: number,
      })
      .partial(),
  })
  .describe('Of a shard: what else `datafn-ws merge` needs. Absent for other results.');

/** What was merged. */
export const mergedSchema = z
  .strictObject({
    run: text.describe('Id of the run.'),
    uncertaintyMs: number
      .optional()
      .describe(
        'How far fan-out latency, fan-out skew and convergence may be from the truth, since every shard has a clock of its own; absent where that is not known.',
      ),
    shards: z.array(
      z.strictObject({
        clients: count,
        machine: text.describe('Its cores, platform and Node.js version.'),
        uncertaintyMs: number.optional().describe("How far its times may be from the target's clock."),
        generators: count.describe('How many of the entries of `generator` are its worker processes.'),
      }),
    ),
  })
  .describe('Of `datafn-ws merge`: the shards, in order. Absent for other results.');
