import { MAX_CURSOR_LENGTH } from '../../protocol/identifiers.js';
import { formatCount, formatDuration } from '../../text/units.js';
import { driveWithAutocannon, racingPlan } from '../emitter/autocannon.js';
import { type EmitOrder, ENTRIES, type Entry, emitPlan, orderedPlan } from '../emitter/emitter.js';
import {
  checkEvents,
  duration,
  lasting,
  MAX_EVENTS,
  namespaceList,
  oneOf,
  rate,
  strict,
  whole,
  yesOrNo,
} from '../format/fields.js';
import { monotonicMs } from '../measure/clock.js';
import { dueMs, FanoutSkew } from '../measure/emission-plan.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

export interface EmitPhase extends PhaseAction, EmitOrder {
  readonly kind: 'emit';
  readonly via: 'api' | 'autocannon';
  readonly settleMs: number;
  /** Whether cursors that the server does not take are not a failure of the run. */
  readonly mayFail: boolean;
}

/** From announcing a plan to the workers to its first cursor. */
const LEAD_MS = 100;

const settings = strict({
  namespaces: namespaceList.describe(
    'The namespaces to emit into, in rotation; `all` is every namespace that a cohort has a token for.',
  ),
  via: oneOf(['api', 'autocannon'])
    .default('api')
    .describe('api: in order, checked, timed. autocannon: HTTP load on racing connections.'),
  rate: rate.optional().describe('Cursor rate. Optional with autocannon: as fast as possible.'),
  for: lasting.optional().describe('Duration; use this or `count`.'),
  count: whole(1, MAX_EVENTS).optional().describe('Number of cursors; use this or `for`.'),
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
  if ((phase.for === undefined) === (phase.count === undefined)) refuse('expected either `for` or `count`');
  if (phase.count !== undefined && phase.count % phase.batch !== 0)
    refuse(`expected a multiple of \`batch\`, ${phase.batch}, got ${phase.count}`, 'count');
  if (phase.namespaces.length > 1 && phase.namespaces.includes('all')) {
    refuse(
      'expected `all` to stand alone: it is every namespace that a cohort has a token for',
      'namespaces',
    );
  }
  if (phase.rate === undefined && !isRacing) refuse('expected a `rate`');
  checkEvents(phase, context);
  if (isRacing && phase.rate !== undefined && phase.rate < phase.batch) {
    refuse(
      `expected at least one request a second with autocannon, which is ${formatCount(phase.batch)}/s with this \`batch\`, got ${phase.rate}/s`,
      'rate',
    );
  }
  if (phase.count !== undefined && isRacing) refuse('expected `for` with autocannon, got `count`', 'count');
});

export const emit = phaseKind({
  summary: 'Broadcasts cursors.',
  schema: () => settings,
  complete({ rate: ratePerSecond, via, count, cursorLength, settle, ...file }, names): EmitPhase {
    return {
      kind: 'emit',
      via: via as EmitPhase['via'],
      namespaces: names.namespaces(file.namespaces),
      ratePerSecond,
      durationMs: file.for ?? ((count ?? 0) * 1000) / (ratePerSecond ?? 1),
      batch: file.batch,
      cursorLength: cursorLength ?? 0,
      connections: file.connections,
      to: file.to as Entry,
      owes: file.owes as EmitPhase['owes'],
      settleMs: settle,
      mayFail: file.mayFail,
    };
  },
  label({ namespaces, rate: perSecond, via, batch, count, to, for: durationMs = 0 }) {
    const { length } = namespaces;
    const where =
      namespaces[0] === 'all'
        ? 'all namespaces'
        : `${formatCount(length)} ${length === 1 ? 'namespace' : 'namespaces'}`;
    return [
      `emit to ${where}`,
      perSecond === undefined ? 'as fast as possible' : `at ${formatCount(perSecond)}/s`,
      count === undefined ? `for ${formatDuration(durationMs)}` : `until ${formatCount(count)}`,
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
  chance: ({ mayFail }) => (mayFail ? { of: 'failing-emits' } : undefined),
  load: 'emit',
  counts: ['deliveries', 'lost'],
  progress: () => ({ late: 'waiting for the last deliveries' }),
  async run(action, run) {
    const { scenario, measurements, emits, label, signal } = run;
    const startMs = monotonicMs() + LEAD_MS;
    const isRacing = action.via === 'autocannon';
    const plan = run.reserve((id, cursor) =>
      isRacing
        ? racingPlan(action, id, cursor, startMs)
        : orderedPlan(action, id, cursor, startMs, scenario.seed),
    );
    await run.call('expectPlan', plan);
    const emitted = await (isRacing
      ? driveWithAutocannon(action, plan, scenario.namespaces, emits, measurements, signal)
      : emitPlan(
          plan,
          scenario.namespaces,
          emits,
          action.to,
          measurements.emit,
          signal,
          (durationMs, lagP99Ms) => run.onLag(plan.id, durationMs, lagP99Ms),
        ));
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
    const lastReceiptMs = Math.max(0, ...reports.map((report) => report.lastReceiptMs));
    // Without a receiver left, nothing can converge.
    const hasReceivers = reports.some(({ receivers }) => receivers > 0);
    if (!plan.isOrdered || action.owes === 'newest' || lastReceiptMs === 0 || !hasReceivers) return;
    if (reports.every(({ hasConverged }) => hasConverged)) {
      measurements.convergence.record(lastReceiptMs - dueMs(plan, Math.max(0, emitted.emitted - 1)));
    } else measurements.unconverged += 1;
  },
});
