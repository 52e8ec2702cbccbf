import { z } from 'zod';

// What a server says of itself is heard from somebody whom bench tests. A field that is not what it should be counts
// as not said; the others still do.
const count = z.int().nonnegative().optional().catch(undefined);
const amount = z.number().nonnegative().optional().catch(undefined);

const statsAnswer = z.object({
  connections: count,
  accepted: count,
  rejected: count,
  conflated: count,
  closed: z
    .record(z.string().regex(/^\d{4}$/), z.int().nonnegative())
    .optional()
    .catch(undefined),
  /** Only there in a server that tells its highest cursor; `null` before the first. */
  highestCursor: z.string().nullable().optional().catch(undefined),
  uptimeMs: amount,
  process: z
    .object({
      pid: count,
      rssBytes: amount,
      cpuMs: amount,
      eventLoopDelayP99Ms: amount,
      eventLoopDelayMaxMs: amount,
      eventLoopDelayRecentMaxMs: amount,
    })
    .optional()
    .catch(undefined),
});

/** As much of `GET /v1/stats` as is used here. Counts run from the start of the server. */
export type StatsAnswer = z.infer<typeof statsAnswer>;

/**
 * Reads an answer to `GET /v1/stats`, of any server. What it does not say, or says wrong, is `undefined`; so is the
 * whole of an answer that is no JSON object.
 */
export function readStats(answer: unknown): StatsAnswer | undefined {
  return statsAnswer.safeParse(answer).data;
}
