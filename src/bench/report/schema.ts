import { z } from 'zod';
import { comparisonSchema } from '../compare/comparison.js';
import { REPORT_VERSION } from '../compare/older-versions.js';
import { FAULTS } from '../measure/evidence.js';
import { findSchema } from './find-schema.js';
import { mergedSchema, partSchema, shardSchema } from './shard-schema.js';

const text = z.string();
const number = z.number();
const count = z.int().nonnegative();
const counts = z.record(text, count);
const unit = z.enum(['count', 'ms', 'per second', 'bytes']);
const verdict = z.enum(['passed', 'failed', 'regressed', 'invalid', 'aborted']);

const histogram = z
  .strictObject({
    unit: z.literal('ms'),
    count,
    min: number,
    mean: number,
    p50: number,
    p90: number,
    p99: number,
    max: number,
    buckets: z
      .array(count)
      .describe(
        'Bucket, count, bucket, count, …: histograms of several runs add up by adding the counts of a bucket.',
      ),
  })
  .describe(
    'Durations. Bucket b below 128 counts those from b µs on and is 1 µs wide. Above, with k = floor(b / 128) - 1, it counts those from (b mod 128 + 128)·2^k µs on and is 2^k µs wide; the last one has no end.',
  )
  .meta({ id: 'histogram' });

const metric = z
  .strictObject({
    name: text.describe('As a rule names it, without the cohort.'),
    key: text
      .optional()
      .describe('The key in the brackets of a rule: a close code with its reason, a status, an error code.'),
    cohort: text.optional().describe('The cohort; all cohorts together if absent.'),
    unit,
    value: number.describe('With --repeat, the median; of an even number of runs, the lower of the two.'),
    spread: z
      .strictObject({ low: number, high: number })
      .optional()
      .describe('With --repeat, the lowest and the highest value of the runs.'),
    nondeterministic: z
      .literal(true)
      .optional()
      .describe('The scenario does not determine the count, so it is not compared.'),
  })
  .meta({ id: 'metric' });

const sighting = z
  .strictObject({
    counter: z.enum(FAULTS).describe('The counter it adds to.'),
    atMs: number.describe(
      'When it came, from the beginning of the run. Of a lost cursor, when it was due; where connections raced to emit, when the first was.',
    ),
    client: count.describe('Number within the cohort: in its hello it is bench-COHORT-NUMBER.'),
    namespace: text.describe('The namespace of the client.'),
    cursor: text.optional().describe('Absent if it was too long to keep.'),
    emittedTo: text.optional().describe('Of a leaked one: the namespace that it was emitted into.'),
    after: text.optional().describe('Of a reordered one: the newest that the client had before.'),
    breach: text.optional().describe('Of a protocol error: what the server did.'),
  })
  .meta({ id: 'sighting' });

const otherMessage = z
  .strictObject({
    kind: text.describe('Their type, or why they have none.'),
    count,
    first: z.strictObject({
      atMs: number.describe('When it came, from the beginning of the run.'),
      client: count.describe('Number within the cohort: in its hello it is bench-COHORT-NUMBER.'),
      namespace: text.describe('The namespace of the client.'),
      text: text
        .optional()
        .describe('Its beginning, of a binary one in hexadecimal; absent if it was too long to keep.'),
    }),
  })
  .meta({ id: 'otherMessage' });

const cohort = z
  .strictObject({
    name: text,
    behavior: text,
    clients: count,
    open: count.describe('Connected at the end.'),
    accepted: count.describe('Opened, and not refused by the end.'),
    counters: counts,
    closed: counts.describe('Connections that the server ended, by close code and reason.'),
    rejected: counts.describe('Handshakes answered with an HTTP error, by status.'),
    errors: counts.describe('Handshakes that failed below HTTP, by error code.'),
    pullFailures: counts
      .optional()
      .describe(
        'Pulls without an answer that a DataFn client would take, by what was wrong; absent if there were none.',
      ),
    histograms: z.record(text, histogram),
    evidence: z
      .array(sighting)
      .optional()
      .describe('The first delivery, or frame, of each kind that was wrong; absent if there were none.'),
    otherMessages: z
      .array(otherMessage)
      .optional()
      .describe(
        'Messages that are not cursors, by kind, the most frequent first; absent if there were none.',
      ),
  })
  .meta({ id: 'cohort' });

const measurements = z
  .strictObject({
    cohorts: z.array(cohort),
    metrics: z.array(metric).describe('Every metric that has samples, of all cohorts together and of each.'),
    histograms: z.record(text, histogram).describe('Of all cohorts together.'),
    part: partSchema.optional(),
  })
  .meta({ id: 'measurements' });

const expectation = z
  .strictObject({
    rule: text.describe('As the scenario has it.'),
    line: count.describe(
      'Where the rule stands in the scenario file; of an implicit one, the list of rules.',
    ),
    implicit: z
      .literal(true)
      .optional()
      .describe('Not a rule of the scenario: what every DataFn server owes its clients.'),
    phase: text.optional().describe('The phase that it is about; the whole run if absent.'),
    cohort: text.optional().describe('The cohort that it is about; all together if absent.'),
    metric: text,
    key: text.optional().describe('The key in its brackets.'),
    operator: z.enum(['==', '!=', '<=', '>=', '<', '>']),
    expected: number.describe('In the unit of the metric.'),
    passed: z
      .boolean()
      .describe('False if it failed. A rule that is not measurable fails with --strict only.'),
    notMeasurable: text
      .optional()
      .describe(
        'Why the rule cannot be measured on this server, so that it neither held nor failed. Absent for other rules.',
      ),
    deferred: z
      .literal(true)
      .optional()
      .describe('Of a shard: the rule is judged by `datafn-ws merge`. Absent for other results.'),
    phaseIndex: count.optional().describe('Of a shard: index of its phase. Absent for other results.'),
    notReached: z
      .literal(true)
      .optional()
      .describe('The run ended before there was anything to judge: the rule neither held nor failed.'),
    actual: number
      .optional()
      .describe('In the unit of the metric; absent if there were no samples, which fails.'),
    unit,
    shown: text.describe('The actual value for people.'),
    meaning: text.optional().describe('For a rule that did not hold: what that usually means.'),
    evidence: z
      .array(text)
      .optional()
      .describe(
        'Of one that did not hold. About deliveries or the protocol: of each cohort, how many went wrong, and the first. About connections: how many were refused, why, and what lets them in.',
      ),
  })
  .meta({ id: 'expectation' });

const timelinePoint = z.strictObject({
  atMs: number.describe('End of the second, from the beginning of the run.'),
  open: count.describe('Open connections.'),
  deliveriesPerSecond: number,
  emitsDuePerSecond: number
    .optional()
    .describe('Cursors that were due by the plan; absent while nothing was emitted.'),
  emitsSentPerSecond: number.optional().describe('Cursors that were really sent.'),
  connectsDuePerSecond: number
    .optional()
    .describe('Connects that were due by the plan, or by the mean of a churn; absent while there were none.'),
  connectsBegunPerSecond: number
    .optional()
    .describe('Connects that were really begun, by clients that come back too.'),
  fanoutP50Ms: number.optional(),
  fanoutP99Ms: number.optional(),
  workerDelayP99Ms: number.optional().describe('Highest event-loop delay of a worker of the load generator.'),
  serverRssBytes: number.optional(),
  serverDelayMaxMs: number.optional().describe('Longest event-loop delay of the server.'),
});

const generator = z.strictObject({
  cpuMs: number.optional().describe('CPU time of the whole run.'),
  maxCpu: number.describe('Share of a core in the worst second.'),
  maxDelayP99Ms: number.describe('Event-loop delay in the worst second, 99th percentile.'),
  maxDelayMs: number.describe('Longest event-loop delay.'),
  maxRunQueueWait: number.optional().describe('Share of a second spent waiting for a core.'),
});

const repeat = z
  .strictObject({
    times: z.int().positive().describe('How many runs were requested.'),
    runs: z.array(
      z.strictObject({
        verdict,
        startedAt: text.describe('ISO 8601.'),
        durationMs: number,
        failed: z.array(text).describe('Rules that did not hold in it.'),
      }),
    ),
    shown: z
      .int()
      .positive()
      .describe(
        'Number of the run that the phases, the timeline, the ledgers and the histograms are of: the first that did not pass, else the one with the median fan-out latency (p99).',
      ),
  })
  .describe('Of --repeat: the metrics are medians of these runs, and every rule must hold in each.');

const result = z.strictObject({
  version: z.literal(REPORT_VERSION).describe('Version of this format.'),
  tool: z.strictObject({ name: z.literal('datafn-ws'), version: text }),
  verdict: verdict.describe(
    'An aborted or invalid run is neither passed nor failed; a regressed one has passed, and is worse than its baseline.',
  ),
  aborted: z.boolean().describe('The run was stopped before the end: the numbers cover a part of it.'),
  invalid: z.boolean().describe('The result says nothing about the server.'),
  invalidReasons: z.array(text).describe('Why not; empty for a valid one.'),
  problems: z.array(text).describe('What went wrong with the server besides the expectations.'),
  startedAt: text.describe('ISO 8601.'),
  durationMs: number,
  revision: text
    .optional()
    .describe('The commit that was tested, as --revision or the CI names it; absent if neither does.'),
  replay: text.describe('The command that repeats the run, with the same random choices.'),
  machine: z.strictObject({
    node: text.describe('Node.js version.'),
    platform: text,
    arch: text,
    cpu: text.describe('Model of the processor.'),
    cores: count,
    memoryBytes: number,
  }),
  target: z.strictObject({
    urls: z.array(text).describe('Without the values of their query parameters.'),
    isOwn: z.boolean().describe('Whether the server was started for the run.'),
    cluster: z
      .strictObject({ workers: count, nodes: count, engine: z.boolean() })
      .optional()
      .describe(
        'The cluster that was started: nodes with an engine, or one with workers; absent for a single process.',
      ),
    namespacePrefix: text
      .optional()
      .describe("The prefix of every namespace in this run; absent if they are the scenario's."),
  }),
  scenario: z.strictObject({
    name: text,
    summary: text,
    source: text.describe('The file it was read from.'),
    sha256: text.describe('Of the scenario file and the changes by --set.'),
    seed: count,
    overrides: z.array(text).describe('What was given with --set.'),
    changes: z
      .array(
        z.strictObject({
          path: text.describe('The value that was changed, as --set takes it.'),
          value: text,
          before: text.optional().describe('The value in the file; absent if it has none.'),
        }),
      )
      .describe('The changes by --set.'),
    clients: count,
    serverFlags: z
      .array(text)
      .describe(
        'Settings for a server that bench starts, or that another server is assumed to have: flags of `serve`.',
      ),
    leftOut: z
      .array(text)
      .optional()
      .describe('Phases that were left out because they are for another target; absent if none were.'),
  }),
  shard: shardSchema.optional(),
  merged: mergedSchema.optional(),
  repeat: repeat.optional(),
  find: findSchema.optional(),
  expectations: z.array(expectation),
  total: measurements,
  comparison: comparisonSchema.optional().describe('The comparison with the baseline.'),
  phases: z.array(
    z.strictObject({
      label: text,
      kind: text,
      isFinished: z.boolean().describe('False for the one that the run was stopped in.'),
      startMs: number.describe('From the beginning of the run.'),
      durationMs: number,
      measurements,
    }),
  ),
  timeline: z
    .array(timelinePoint)
    .describe('A point a second, one at the beginning of the first phase and one at the end of the last.'),
  generator: z.array(generator).describe('The health of each worker process of the load generator.'),
});

/** The result of a scenario as data. */
export type JsonResult = z.infer<typeof result>;

/** The JSON report of one call of bench: a result a scenario. */
export const reportSchema = z.strictObject({
  version: z.literal(REPORT_VERSION).describe('Version of this format.'),
  verdict: verdict.describe('The one verdict of all results; aborted when a scenario was not run.'),
  results: z.array(result),
  notRun: z
    .array(z.strictObject({ name: text, source: text, reason: text }))
    .describe('Scenarios that were not run, and why.'),
});

export type JsonReport = z.infer<typeof reportSchema>;

/** The format as JSON Schema. */
export function reportJsonSchema(): object {
  return {
    title: 'A report of datafn-ws bench',
    ...z.toJSONSchema(reportSchema, { target: 'draft-7' }),
  };
}
