import { z } from 'zod';
import { namespacePrefixProblem } from '../../options/checks.js';
import { serverOptions } from '../../options/server.js';
import { describe, MAX_CURSOR_LENGTH, namespaceProblem } from '../../protocol/identifiers.js';
import { didYouMean } from '../../text/nearest.js';
import { formatCount, type Parsed, parseDuration, parseRate, parseSize } from '../../text/units.js';
import { BEHAVIOR_NAMES, MALFORMED_KINDS, type MalformedKind } from '../behaviors/behaviors.js';
import { MAX_ACTIONS } from './cross-check.js';
import { expandPattern } from './namespace-pattern.js';

/** Cursors of an emit, comings and goings of a churn. */
const MAX_CURSORS = 10_000_000;

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

const DURATION = 'a duration such as 500ms, 10s or 2m';
const duration = z
  .union([z.literal(0), withUnit(parseDuration, DURATION)], { error: expected(DURATION) })
  .describe('A duration: 500ms, 10s, 2m; 0 needs no unit.');
/** Of what would not happen at all, or fail at once, without any time. */
const lasting = withUnit((text) => {
  const parsed = parseDuration(text);
  return parsed.ok && parsed.value === 0 ? { ok: false, expected: 'longer than 0' } : parsed;
}, DURATION).describe('A duration of more than 0: 500ms, 10s, 2m.');
const rate = withUnit(parseRate, 'a rate such as 50/s').describe('Events in a time: 50/s, 300/m.');
const bytesPerSecond = withUnit((text) => {
  const [size = '', unit] = text.split('/');
  const parsed = parseSize(size);
  return unit?.trim() === 's' && parsed.ok && parsed.value > 0
    ? parsed
    : { ok: false, expected: 'a read rate such as 1KiB/s' };
}, 'a read rate such as 1KiB/s').describe('Bytes in a second: 500B/s, 1KiB/s.');

function whole(min: number, max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  const error = expected(`a whole number ${range}`);
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function share(what: string) {
  const error = expected(what);
  return z.number({ error }).gt(0, { error });
}

function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, {
    error: (issue) =>
      `${expected(`one of ${names.join(', ')}`)(issue)}.${typeof issue.input === 'string' ? didYouMean(issue.input, names) : ''}`,
  });
}

/** A name, a range pattern, or a list of those; read into all the names. */
const namespaceList = z
  .union([z.string(), z.array(z.string()).min(1, { error: () => 'expected at least one namespace' })], {
    error: expected('a namespace, a pattern such as user:{1..50}, or a list of those'),
  })
  .transform((given, context) => {
    const names: string[] = [];
    for (const pattern of typeof given === 'string' ? [given] : given) {
      const expanded = expandPattern(pattern);
      const problem =
        typeof expanded === 'string'
          ? expanded
          : expanded.map(namespaceProblem).find((wrong) => wrong !== undefined);
      if (problem !== undefined) {
        const message = typeof expanded === 'string' ? problem : `expected a namespace to be ${problem}`;
        context.addIssue({ code: 'custom', message });
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

const switchError = expected('true, false, or { namespace: … } to claim one');
const claim = strict({
  namespace: z.string({ error: expected('a namespace') }).describe('The namespace that they claim.'),
});
const hello = z
  .union([z.boolean(), claim], { error: switchError })
  .default(true)
  .describe('Whether they say hello; { namespace } claims one in it, which a server must ignore.');

const cohort = strict({
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

const cohortName = z.string({ error: expected('the name of a cohort') });
const how = oneOf(['close', 'reset', 'vanish'])
  .default('close')
  .describe('close: with a close frame. reset: with a RST. vanish: goes dead and keeps its descriptor.');

const connect = strict({
  cohort: cohortName.describe('Who connects.'),
  rate: rate.optional().describe('Arrivals, whatever the server does. Default 1000/s.'),
  ramp: strict({
    from: rate.describe('Arrivals in a time at the beginning.'),
    to: rate.describe('Arrivals in a time at the end.'),
    over: duration
      .optional()
      .describe('How long the rate takes to change; then it stays. Default: as long as the arrivals last.'),
  })
    .optional()
    .describe('Arrivals at a rate that changes evenly.'),
  'at-once': z
    .literal(true, { error: expected('true') })
    .optional()
    .describe('Everybody at the same time.'),
  timeout: lasting.default(10_000).describe('How long a handshake may take. Default 10s.'),
}).superRefine((phase, context) => {
  const ways = ['rate', 'ramp', 'at-once'].filter(
    (key) => phase[key as 'rate' | 'ramp' | 'at-once'] !== undefined,
  );
  if (ways.length > 1) {
    context.addIssue({
      code: 'custom',
      message: `expected one of rate, ramp, at-once, got ${ways.join(' and ')}`,
    });
  }
});

/** A rate for a time is so many events, and more than this is a slip of the pen. */
function addRowProblem(
  phase: { readonly rate?: number | undefined; readonly for?: number | undefined },
  context: z.RefinementCtx,
): void {
  const count = ((phase.rate ?? 0) * (phase.for ?? 0)) / 1000;
  if (count <= MAX_CURSORS) return;
  const message = `expected at most ${formatCount(MAX_CURSORS)} in a phase, got ${formatCount(count)}`;
  context.addIssue({ code: 'custom', path: ['rate'], message });
}

const emit = strict({
  namespaces: namespaceList.describe(
    'Where to, in turns; `all` is every namespace that a cohort has a token for.',
  ),
  via: oneOf(['api', 'autocannon'])
    .default('api')
    .describe('api: in order, checked, timed. autocannon: HTTP load on racing connections.'),
  rate: rate
    .optional()
    .describe('Cursors in a time. With autocannon it may be left out: as fast as it goes.'),
  for: lasting.optional().describe('How long; or give `count`.'),
  count: whole(1, MAX_CURSORS).optional().describe('How many cursors; or give `for`.'),
  batch: whole(1, 100_000).default(1).describe('Cursors of a namespace in one request. Default 1.'),
  cursorLength: whole(16, MAX_CURSOR_LENGTH)
    .optional()
    .describe('Characters of a cursor, zeros in front. Default: no zeros.'),
  connections: whole(1, 10_000).default(10).describe('Connections of autocannon. Default 10.'),
  settle: duration.default(5000).describe('How long to wait for the last deliveries. Default 5s.'),
  mayFail: z
    .boolean({ error: expected('true or false') })
    .default(false)
    .describe('Whether emits may fail, because the server is taken down meanwhile. Default false.'),
}).superRefine((phase, context) => {
  const ways = (phase.for === undefined ? 0 : 1) + (phase.count === undefined ? 0 : 1);
  if (ways !== 1) context.addIssue({ code: 'custom', message: 'expected either `for` or `count`' });
  if (phase.count !== undefined && phase.count % phase.batch !== 0) {
    context.addIssue({
      code: 'custom',
      path: ['count'],
      message: `expected a multiple of \`batch\`, ${phase.batch}, got ${phase.count}`,
    });
  }
  if (phase.namespaces.length > 1 && phase.namespaces.includes('all')) {
    context.addIssue({
      code: 'custom',
      path: ['namespaces'],
      message: 'expected `all` to stand alone: it is every namespace that a cohort has a token for',
    });
  }
  if (phase.rate === undefined && phase.via === 'api')
    context.addIssue({ code: 'custom', message: 'expected a `rate`' });
  addRowProblem(phase, context);
  if (phase.via === 'autocannon' && phase.rate !== undefined && phase.rate < phase.batch) {
    context.addIssue({
      code: 'custom',
      path: ['rate'],
      message: `expected at least one request a second with autocannon, which is ${formatCount(phase.batch)}/s with this \`batch\`, got ${phase.rate}/s`,
    });
  }
  if (phase.count !== undefined && phase.via === 'autocannon') {
    context.addIssue({
      code: 'custom',
      path: ['count'],
      message: 'expected `for` with autocannon, got `count`',
    });
  }
});

const disconnect = strict({
  cohort: cohortName.describe('Who leaves.'),
  how,
  fraction: share('a share greater than 0 and at most 1')
    .max(1, { error: expected('a share greater than 0 and at most 1') })
    .default(1)
    .describe('Share of the cohort. Default 1.'),
});

const churn = strict({
  cohort: cohortName.describe('Who comes and goes.'),
  rate: rate.describe('Connects and disconnects, counted together.'),
  for: lasting.describe('How long.'),
  how,
}).superRefine(addRowProblem);

const settings = {
  connect: connect.optional().describe('Clients of a cohort connect.'),
  emit: emit.optional().describe('Cursors are broadcast.'),
  hold: duration.optional().describe('Nothing happens, for a while.'),
  disconnect: disconnect.optional().describe('Clients of a cohort leave.'),
  churn: churn.optional().describe('Clients of a cohort come and go.'),
  'restart-server': strict({
    downtime: duration.default(0).describe('Between its end and its start. Default 0.'),
  })
    .optional()
    .describe("bench's own server is shut down and started again, on the same port."),
  'shutdown-server': strict({}).optional().describe("bench's own server is shut down."),
};

/** Names of the phases that do something by themselves. */
const ACTIONS = Object.keys(settings);
export const PHASE_KINDS = [...ACTIONS, 'parallel', 'repeat'];

export interface PhaseFile extends z.output<ReturnType<typeof phaseOf>> {
  parallel?: PhaseFile[];
  repeat?: { times: number; phases: PhaseFile[] };
}

function phaseOf() {
  return strict({
    ...settings,
    get parallel() {
      return z
        .array(phase, { error: expected('a list of phases') })
        .min(1)
        .optional()
        .describe('Several phases at once.');
    },
    get repeat() {
      return strict({
        times: whole(1, MAX_ACTIONS).describe('How often.'),
        phases: z
          .array(phase, { error: expected('a list of phases') })
          .min(1)
          .describe('What is repeated.'),
      })
        .optional()
        .describe('Phases again and again.');
    },
    expect: rules.optional().describe('Rules about this phase alone.'),
    abortOnFail: z
      .boolean({ error: expected('true or false') })
      .optional()
      .describe('Whether a rule of it that does not hold ends the run.'),
  });
}

const rules = z.array(z.string({ error: expected('a rule such as `cursors.lost == 0`') }), {
  error: expected('a list of rules'),
});

const phase: z.ZodType<PhaseFile> = z
  .lazy(() =>
    phaseOf().superRefine((given, context) => {
      const kinds = Object.keys(given).filter((key) => PHASE_KINDS.includes(key));
      if (kinds.length !== 1) {
        const got = kinds.length === 0 ? 'none' : kinds.join(' and ');
        context.addIssue({
          code: 'custom',
          message: `expected one of ${PHASE_KINDS.join(', ')}, got ${got}`,
        });
      }
      if (given.abortOnFail === true && given.expect === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['abortOnFail'],
          message: 'expected rules under `expect` that can fail, got none',
        });
      }
    }),
  )
  .meta({ id: 'phase' }) as unknown as z.ZodType<PhaseFile>;

/** A text that may be over several lines, in one. */
export function inOneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

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
    // It may be a text over several lines.
    .refine((text) => !/\p{Cc}/u.test(inOneLine(text)), {
      error: () => 'expected a sentence without control characters, got one',
    })
    .default('')
    .describe('What it shows, in a sentence.'),
  seed: whole(0).default(1).describe('Drives every random choice.'),
  server: serverBlock
    .default({})
    .describe('Flags of `serve`, in camelCase, for a server that bench starts itself.'),
  namespacePrefix: z
    .string({ error: expected('a text, with {run} for the id of the run') })
    .superRefine((text, context) => {
      const problem = namespacePrefixProblem(text);
      if (problem !== undefined)
        context.addIssue({ code: 'custom', message: `expected ${problem}, got ${describe(text)}` });
    })
    .optional()
    .describe(
      'Put before every namespace; {run} is another text in each run; none for nothing. Default: bench-{run}: for a server by --url whose tokens are the namespaces, else nothing.',
    ),
  cohorts: z
    .record(
      z.string().regex(/^[a-zA-Z][\w-]*$/, { error: expected('a name of letters, digits, - and _') }),
      cohort,
      {
        error: expected('cohorts by name'),
      },
    )
    .describe('Groups of identical clients, by name.'),
  phases: z
    .array(phase, { error: expected('a list of phases') })
    .min(1, { error: () => 'expected at least one phase' })
    .describe('What happens, one after the other.'),
  expect: rules
    .min(1, { error: () => 'expected at least one rule: a scenario that expects nothing cannot fail' })
    .describe('Rules that the result must satisfy.'),
  implicit: oneOf(['on', 'off'])
    .default('on')
    .describe('Whether what every DataFn server owes its clients is judged, too. Default on.'),
});

export type ScenarioFile = z.output<typeof scenarioSchema>;

/** The format as JSON Schema, for editors. */
export function scenarioJsonSchema(): object {
  return {
    title: 'A scenario of datafn-ws bench',
    ...z.toJSONSchema(scenarioSchema, { io: 'input', target: 'draft-7', unrepresentable: 'any' }),
  };
}
