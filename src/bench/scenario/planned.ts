import { arrivalMs, type PhaseAction, type Scenario } from './model.js';

/** How long an action is meant to take, in milliseconds: as it is written, without what the server takes on top. */
export function plannedMs(action: PhaseAction, scenario: Scenario): number {
  switch (action.kind) {
    case 'connect': {
      const clients = scenario.cohorts[action.cohort]?.clients ?? 0;
      return arrivalMs(action.arrivals, clients, clients);
    }
    case 'emit':
    case 'hold':
    case 'churn':
      return action.durationMs;
    case 'restart-server':
      return action.downtimeMs;
    case 'parallel':
      return Math.max(...action.phases.map((inner) => plannedMs(inner, scenario)));
    case 'sequence':
      return action.phases.reduce((total, inner) => total + plannedMs(inner, scenario), 0);
    case 'disconnect':
    case 'shutdown-server':
      return 0;
  }
}

/** How long all phases of a scenario are meant to take, in milliseconds. */
export function plannedTotalMs(scenario: Scenario): number {
  return scenario.phases.reduce((total, phase) => total + plannedMs(phase, scenario), 0);
}
