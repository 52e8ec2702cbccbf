import { actionsOf, type PhaseAction, type Scenario } from '../model/scenario.js';
import { churn } from './churn.js';
import { connect } from './connect.js';
import { converge } from './converge.js';
import { disconnect } from './disconnect.js';
import { emit } from './emit.js';
import { hold } from './hold.js';
import { kill } from './kill.js';
import type { PhaseKind, PhaseNeeds } from './kind.js';
import { parallel } from './parallel.js';
import { pull } from './pull.js';
import { repeat } from './repeat.js';
import { restart } from './restart.js';
import { restartServer } from './restart-server.js';
import { shutdownServer } from './shutdown-server.js';
import { stop } from './stop.js';
import { warmup } from './warmup.js';

/** Every kind of phase by its key in a scenario. To add one, add its file, an entry here and a test. */
export const PHASE_KINDS: Readonly<Record<string, PhaseKind>> = {
  connect,
  emit,
  hold,
  disconnect,
  churn,
  kill,
  stop,
  restart,
  converge,
  pull,
  'restart-server': restartServer,
  'shutdown-server': shutdownServer,
  parallel,
  repeat,
  warmup,
};

export function kindOf({ kind }: PhaseAction): PhaseKind {
  const known = PHASE_KINDS[kind];
  if (known === undefined) throw new Error(`there is no phase ${kind}`);
  return known;
}

/** How long an action is meant to take, in milliseconds, without what the server takes on top. */
export function plannedMs(action: PhaseAction, scenario: Scenario): number {
  const inner = (action.phases ?? []).map((one) => plannedMs(one, scenario));
  return kindOf(action).plannedMs(action, scenario.cohorts, inner);
}

/** How long all phases of a scenario are meant to take, in milliseconds. */
export function plannedTotalMs(scenario: Scenario): number {
  return scenario.phases.reduce((total, phase) => total + plannedMs(phase, scenario), 0);
}

/** What the actions of phases need, each of them. */
export function needsOf(phases: readonly PhaseAction[]): (PhaseNeeds & { readonly kind: string })[] {
  return phases
    .flatMap((phase) => [...actionsOf(phase)])
    .map((action) => ({ ...kindOf(action).needs?.(action), kind: action.kind }));
}
