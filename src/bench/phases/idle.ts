import { formatDuration } from '../../text/units.js';
import { duration } from '../format/fields.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface IdlePhase extends PhaseAction {
  readonly kind: 'idle';
  readonly durationMs: number;
}

export const idle = phaseKind({
  summary: 'Nothing happens, and the load generator is not judged meanwhile.',
  schema: () => duration,
  complete: (durationMs): IdlePhase => ({ kind: 'idle', durationMs }),
  label: (durationMs) => `idle for ${formatDuration(durationMs)}`,
  plannedMs: ({ durationMs }) => durationMs,
  load: 'other',
  run: ({ durationMs }, run) => run.pause(durationMs),
});
