import type { Phase, PhaseAction, Scenario } from '../model/scenario.js';
import { kindOf, plannedMs } from '../phases/index.js';
import type { RunProgress } from '../recorder.js';

/** A moment of a phase under way. */
export interface PhaseMoment {
  readonly scenario: Scenario;
  readonly phase: Phase;
  readonly elapsedMs: number;
  readonly progress: RunProgress;
}

/** How far one of the things is that a phase does. */
export interface Bar {
  readonly name: string;
  /** From 0 to 1. */
  readonly share: number;
  readonly text: string;
}

/** A bar for each thing that a phase does. */
export function barsOf(moment: PhaseMoment): Bar[] {
  const { phase } = moment;
  return (phase.kind === 'parallel' ? (phase.phases ?? []) : [phase]).map((action) => barOf(action, moment));
}

function barOf(action: PhaseAction, { scenario, elapsedMs, progress }: PhaseMoment): Bar {
  const { cohorts } = scenario;
  const {
    name = action.kind,
    done,
    late = 'nearly done',
  } = kindOf(action).progress?.(action, cohorts, progress.open) ?? {};
  if (done !== undefined) return { name, share: clamp(done.share), text: done.text };
  const planned = plannedMs(action, scenario);
  if (elapsedMs <= planned)
    return { name, share: elapsedMs / planned, text: `${seconds(elapsedMs)} of ${seconds(planned)}` };
  return { name, share: 1, text: planned === 0 ? 'under way' : late };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** With one digit, so that it does not jump about while it runs. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
