import { z } from 'zod';
import {
  BEHAVIOR_NAMES,
  type BehaviorName,
  MALFORMED_KINDS,
  type MalformedKind,
} from '../behaviors/behaviors.js';
import {
  bytesPerSecond,
  duration,
  expected,
  lasting,
  namespaceList,
  oneOf,
  share,
  strict,
  whole,
} from '../format/fields.js';
import type { Cohort } from '../model/scenario.js';

const switchError = expected('true, false, or { namespace: … } to claim one');
const claim = strict({
  namespace: z.string({ error: expected('a namespace') }).describe('The namespace that they claim.'),
});
const hello = z
  .union([z.boolean(), claim], { error: switchError })
  .default(true)
  .describe('Whether they say hello; { namespace } claims one in it, which a server must ignore.');

export const cohortSchema = strict({
  clients: whole(1).describe('How many clients.'),
  namespaces: namespaceList
    .optional()
    .describe('Their namespaces, in turns. Default: the name of the cohort.'),
  behavior: oneOf(BEHAVIOR_NAMES as [string, ...string[]])
    .default('healthy')
    .describe('What kind of client they are.'),
  hello,
  pongDelay: duration.optional().describe('late-pong: how late it answers a ping. Default 5s.'),
  pause: duration
    .optional()
    .describe('slow-reader: how long it stops reading. Default 3s, or not at all with readRate.'),
  readRate: bytesPerSecond.optional().describe('slow-reader: how much it reads.'),
  resetAfter: duration.optional().describe('resetting: within which time it resets. Default 1s.'),
  kinds: z
    .array(oneOf(Object.keys(MALFORMED_KINDS) as [MalformedKind, ...MalformedKind[]]), {
      error: expected('a list of kinds'),
    })
    .min(1, { error: () => 'expected at least one kind' })
    .optional()
    .describe('malformed: what it sends, in turns. Default: all of them.'),
  dropEvery: lasting
    .optional()
    .describe('flapping: mean time after which it ends its connection. Default: never.'),
  backoffScale: share('a number greater than 0')
    .optional()
    .describe("flapping: what DataFn's backoff is multiplied with. Default 1."),
});

/** Completes a cohort of a file. */
export function completeCohort(
  name: string,
  file: z.output<typeof cohortSchema>,
  namespaceIndex: (namespace: string) => number,
): Cohort {
  const { hello: said } = file;
  return {
    name,
    clients: file.clients,
    namespaces: (file.namespaces ?? [name]).map(namespaceIndex),
    behavior: file.behavior as BehaviorName,
    hello: said === false ? undefined : { namespace: said === true ? undefined : said.namespace },
    settings: {
      pongDelayMs: file.pongDelay ?? 5000,
      pauseMs: file.pause ?? (file.readRate === undefined ? 3000 : 0),
      readBytesPerSecond: file.readRate ?? 0,
      resetAfterMs: file.resetAfter ?? 1000,
      kinds: file.kinds ?? (Object.keys(MALFORMED_KINDS) as MalformedKind[]),
      dropEveryMs: file.dropEvery ?? 0,
      backoffScale: file.backoffScale ?? 1,
    },
  };
}
