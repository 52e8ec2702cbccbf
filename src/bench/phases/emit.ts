import { MAX_CURSOR_LENGTH } from '../../protocol/identifiers.js';
import { formatAmount, formatCount, formatDuration } from '../../text/units.js';
import { driveWithAutocannon, racingPlan } from '../emitter/autocannon.js';
import {
  EMIT_TIMINGS,
  type EmitOrder,
  type EmitTiming,
  type Emitted,
  ENTRIES,
  type Entry,
  emitPlan,
  orderedPlan,
} from '../emitter/emitter.js';
import {
  duration,
  lasting,
  MAX_EVENTS,
  namespaceList,
  oneOf,
  rangeWords,
  rateRange,
  stageList,
  strict,
  whole,
  yesOrNo,
} from '../format/fields.js';
import { monotonicMs, waitUntil } from '../measure/clock.js';
import { dueMs, type EmissionPlan, FanoutSkew, requestsDueBefore } from '../measure/emission-plan.js';
import { emitRecord } from '../measure/emit-record.js';
import { totalEvents, totalMs } from '../measure/stages.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

export interface EmitPhase extends PhaseAction, EmitOrder {
  readonly kind: 'emit';
  readonly via: 'api' | 'autocannon';
  readonly settleMs: number;
  /** Whether cursors that the server does not take are not a failure of the run. */
  readonly mayFail: boolean;
}

/** Cursors of an emit of which each has a drawn time or namespace: that is kept in memory. */
const MAX_DRAWN = 1_000_000;
/** From announcing a plan to the workers to its first cursor. */
const LEAD_MS = 100;
/** The same where other machines announce it to theirs. */
const SHARD_LEAD_MS = 1000;

const settings = strict({
  namespaces: namespaceList.describe(
    'The namespaces to emit into, in rotation; `all` is every namespace that a cohort has a token for.',
  ),
  via: oneOf(['api', 'autocannon'])
    .default('api')
    .describe('api: in order, checked, timed. autocannon: HTTP load on racing connections.'),
  rate: rateRange
    .optional()
    .describe(
      'Cursor rate, or a range such as 100/s..2000/s that it covers linearly. Optional with autocannon: as fast as possible.',
    ),
  for: lasting.optional().describe('Duration; use this or `count`.'),
  count: whole(1, MAX_EVENTS).optional().describe('Number of cursors; use this or `for`.'),
  stages: stageList.optional().describe('Rates one after the other, in place of `rate` and `for`.'),
  at: oneOf(EMIT_TIMINGS)
    .default('jitter')
    .describe(
      'When requests are due. jitter: at a random time in their slots. even: at the beginning of their slots. poisson: at random, like those of many independent clients.',
    ),
  burst: whole(2, 1_000_000)
    .optional()
    .describe('Cursors that are due at once; the rate stays the same on average.'),
  weights: oneOf(['equal', 'zipf'])
    .default('equal')
    .describe(
      'How often each namespace gets a cursor. equal: in rotation. zipf: at random, the second half as often as the first, the third a third as often, and so on.',
    ),
  batch: whole(1, 100_000).default(1).describe('Cursors per request, all of one namespace. Default 1.'),
  cursorLength: whole(16, MAX_CURSOR_LENGTH)
    .optional()
    .describe('Length of a cursor, padded with leading zeros. Default: no padding.'),
  to: oneOf(ENTRIES)
    .default('first')
    .describe(
      'Of several servers, where emits go. first: to the first. spread: each namespace to one, in rotation. all: to each of them, for servers that share nothing.',
    ),
  owes: oneOf(['every', 'newest'])
    .default('every')
    .describe(
      'every: clients must get every cursor. newest: they may miss all but the newest of their namespace, as in a fault; `converge` waits for that one.',
    ),
  connections: whole(1, 10_000).default(10).describe('Number of autocannon connections. Default 10.'),
  settle: duration.default(5000).describe('How long to wait for the last deliveries. Default 5s.'),
  mayFail: yesOrNo()
    .default(false)
    .describe('Whether emits may fail because the server is down meanwhile. Default false.'),
}).superRefine((phase, context) => {
  const refuse = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', path, message });
  const isRacing = phase.via === 'autocannon';
  const { rate: range, stages } = phase;
  if (stages !== undefined) {
    const others = (['rate', 'for', 'count'] as const).filter((key) => phase[key] !== undefined);
    if (others.length > 0) refuse(`expected \`stages\` alone, got ${others.join(' and ')} as well`);
  } else if ((phase.for === undefined) === (phase.count === undefined))
    refuse('expected either `for` or `count`, or `stages`');
  if (range !== undefined && range.fromPerSecond !== range.toPerSecond && phase.count !== undefined)
    refuse('expected `for` with a range of rates, got `count`', 'count');
  if (phase.count !== undefined && phase.count % phase.batch !== 0)
    refuse(`expected a multiple of \`batch\`, ${phase.batch}, got ${phase.count}`, 'count');
  if (phase.namespaces.length > 1 && phase.namespaces.includes('all')) {
    refuse(
      'expected `all` to stand alone: it is every namespace that a cohort has a token for',
      'namespaces',
    );
  }
  if (range === undefined && stages === undefined && !isRacing) refuse('expected a `rate`, or `stages`');
  const events =
    stages === undefined
      ? ((range === undefined ? 0 : (range.fromPerSecond + range.toPerSecond) / 2) * (phase.for ?? 0)) / 1000
      : totalEvents(stages);
  const isDrawn = phase.at === 'poisson' || phase.weights === 'zipf';
  const most = isDrawn ? MAX_DRAWN : MAX_EVENTS;
  if (Math.max(events, phase.count ?? 0) > most) {
    const what = isDrawn ? ' with `poisson` or `zipf`' : '';
    refuse(
      `expected at most ${formatCount(most)} in a phase${what}, got ${formatCount(Math.max(events, phase.count ?? 0))}`,
      stages === undefined ? 'rate' : 'stages',
    );
  }
  if (isRacing) {
    const shaped = [
      ...(stages === undefined ? [] : ['stages']),
      ...(range !== undefined && range.fromPerSecond !== range.toPerSecond ? ['a range of rates'] : []),
      ...(phase.at === 'jitter' ? [] : ['at']),
      ...(phase.burst === undefined ? [] : ['burst']),
      ...(phase.weights === 'equal' ? [] : ['weights']),
    ];
    if (shaped.length > 0) refuse(`expected \`via: api\` with ${shaped.join(', ')}, got autocannon`);
  }
  if (isRacing && range !== undefined && range.fromPerSecond < phase.batch) {
    refuse(
      `expected at least one request a second with autocannon, which is ${formatCount(phase.batch)}/s with this \`batch\`, got ${range.fromPerSecond}/s`,
      'rate',
    );
  }
  if (phase.count !== undefined && isRacing) refuse('expected `for` with autocannon, got `count`', 'count');
});

export const emit = phaseKind({
  summary: 'Broadcasts cursors.',
  schema: () => settings,
  complete({ rate: range, via, count, cursorLength, settle, ...file }, names): EmitPhase {
    const ratePerSecond = range === undefined ? undefined : (range.fromPerSecond + range.toPerSecond) / 2;
    const isRange = range !== undefined && range.fromPerSecond !== range.toPerSecond;
    const stages = isRange ? [{ ...range, durationMs: file.for ?? 0 }] : file.stages;
    return {
      kind: 'emit',
      via: via as EmitPhase['via'],
      namespaces: names.namespaces(file.namespaces),
      ratePerSecond,
      durationMs:
        stages === undefined ? (file.for ?? ((count ?? 0) * 1000) / (ratePerSecond ?? 1)) : totalMs(stages),
      ...(stages === undefined ? {} : { stages }),
      at: file.at as EmitTiming,
      ...(file.burst === undefined ? {} : { burst: file.burst }),
      weights: file.weights as 'equal' | 'zipf',
      batch: file.batch,
      cursorLength: cursorLength ?? 0,
      connections: file.connections,
      to: file.to as Entry,
      owes: file.owes as EmitPhase['owes'],
      settleMs: settle,
      mayFail: file.mayFail,
    };
  },
  label({ namespaces, rate: range, stages, at, burst, weights, via, batch, count, to, for: durationMs = 0 }) {
    const { length } = namespaces;
    const where =
      namespaces[0] === 'all'
        ? 'all namespaces'
        : `${formatCount(length)} ${length === 1 ? 'namespace' : 'namespaces'}`;
    return [
      `emit ${count === undefined ? '' : `${formatAmount(count, 'cursor')} `}to ${where}`,
      ...(stages === undefined
        ? [
            range === undefined ? 'as fast as possible' : `at ${rangeWords(range)}/s`,
            ...(count === undefined ? [`for ${formatDuration(durationMs)}`] : []),
          ]
        : [`in ${formatAmount(stages.length, 'stage')} over ${formatDuration(totalMs(stages))}`]),
      ...(at === 'poisson' ? ['at random'] : []),
      ...(burst === undefined ? [] : [`in bursts of ${formatCount(burst)}`]),
      ...(weights === 'zipf' ? ['weighted by zipf'] : []),
      ...(batch === 1 ? [] : [`in batches of ${batch}`]),
      ...(to === 'spread' ? ['through all servers in rotation'] : []),
      ...(to === 'all' ? ['through every server'] : []),
      ...(via === 'api' ? [] : [`with ${via}`]),
    ].join(' ');
  },
  plannedMs: ({ durationMs }) => durationMs,
  needs: ({ via, connections, namespaces, cursorLength }) => ({
    emits: { namespaces, cursorLength },
    ...(via === 'autocannon' ? { loadConnections: connections } : {}),
  }),
  patienceMs: ({ settleMs, owes }) => SHARD_LEAD_MS + (owes === 'newest' ? 0 : settleMs),
  whyNotSharded({ via, mayFail }) {
    if (via === 'autocannon') return 'what autocannon emits is not known beforehand';
    return mayFail ? 'only one shard would know which emits fail' : undefined;
  },
  chance: ({ mayFail }) => (mayFail ? { of: 'failing-emits' } : undefined),
  load: 'emit',
  counts: ['deliveries', 'lost'],
  progress: () => ({ late: 'waiting for the last deliveries' }),
  async run(action, run) {
    const { scenario, measurements, emits, label, signal } = run;
    const startMs = run.startMs() + (run.shard === undefined ? LEAD_MS : SHARD_LEAD_MS);
    const isRacing = action.via === 'autocannon';
    const plan = run.reserve((id, cursor) =>
      isRacing
        ? racingPlan(action, id, cursor, startMs)
        : orderedPlan(action, id, cursor, startMs, scenario.seed),
    );
    await run.call('expectPlan', plan);
    const lateMs = monotonicMs() - startMs;
    if (lateMs > 0) run.shard?.late(`its clients expected the cursors ${formatDuration(lateMs)} too late`);
    let sent = 0;
    const due = (atMs: number) => requestsDueBefore(plan, atMs) * plan.batch;
    const isOfOthers = run.shard?.isEmitter === false;
    const unfollow = isRacing || isOfOthers ? undefined : run.follow({ due, sent: () => sent });
    const emitted = await (isOfOthers
      ? allInTime(plan, startMs + action.durationMs, signal)
      : isRacing
        ? driveWithAutocannon(action, plan, scenario.namespaces, emits, measurements, signal)
        : emitPlan(
            plan,
            scenario.namespaces,
            emits,
            action.to,
            measurements.emit,
            signal,
            (durationMs, lagP99Ms) => run.onLag(plan.id, durationMs, lagP99Ms),
            (cursors) => {
              sent += cursors;
            },
          ));
    unfollow?.(monotonicMs());
    if (emitted.error !== undefined && !action.mayFail) {
      run.problem(
        `${emitted.failed.length} of ${emitted.emitted} cursors of "${label}" were not accepted: ${emitted.error.message}`,
      );
    }
    const reports = await run.call('settle', {
      plan: plan.id,
      emitted: emitted.emitted,
      failed: emitted.failed,
      deadlineMs: monotonicMs() + (action.owes === 'newest' ? 0 : action.settleMs),
    });
    const skew = new FanoutSkew();
    for (const report of reports) skew.add(report.skew);
    measurements.skew.add(skew.toHistogram());
    const record = (convergedMs: number | undefined) => {
      if (run.shard !== undefined) measurements.emits.push(emitRecord(plan, skew, convergedMs));
    };
    const lastReceiptMs = Math.max(0, ...reports.map((report) => report.lastReceiptMs));
    // Without a receiver left, nothing can converge.
    const hasReceivers = reports.some(({ receivers }) => receivers > 0);
    if (!plan.isOrdered || action.owes === 'newest' || lastReceiptMs === 0 || !hasReceivers)
      return record(undefined);
    if (reports.every(({ hasConverged }) => hasConverged)) {
      const convergedMs = lastReceiptMs - dueMs(plan, Math.max(0, emitted.emitted - 1));
      measurements.convergence.record(convergedMs);
      record(convergedMs);
    } else {
      measurements.unconverged += 1;
      record(Number.POSITIVE_INFINITY);
    }
  },
});

/** What comes of a plan that another shard carries out: all of it, as far as this one knows. */
async function allInTime(plan: EmissionPlan, endMs: number, signal: AbortSignal): Promise<Emitted> {
  await waitUntil(endMs, signal);
  return { emitted: plan.count, failed: [], error: undefined };
}
