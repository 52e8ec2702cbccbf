import { formatCount, formatPercent } from '../../text/units.js';
import { cohortName, endsBy, expected, share, strict } from '../format/fields.js';
import type { EndsBy, PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface DisconnectPhase extends PhaseAction {
  readonly kind: 'disconnect';
  readonly cohort: number;
  readonly how: EndsBy;
  /** Share of the cohort, from 0 to 1. */
  readonly fraction: number;
}

const SHARE = 'a share greater than 0 and at most 1';
const settings = strict({
  cohort: cohortName.describe('The cohort that leaves.'),
  how: endsBy,
  fraction: share(SHARE)
    .max(1, { error: expected(SHARE) })
    .default(1)
    .describe('Share of the cohort. Default 1.'),
});

export const disconnect = phaseKind({
  summary: 'Clients of a cohort leave.',
  schema: () => settings,
  complete: ({ cohort, how, fraction }, names): DisconnectPhase => ({
    kind: 'disconnect',
    cohort: names.cohort(cohort),
    how: how as EndsBy,
    fraction,
  }),
  label: ({ cohort, how, fraction }) =>
    `disconnect ${fraction === 1 ? '' : `${formatPercent(fraction)} of `}${cohort}${how === 'close' ? '' : ` by ${how}`}`,
  plannedMs: () => 0,
  load: 'other',
  counts: ['disconnected'],
  progress({ cohort, fraction }, cohorts, open) {
    const { name, clients } = cohorts[cohort] ?? { name: '', clients: 0 };
    const leaving = Math.round(clients * fraction);
    const connected = open[cohort] ?? 0;
    return {
      name,
      done: {
        share: leaving === 0 ? 1 : (clients - connected) / leaving,
        text: `${formatCount(Math.max(0, connected))} still connected`,
      },
    };
  },
  async run(action, run) {
    await run.call('disconnect', action);
  },
});
