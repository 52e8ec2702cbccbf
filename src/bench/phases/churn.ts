import { formatCount, formatDuration } from '../../text/units.js';
import { checkEvents, cohortName, endsBy, lasting, rate, strict } from '../format/fields.js';
import { monotonicMs } from '../measure/clock.js';
import type { EndsBy, PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface ChurnPhase extends PhaseAction {
  readonly kind: 'churn';
  readonly cohort: number;
  /** Connects and disconnects, counted together. */
  readonly ratePerSecond: number;
  readonly durationMs: number;
  readonly how: EndsBy;
}

const settings = strict({
  cohort: cohortName.describe('The cohort that connects and disconnects.'),
  rate: rate.describe('Connects and disconnects, counted together.'),
  for: lasting.describe('How long.'),
  how: endsBy,
}).superRefine(checkEvents);

export const churn = phaseKind({
  summary: 'Clients of a cohort connect and disconnect.',
  schema: () => settings,
  complete: ({ cohort, rate: ratePerSecond, for: durationMs, how }, names): ChurnPhase => ({
    kind: 'churn',
    cohort: names.cohort(cohort),
    ratePerSecond,
    durationMs,
    how: how as EndsBy,
  }),
  label: ({ cohort, rate: perSecond, for: durationMs, how }) =>
    `churn ${cohort} at ${formatCount(perSecond)}/s for ${formatDuration(durationMs)}${how === 'close' ? '' : ` by ${how}`}`,
  plannedMs: ({ durationMs }) => durationMs,
  chance: ({ cohort }) => ({ of: 'comings', cohort }),
  load: 'churn',
  counts: ['opened'],
  progress: ({ cohort }, cohorts) => ({ name: cohorts[cohort]?.name ?? '' }),
  async run(action, run) {
    await run.call('churn', { ...action, startMs: monotonicMs() });
  },
});
