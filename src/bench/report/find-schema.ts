import { z } from 'zod';
import { QUANTITY_NAMES, type QuantityName } from '../model/quantity.js';

const text = z.string();
const number = z.number();
const count = z.int().nonnegative();
const load = z.int().positive();

const step = z
  .strictObject({
    load: load.describe('Clients, or events a second.'),
    purpose: z
      .enum(['raise', 'lower', 'close-in', 'recheck', 'confirm'])
      .describe(
        'Why it was tried: to find a load that breaks a rule, one that does not, to close in, or to confirm.',
      ),
    outcome: z
      .enum(['holds', 'breaks', 'saturated', 'gone'])
      .describe(
        'breaks: a rule broke. saturated: the load generator was the bottleneck. gone: the server was.',
      ),
    isRepeated: z
      .literal(true)
      .optional()
      .describe('The run before at this load decided nothing, so it was repeated.'),
    startedAt: text.describe('ISO 8601.'),
    durationMs: number,
    broke: z
      .array(z.strictObject({ rule: text, shown: text.describe('The actual value for people.') }))
      .describe('The rules that broke.'),
    reasons: z.array(text).describe('Why it was saturated, gone, or what else went wrong with the server.'),
    p50Ms: number.optional().describe('Handshakes for connect-rate, else fan-out latency.'),
    p99Ms: number.optional().describe('The same.'),
    deliveriesPerSecond: number.optional().describe('In the best second.'),
    serverCpu: number.optional().describe('CPU time of the server over the time of the run: 1 is one core.'),
    serverRssBytes: number.optional().describe('Peak of its resident memory.'),
    generatorCpu: number.describe('Share of a core that the busiest worker of the load generator used.'),
  })
  .meta({ id: 'findStep' });

export const findSchema = z
  .strictObject({
    of: z.enum(QUANTITY_NAMES as [QuantityName, ...QuantityName[]]).describe('What was raised.'),
    unit: z.enum(['count', 'per second']),
    limit: load.optional().describe('The greatest load at which every rule held; absent if there was none.'),
    broke: load.optional().describe('The least load at which a rule broke; absent if none did.'),
    end: z
      .enum(['found', 'unsteady', 'top', 'generator', 'none', 'gone', 'stopped'])
      .describe(
        'found: between limit and broke. unsteady: the same, but loads held that did not hold again, so the limit moves. top: nothing broke up to the greatest load asked for. generator: the load generator was the bottleneck, so the limit of the server is higher. none: a rule broke at every load. gone: the server was gone. stopped: before the end.',
      ),
    confirmed: count.describe('Fresh runs in which the limit was confirmed.'),
    from: load,
    to: load.optional(),
    precision: number.describe('Greatest distance of broke from limit, as a share of limit.'),
    atLeast: load.optional().describe('A lower limit fails.'),
    rules: z.array(text).describe('What had to hold at every load.'),
    brokenBy: z
      .strictObject({
        rule: text,
        load,
        shown: text.describe('The actual value for people.'),
        meaning: text.optional().describe('What usually causes that.'),
      })
      .optional()
      .describe('The rule that broke first, at the least load that broke one.'),
    steps: z.array(step).describe('Every run, in order.'),
  })
  .describe('Of `bench find`: the search. Everything else in this result is of the last run at the limit.')
  .meta({ id: 'find' });

export type FindResult = z.infer<typeof findSchema>;
export type FindStep = FindResult['steps'][number];
