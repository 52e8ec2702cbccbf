import { formatDuration } from '../../text/units.js';
import { duration } from '../format/fields.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface HoldPhase extends PhaseAction {
  readonly kind: 'hold';
  readonly durationMs: number;
}

export const hold = phaseKind({
  summary: 'Waits.',
  schema: () => duration,
  complete: (durationMs): HoldPhase => ({ kind: 'hold', durationMs }),
  label: (durationMs) => `hold for ${formatDuration(durationMs)}`,
  plannedMs: ({ durationMs }) => durationMs,
  load: 'hold',
  run: ({ durationMs }, run) => run.pause(durationMs),
});
