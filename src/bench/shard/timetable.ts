import { invalidOption } from '../../protocol/errors.js';
import { actionsOf, type PhaseAction, type Scenario } from '../model/scenario.js';
import { kindOf } from '../phases/index.js';

/** When a phase begins, and when it must be over in every shard, from the beginning of the run. */
export interface Slot {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * When each phase takes place: it has the time that it is meant to take, what it may wait for what does not come, and
 * some slack. So shards that do not talk to each other begin each phase together.
 */
export function timetableOf(scenario: Scenario, slackMs: number): Slot[] {
  let fromMs = 0;
  return scenario.phases.map((phase) => {
    const slot = { fromMs, toMs: fromMs + slotMs(phase, scenario, slackMs) };
    fromMs = slot.toMs;
    return slot;
  });
}

function slotMs(action: PhaseAction, scenario: Scenario, slackMs: number): number {
  const kind = kindOf(action);
  const inner = (action.phases ?? []).map((one) => slotMs(one, scenario, slackMs));
  if (inner.length > 0) return kind.plannedMs(action, scenario.cohorts, inner);
  return Math.ceil(kind.plannedMs(action, scenario.cohorts, []) + (kind.patienceMs?.(action) ?? 0) + slackMs);
}

/**
 * Finds out whether shards can run a scenario together.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` if they cannot.
 */
export function checkSharded(scenario: Scenario): void {
  const why = whyNotSharded(scenario);
  if (why !== undefined) throw invalidOption(`Shards cannot run the scenario ${scenario.name}: ${why}.`);
}

/** Why shards cannot run a scenario; `undefined` if they can. */
export function whyNotSharded({ phases }: Scenario): string | undefined {
  for (const phase of phases) {
    for (const action of actionsOf(phase)) {
      const why = kindOf(action).whyNotSharded?.(action);
      if (why !== undefined) return `the phase "${phase.label}" is for one machine: ${why}`;
      // What begins when something else is over begins at another time in each shard.
      const isInSequence = action.kind === 'repeat' || action.kind === 'warmup';
      if (isInSequence && [...actionsOf(action)].some(({ kind }) => kind === 'emit'))
        return `in "${phase.label}", an emit inside of ${action.kind} has no time at which all shards know it: write it as a phase of its own`;
    }
    if (phase.abortOnFail)
      return `the phase "${phase.label}" has abortOnFail, but rules are only judged when the shards are merged`;
  }
  return undefined;
}
