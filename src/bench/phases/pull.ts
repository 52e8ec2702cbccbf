import { z } from 'zod';
import { formatAmount, formatDuration } from '../../text/units.js';
import { cohortName, duration, expected, lasting, strict, whole } from '../format/fields.js';
import { monotonicMs } from '../measure/clock.js';
import type { PhaseAction } from '../model/scenario.js';
import { peakOf } from '../pulls/in-flight.js';
import { phaseKind } from './kind.js';

interface PullPhase extends PhaseAction {
  readonly kind: 'pull';
  readonly cohort: number;
  /** Names of its namespaces. */
  readonly namespaces: number;
  readonly url: string | undefined;
  readonly table: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly changes: number;
  readonly everyMs: number;
  readonly jitterMs: number;
  readonly thinkMs: number;
  readonly timeoutMs: number;
  readonly settleMs: number;
}

/** From the order to push to the first push. */
const LEAD_MS = 100;

function isPullUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).pathname.endsWith('/pull');
}

const settings = strict({
  cohort: cohortName.describe('The cohort whose clients pull; it must be connected.'),
  url: z
    .string({ error: expected('a URL') })
    .refine(isPullUrl, { error: expected('an http(s) URL whose path ends with /pull') })
    .optional()
    .describe(
      'The pull route of the backend. Changes go to `push` beside it. Default: beside the WebSocket endpoint, such as http://HOST/datafn/pull.',
    ),
  table: z
    .string({ error: expected('the name of a table') })
    .min(1, { error: expected('the name of a table') })
    .default('bench')
    .describe('The table that changes are pushed into. Default bench.'),
  record: z
    .record(z.string(), z.unknown(), { error: expected('a record, such as { title: a }') })
    .default({ title: 'bench' })
    .describe('What each pushed record holds, besides its id. Default { title: bench }.'),
  changes: whole(1, 1000).default(5).describe('Changes pushed into each namespace of the cohort. Default 5.'),
  every: lasting.default(2000).describe('From one change of a namespace to the next. Default 2s.'),
  jitter: duration
    .default(0)
    .describe('A client pulls within this time of a cursor, at random. Default 0, as DataFn clients do.'),
  think: duration
    .default(0)
    .describe('How long a client works on an answer, and drops cursors meanwhile. Default 0.'),
  timeout: lasting.default(10_000).describe('How long an answer may take. Default 10s.'),
  settle: duration
    .default(5000)
    .describe('How long to wait, after the last change, until every client has it. Default 5s.'),
});

export const pull = phaseKind({
  summary:
    'Clients of a cohort pull as DataFn clients do, while changes are pushed: how long until everybody has the data.',
  schema: () => settings,
  complete(
    { cohort: name, url, table, record, changes, every, jitter, think, timeout, settle },
    names,
  ): PullPhase {
    const cohort = names.cohort(name);
    return {
      kind: 'pull',
      cohort,
      namespaces: new Set(names.cohorts[cohort]?.namespaces).size,
      url,
      table,
      record,
      changes,
      everyMs: every,
      jitterMs: jitter,
      thinkMs: think,
      timeoutMs: timeout,
      settleMs: settle,
    };
  },
  label: ({ cohort, changes, every, jitter }) =>
    `pull ${formatAmount(changes, 'change')} with ${cohort}${changes === 1 ? '' : `, one every ${formatDuration(every)}`}${jitter === 0 ? '' : `, jitter ${formatDuration(jitter)}`}`,
  plannedMs: ({ changes, everyMs }) => (changes - 1) * everyMs,
  needs: ({ cohort }) => ({ pullingCohort: cohort }),
  whyNotSharded: () => 'each shard would have to know what the others push',
  load: 'other',
  progress: () => ({ late: 'waiting for clients that lack a change' }),
  async run(action, run) {
    const { cohort, url, table, jitterMs, thinkMs, timeoutMs, record, changes: count, everyMs } = action;
    await run.call('startPulls', { cohort, url, table, jitterMs, thinkMs, timeoutMs });
    const startMs = monotonicMs() + LEAD_MS;
    const id = `bench-${Date.now().toString(36)}`;
    const pushed = await run.call('push', { cohort, id, record, startMs, count, everyMs });
    const changes = pushed.flat();
    const failed = changes.filter(({ cursor }) => cursor === undefined);
    if (failed.length > 0) {
      run.problem(
        `${failed.length} of ${changes.length} changes of "${run.label}" were not accepted: ${failed[0]?.error}`,
      );
    }
    const deadlineMs = monotonicMs() + action.settleMs;
    const reports = await run.call('settlePulls', { cohort, changes, deadlineMs });
    const { pulls } = run.measurements;
    pulls.peak = Math.max(pulls.peak, peakOf(reports.map(({ inFlight }) => inFlight)));
    pulls.longestBehindMs = Math.max(
      pulls.longestBehindMs,
      ...reports.map(({ longestBehindMs }) => longestBehindMs),
    );
  },
});
