import { z } from 'zod';
import { serverOptions } from '../../options/serve.js';
import { describe, namespaceProblem } from '../../protocol/identifiers.js';
import { didYouMean } from '../../protocol/nearest.js';
import { type Parsed, parseDuration, parseRate } from '../../protocol/units.js';
import { BEHAVIOR_NAMES } from './behaviors.js';
import { expandPattern } from './namespace-pattern.js';

/** An object that takes the named keys and no others; a wrong one is told the nearest right one. */
function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return expected(`an object with ${names.join(', ')}`)(issue);
      const keys = issue.keys as string[];
      return keys.map((key) => `there is no key \`${key}\` here.${didYouMean(key, names)}`).join(' ');
    },
  });
}

/** An error message that says what was expected and what was found. */
function expected(what: string) {
  return (issue: { readonly input?: unknown }) =>
    issue.input === undefined
      ? `expected ${what}, got nothing`
      : `expected ${what}, got ${describe(issue.input)}`;
}

/** A text with a unit, read into its base unit. */
function withUnit(parse: (text: string) => Parsed<number>, example: string) {
  return z.string({ error: expected(example) }).transform((text, context) => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: `expected ${parsed.expected}, got ${describe(text)}` });
    return z.NEVER;
  });
}

const duration = withUnit(parseDuration, 'a duration such as 500ms, 10s or 2m').describe(
  'A duration: 500ms, 10s, 2m.',
);
const rate = withUnit(parseRate, 'a rate such as 50/s').describe('Events in a time: 50/s, 300/m.');

function whole(min: number) {
  const error = expected(`a whole number of at least ${min}`);
  return z.int({ error }).min(min, { error });
}

function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, {
    error: (issue) =>
      `${expected(`one of ${names.join(', ')}`)(issue)}.${typeof issue.input === 'string' ? didYouMean(issue.input, names) : ''}`,
  });
}

/** A name, a range pattern, or a list of those; read into all the names. */
const namespaceList = z
  .union([z.string(), z.array(z.string()).min(1)], {
    error: expected('a namespace, a pattern such as user:{1..50}, or a list of those'),
  })
  .transform((given, context) => {
    const names: string[] = [];
    for (const pattern of typeof given === 'string' ? [given] : given) {
      const expanded = expandPattern(pattern);
      const problem = typeof expanded === 'string' ? expanded : namespaceProblem(expanded[0]);
      if (problem !== undefined) {
        context.addIssue({
          code: 'custom',
          message: typeof expanded === 'string' ? problem : `expected a namespace to be ${problem}`,
        });
        return z.NEVER;
      }
      names.push(...expanded);
    }
    return names;
  })
  .describe('A namespace, a range pattern such as user:{1..50}, or a list of those.');

const serverBlock = strict(
  Object.fromEntries(
    Object.entries(serverOptions).map(([key, option]) => [
      key,
      z
        .union([z.string(), z.number()], {
          error: expected(option.placeholder === 'N' ? 'a whole number' : 'a text'),
        })
        .transform((value, context) => {
          const parsed = option.parse(String(value));
          if (!parsed.ok)
            context.addIssue({
              code: 'custom',
              message: `expected ${parsed.expected}, got ${describe(value)}`,
            });
          return String(value);
        })
        .optional()
        .describe(option.help),
    ]),
  ),
);

const cohort = strict({
  clients: whole(1).describe('How many clients.'),
  namespaces: namespaceList
    .optional()
    .describe('Their namespaces, in turns. Default: the name of the cohort.'),
  behavior: oneOf(BEHAVIOR_NAMES as [string, ...string[]])
    .default('healthy')
    .describe('What kind of client they are.'),
  hello: z
    .boolean({ error: expected('true or false') })
    .default(true)
    .describe('Whether they say hello.'),
});

const connect = strict({
  cohort: z.string({ error: expected('the name of a cohort') }).describe('Who connects.'),
  rate: rate.default(1000).describe('Arrivals, whatever the server does. Default 1000/s.'),
  timeout: duration.default(10_000).describe('How long a handshake may take. Default 10s.'),
});

const emit = strict({
  namespaces: namespaceList.describe(
    'Where to, in turns; `all` is every namespace that a cohort has a token for.',
  ),
  via: oneOf(['api', 'autocannon'])
    .default('api')
    .describe('api: in order, checked, timed. autocannon: HTTP load on racing connections.'),
  rate: rate
    .optional()
    .describe('Cursors in a time. With autocannon: requests; without it, as fast as it goes.'),
  for: duration.optional().describe('How long; or give `count`.'),
  count: whole(1).optional().describe('How many cursors; or give `for`.'),
  batch: whole(1).default(1).describe('Cursors of a namespace in one request. Default 1.'),
  connections: whole(1).default(10).describe('Connections of autocannon. Default 10.'),
  settle: duration.default(5000).describe('How long to wait for the last deliveries. Default 5s.'),
}).superRefine((phase, context) => {
  const ways = (phase.for === undefined ? 0 : 1) + (phase.count === undefined ? 0 : 1);
  if (ways !== 1) context.addIssue({ code: 'custom', message: 'expected either `for` or `count`' });
  if (phase.rate === undefined && phase.via === 'api')
    context.addIssue({ code: 'custom', message: 'expected a `rate`' });
  if (phase.count !== undefined && phase.via === 'autocannon') {
    context.addIssue({
      code: 'custom',
      path: ['count'],
      message: 'expected `for` with autocannon, got `count`',
    });
  }
});

const disconnect = strict({
  cohort: z.string({ error: expected('the name of a cohort') }).describe('Who leaves.'),
});

const phaseKinds = { connect, emit, hold: duration, disconnect };
export const PHASE_KINDS = Object.keys(phaseKinds);

const phase = strict({
  connect: connect.optional().describe('Clients of a cohort connect.'),
  emit: emit.optional().describe('Cursors are broadcast.'),
  hold: duration.optional().describe('Nothing happens, for a while.'),
  disconnect: disconnect.optional().describe('Clients of a cohort leave.'),
}).superRefine((given, context) => {
  const kinds = Object.keys(given);
  if (kinds.length !== 1) {
    context.addIssue({
      code: 'custom',
      message: `expected one of ${PHASE_KINDS.join(', ')}, got ${kinds.length === 0 ? 'none' : kinds.join(' and ')}`,
    });
  }
});

/** The format of a scenario file. What a file has in texts with units comes out in numbers. */
export const scenarioSchema = strict({
  version: z
    .literal(1, { error: expected('1, the version of the format') })
    .describe('Version of the format.'),
  name: z
    .string({ error: expected('a name') })
    .regex(/^[a-z0-9][a-z0-9-]*$/, { error: expected('a name of small letters, digits and hyphens') })
    .describe('What the scenario is called.'),
  summary: z
    .string({ error: expected('a sentence') })
    .default('')
    .describe('What it shows, in a sentence.'),
  seed: whole(0).default(1).describe('Drives every random choice.'),
  server: serverBlock
    .default({})
    .describe('Flags of `serve`, in camelCase, for a server that bench starts itself.'),
  cohorts: z
    .record(
      z.string().regex(/^[a-zA-Z][\w-]*$/, { error: expected('a name of letters, digits, - and _') }),
      cohort,
      { error: expected('cohorts by name') },
    )
    .describe('Groups of identical clients, by name.'),
  phases: z
    .array(phase, { error: expected('a list of phases') })
    .min(1, { error: () => 'expected at least one phase' })
    .describe('What happens, one after the other.'),
  expect: z
    .array(z.string({ error: expected('a rule such as `cursors.lost == 0`') }), {
      error: expected('a list of rules'),
    })
    .min(1, { error: () => 'expected at least one rule: a scenario that expects nothing cannot fail' })
    .describe('Rules that the result must satisfy.'),
});

export type ScenarioFile = z.output<typeof scenarioSchema>;
export type PhaseFile = ScenarioFile['phases'][number];
