import { formatCount, formatDuration } from '../../text/units.js';
import { checkEvents, cohortName, endsBy, expected, lasting, rate, share, strict } from '../format/fields.js';
import { monotonicMs } from '../measure/clock.js';
import type { Sessions } from '../measure/sessions.js';
import type { EndsBy, PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface ChurnPhase extends PhaseAction {
  readonly kind: 'churn';
  readonly cohort: number;
  /** Connects and disconnects, counted together; left out for sessions. */
  readonly ratePerSecond?: number;
  readonly sessions?: Sessions;
  readonly durationMs: number;
  readonly how: EndsBy;
}

const LEVEL = 'a share from 0.05 to 0.95';
const DEFAULT_LEVEL = 0.5;

const settings = strict({
  cohort: cohortName.describe('The cohort that connects and disconnects.'),
  rate: rate.optional().describe('Connects and disconnects, counted together; use this or `session`.'),
  session: lasting
    .optional()
    .describe('Mean time that a client stays connected; its sessions are random, some short and a few long.'),
  level: share(LEVEL)
    .max(0.95, { error: expected(LEVEL) })
    .optional()
    .describe('With `session`: share of the clients that are connected on average. Default: half.'),
  for: lasting.describe('How long.'),
  how: endsBy,
}).superRefine((phase, context) => {
  const refuse = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', path, message });
  if ((phase.rate === undefined) === (phase.session === undefined))
    refuse('expected either `rate` or `session`');
  if (phase.level !== undefined && phase.session === undefined) refuse('expected `session` with it', 'level');
  checkEvents(phase, context);
});

/**
 * How many clients are due to come within a time from the beginning of a churn: in sessions, the mean; at a rate, each
 * in turn comes if it is away and leaves if it is there.
 */
export function comingsWithin(
  { ratePerSecond = 0, sessions, durationMs }: Pick<ChurnPhase, 'ratePerSecond' | 'sessions' | 'durationMs'>,
  clients: number,
  openAtFirst: number,
  withinMs: number,
): number {
  const ms = Math.min(durationMs, withinMs);
  if (ms < 0 || clients === 0) return 0;
  if (sessions !== undefined) return Math.round((clients * sessions.level * ms) / sessions.meanMs);
  const turns = Math.min(
    Math.floor((durationMs * ratePerSecond) / 1000),
    Math.floor((ms * ratePerSecond) / 1000) + 1,
  );
  const rounds = Math.floor(turns / clients);
  const rest = turns % clients;
  const away = clients - openAtFirst;
  const whole = Math.ceil(rounds / 2) * away + Math.floor(rounds / 2) * openAtFirst;
  return whole + (rounds % 2 === 0 ? Math.max(0, rest - openAtFirst) : Math.min(rest, openAtFirst));
}

export const churn = phaseKind({
  summary: 'Clients of a cohort connect and disconnect.',
  schema: () => settings,
  complete: ({ cohort, rate: ratePerSecond, session, level, for: durationMs, how }, names): ChurnPhase => ({
    kind: 'churn',
    cohort: names.cohort(cohort),
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    ...(session === undefined ? {} : { sessions: { meanMs: session, level: level ?? DEFAULT_LEVEL } }),
    durationMs,
    how: how as EndsBy,
  }),
  label: ({ cohort, rate: perSecond, session = 0, for: durationMs, how }) =>
    `churn ${cohort} ${perSecond === undefined ? `in sessions of ${formatDuration(session)}` : `at ${formatCount(perSecond)}/s`} for ${formatDuration(durationMs)}${how === 'close' ? '' : ` by ${how}`}`,
  plannedMs: ({ durationMs }) => durationMs,
  chance: ({ cohort }) => ({ of: 'comings', cohort }),
  load: 'churn',
  counts: ['opened'],
  progress: ({ cohort }, cohorts) => ({ name: cohorts[cohort]?.name ?? '' }),
  async run(action, run) {
    const startMs = run.startMs();
    const clients = run.scenario.cohorts[action.cohort]?.clients ?? 0;
    const open = run.open(action.cohort);
    const unfollow = run.followConnects((atMs) => comingsWithin(action, clients, open, atMs - startMs));
    await run.call('churn', { ...action, startMs });
    unfollow(monotonicMs());
  },
});
