import { z } from 'zod';
import { expected } from '../format/fields.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface WarmUpPhase extends PhaseAction {
  readonly kind: 'warmup';
  readonly phases: readonly PhaseAction[];
}

export const warmup = phaseKind({
  summary: 'Phases whose durations and deliveries do not count: caches fill, and code is compiled.',
  schema: (phase) => z.array(phase, { error: expected('a list of phases') }).min(1),
  complete: (phases, names): WarmUpPhase => ({ kind: 'warmup', phases: phases.map(names.action) }),
  label: (phases, names) => `warm up (${phases.map(names.label).join(', ')})`,
  plannedMs: (_action, _cohorts, inner) => inner.reduce((total, ms) => total + ms, 0),
  isWarmUp: true,
  load: undefined,
  async run({ phases }, run) {
    for (const phase of phases) await run.perform(phase);
  },
});
