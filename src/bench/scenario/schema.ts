import { z } from 'zod';
import { namespacePrefixProblem } from '../../options/checks.js';
import { serverOptions } from '../../options/server-options.js';
import { describe } from '../../protocol/identifiers.js';
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
  yesOrNo,
} from '../format/fields.js';
import { zipfRotation } from '../measure/slots.js';
import type { Cohort } from '../model/scenario.js';
import { PHASE_KINDS } from '../phases/index.js';
import type { PhaseFile } from '../phases/kind.js';

const switchError = expected('true, false, or { namespace: … } to claim one');
const claim = strict({
  namespace: z.string({ error: expected('a namespace') }).describe('The namespace that they claim.'),
});
const hello = z
  .union([z.boolean(), claim], { error: switchError })
  .default(true)
  .describe('Whether they say hello. { namespace } puts a namespace into it, which a server must ignore.');

export const cohortSchema = strict({
  clients: whole(1).describe('Number of clients.'),
  namespaces: namespaceList
    .optional()
    .describe('Their namespaces, in rotation. Default: the name of the cohort.'),
  spread: oneOf(['equal', 'zipf'])
    .default('equal')
    .describe(
      'How the clients are divided among the namespaces. equal: evenly. zipf: the second gets half as many as the first, the third a third, and so on.',
    ),
  behavior: oneOf(BEHAVIOR_NAMES as [string, ...string[]])
    .default('healthy')
    .describe('How the clients behave.'),
  hello,
  pongDelay: duration.optional().describe('late-pong: how late it answers a ping. Default 5s.'),
  pause: duration
    .optional()
    .describe('slow-reader: how long it stops reading. Default 3s, or not at all with readRate.'),
  readRate: bytesPerSecond.optional().describe('slow-reader: how fast it reads.'),
  resetAfter: duration.optional().describe('resetting: it resets within this time. Default 1s.'),
  kinds: z
    .array(oneOf(Object.keys(MALFORMED_KINDS) as [MalformedKind, ...MalformedKind[]]), {
      error: expected('a list of kinds'),
    })
    .min(1, { error: () => 'expected at least one kind' })
    .optional()
    .describe('malformed: what it sends, in rotation. Default: all of them.'),
  dropEvery: lasting
    .optional()
    .describe('flapping: mean time after which it ends its connection. Default: never.'),
  backoffScale: share('a number greater than 0')
    .optional()
    .describe("reconnecting, flapping: factor for DataFn's backoff. Default 1."),
});

/** Completes a cohort of a file. */
export function completeCohort(
  name: string,
  file: z.output<typeof cohortSchema>,
  namespaceIndex: (namespace: string) => number,
): Cohort {
  const { hello: said } = file;
  const namespaces = (file.namespaces ?? [name]).map(namespaceIndex);
  return {
    name,
    clients: file.clients,
    namespaces: file.spread === 'zipf' ? zipfRotation(file.clients, namespaces) : namespaces,
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

const serverBlock = strict(
  Object.fromEntries(
    Object.entries(serverOptions).map(([key, option]) => [
      key,
      z
        .union([z.string(), z.number(), ...(option.placeholder === '' ? [z.boolean()] : [])], {
          error: expected({ N: 'a whole number', '': 'true or false' }[option.placeholder] ?? 'a text'),
        })
        .transform((value, context) => {
          const parsed = option.parse(String(value));
          if (!parsed.ok) {
            context.addIssue({
              code: 'custom',
              message: `expected ${parsed.expected}, got ${describe(value)}`,
            });
          }
          return String(value);
        })
        .optional()
        .describe(option.help),
    ]),
  ),
);

const clusterBlock = strict({
  workers: whole(1, 64).default(2).describe('Workers of the one server, without --redis. Default 2.'),
  nodes: whole(1, 64).default(3).describe('Servers, with --redis. Default 3.'),
});

const rules = z.array(z.string({ error: expected('a rule such as `cursors.lost == 0`') }), {
  error: expected('a list of rules'),
});

/** A phase: one key that names its kind, and rules. Some kinds have phases inside. */
const phase: z.ZodType<PhaseFile> = z
  .lazy(() => {
    const kinds = Object.entries(PHASE_KINDS).map(([name, kind]) => [
      name,
      kind.schema(phase).optional().describe(kind.summary),
    ]);
    return strict({
      ...Object.fromEntries(kinds),
      only: oneOf(['workers', 'nodes'])
        .optional()
        .describe(
          'The only target that the phase is for; it is left out with any other. workers: a server with workers that bench starts. nodes: nodes with an engine that bench starts (--redis).',
        ),
      expect: rules.optional().describe('Rules for this phase only.'),
      abortOnFail: yesOrNo().optional().describe('Whether the run ends if one of these rules does not hold.'),
    }).superRefine((given: PhaseFile, context) => {
      const names = Object.keys(PHASE_KINDS);
      const found = Object.keys(given).filter((key) => names.includes(key));
      if (found.length !== 1) {
        const got = found.length === 0 ? 'none' : found.join(' and ');
        context.addIssue({ code: 'custom', message: `expected one of ${names.join(', ')}, got ${got}` });
      }
      if (given.abortOnFail === true && given.expect === undefined) {
        const message = 'expected rules under `expect` that can fail, got none';
        context.addIssue({ code: 'custom', path: ['abortOnFail'], message });
      }
    });
  })
  .meta({ id: 'phase' }) as unknown as z.ZodType<PhaseFile>;

/** A text that may be over several lines, in one. */
export function inOneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

/** The format of a scenario file. What a file has in texts with units comes out in numbers. */
export const scenarioSchema = strict({
  version: z.literal(1, { error: expected('1') }).describe('Version of the format.'),
  name: z
    .string({ error: expected('a name') })
    .regex(/^[a-z0-9][a-z0-9-]*$/, { error: expected('a name of small letters, digits and hyphens') })
    .describe('Name of the scenario.'),
  summary: z
    .string({ error: expected('a sentence') })
    // It may be a text over several lines.
    .refine((text) => !/\p{Cc}/u.test(inOneLine(text)), {
      error: () => 'expected a sentence without control characters, got one',
    })
    .default('')
    .describe('What it tests, in one sentence.'),
  seed: whole(0).default(1).describe('Seed of every random choice.'),
  server: serverBlock
    .default({})
    .describe('Flags of `serve`, in camelCase, for a server that bench starts itself.'),
  cluster: clusterBlock
    .optional()
    .describe('The processes of a cluster, when bench starts the server itself.'),
  namespacePrefix: z
    .string({ error: expected('a text, with {run} for the id of the run') })
    .superRefine((text, context) => {
      const problem = namespacePrefixProblem(text);
      if (problem !== undefined)
        context.addIssue({ code: 'custom', message: `expected ${problem}, got ${describe(text)}` });
    })
    .optional()
    .describe(
      'Prefix of every namespace; {run} is unique to each run, none means no prefix. Default: bench-{run}: for a server by --url whose tokens are the namespaces, else nothing.',
    ),
  cohorts: z
    .record(
      z.string().regex(/^[a-zA-Z][\w-]*$/, { error: expected('a name of letters, digits, - and _') }),
      cohortSchema,
      { error: expected('a map of cohort names to settings') },
    )
    .describe('Groups of identical clients, by name.'),
  phases: z
    .array(phase, { error: expected('a list of phases') })
    .min(1, { error: () => 'expected at least one phase' })
    .describe('The phases, in order.'),
  expect: rules
    .min(1, { error: () => 'expected at least one rule: a scenario that expects nothing cannot fail' })
    .describe('Rules that the result must satisfy.'),
  implicit: oneOf(['on', 'off'])
    .default('on')
    .describe('Whether to check what every DataFn server owes its clients as well. Default on.'),
});

export type ScenarioFile = z.output<typeof scenarioSchema>;

/** The format as JSON Schema, for editors. */
export function scenarioJsonSchema(): object {
  return {
    title: 'A scenario of datafn-ws bench',
    ...z.toJSONSchema(scenarioSchema, { io: 'input', target: 'draft-7', unrepresentable: 'any' }),
  };
}
