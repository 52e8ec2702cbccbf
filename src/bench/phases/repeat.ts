import { z } from 'zod';
import { expected, strict, whole } from '../format/fields.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

/** Actions of a scenario, its repeats counted. More would never come to an end. */
export const MAX_ACTIONS = 100_000;

interface RepeatPhase extends PhaseAction {
  readonly kind: 'repeat';
  /** As often as they are carried out. */
  readonly phases: readonly PhaseAction[];
}

export const repeat = phaseKind({
  summary: 'Phases, repeated.',
  schema: (phase) =>
    strict({
      times: whole(1, MAX_ACTIONS).describe('How many times.'),
      phases: z
        .array(phase, { error: expected('a list of phases') })
        .min(1)
        .describe('The phases to repeat.'),
    }),
  complete({ times, phases }, names): RepeatPhase {
    const once = phases.map(names.action);
    return { kind: 'repeat', phases: Array.from({ length: times }, () => once).flat() };
  },
  label({ times, phases }, names) {
    const once = phases.map(names.label).join(', ');
    return times === 1 ? once : `repeat ${times} times (${once})`;
  },
  plannedMs: (_action, _cohorts, inner) => inner.reduce((total, ms) => total + ms, 0),
  load: undefined,
  async run({ phases }, run) {
    for (const phase of phases) await run.perform(phase);
  },
});
