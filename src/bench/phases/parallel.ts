import { z } from 'zod';
import { expected } from '../format/fields.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface ParallelPhase extends PhaseAction {
  readonly kind: 'parallel';
  readonly phases: readonly PhaseAction[];
}

/** Longest label in which each phase is described. */
const MAX_LABEL = 110;

export const parallel = phaseKind({
  summary: 'Several phases at once.',
  schema: (phase) => z.array(phase, { error: expected('a list of phases') }).min(1),
  complete: (phases, names): ParallelPhase => ({ kind: 'parallel', phases: phases.map(names.action) }),
  label(phases, names) {
    const labels = phases.map(names.label);
    const all = labels.join(' | ');
    if (all.length <= MAX_LABEL) return all;
    const kinds = new Map<string, number>();
    for (const label of labels) {
      const kind = label.split(' ', 1)[0] as string;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    return `at once (${[...kinds].map(([kind, count]) => (count === 1 ? kind : `${count} × ${kind}`)).join(', ')})`;
  },
  plannedMs: (_action, _cohorts, inner) => Math.max(...inner),
  load: undefined,
  async run({ phases }, run) {
    await Promise.all(phases.map(run.perform));
  },
});
