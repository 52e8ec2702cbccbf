import type { BehaviorName, CohortSettings } from '../behaviors/behaviors.js';
import { type Stage, timeOf } from '../measure/stages.js';
import type { Rule } from '../verdict/rule.js';

/** A scenario, read, checked and complete: what {@link loadScenario} makes of a file. */
export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly seed: number;
  /** Where it was read from, for messages. */
  readonly source: string;
  /** SHA-256 of the text of the file and of what was changed in it. */
  readonly sha256: string;
  /** What was given with `--set`. */
  readonly overrides: readonly string[];
  /** What that has changed. */
  readonly changes: readonly ScenarioChange[];
  /** Flags of `serve` for a server that bench starts itself. */
  readonly serverFlags: readonly string[];
  /** The processes of a cluster that bench starts itself; `undefined` for a single one. */
  readonly cluster: ClusterSize | undefined;
  /** Put before every namespace, with `{run}` for the id of the run; `undefined` leaves it to the target. */
  readonly namespacePrefix: string | undefined;
  /** The interval of the server's heartbeat by these; 0 for none. */
  readonly heartbeatIntervalMs: number;
  /** Every namespace of every cohort and emit; both refer to them by index. */
  readonly namespaces: readonly string[];
  readonly cohorts: readonly Cohort[];
  readonly phases: readonly Phase[];
  readonly expectations: readonly Expectation[];
  /** What every server owes its clients, judged as far as there is an occasion; see `scenario/complete.ts`. */
  readonly implicitExpectations: readonly Expectation[];
  /** Labels of the phases that are left out because they are for another target. */
  readonly leftOut?: readonly string[];
}

/** A value of a scenario that is not that of the file, both as a person wrote them. */
export interface ScenarioChange {
  /** As `--set` takes it. */
  readonly path: string;
  readonly value: string;
  /** What the file has; `undefined` when it has nothing there. */
  readonly before: string | undefined;
}

/** What kind of cluster bench starts: one server with workers, or nodes with an engine. */
export type ClusterKind = 'workers' | 'nodes';

export interface ClusterSize {
  /** Workers of the one server, without an engine. */
  readonly workers: number;
  /** Servers, with one. */
  readonly nodes: number;
}

export interface Cohort {
  readonly name: string;
  readonly clients: number;
  /** Indexes into {@link Scenario.namespaces}; client `i` is in the `i`-th of them, round and round. */
  readonly namespaces: readonly number[];
  readonly behavior: BehaviorName;
  /** Whether its clients say hello when they open, and whether they claim a namespace in it. */
  readonly hello: { readonly namespace: string | undefined } | undefined;
  readonly settings: CohortSettings;
}

/** One rule that the result must satisfy. */
export interface Expectation {
  /** As the scenario has it. */
  readonly text: string;
  readonly rule: Rule;
  /** Where it stands in the file, from 1. */
  readonly line: number;
  /** Whether every scenario has it, without saying so. */
  readonly isImplicit?: boolean;
}

/** Something that a scenario does. Its kind decides what else it has; see `phases/`. */
export interface PhaseAction {
  readonly kind: string;
  /** Actions inside of it. */
  readonly phases?: readonly PhaseAction[];
}

export interface Phase extends PhaseAction {
  /** What it does, in a few words. */
  readonly label: string;
  /** Rules about this phase alone. */
  readonly expectations: readonly Expectation[];
  /** Whether a rule of it that does not hold ends the run. */
  readonly abortOnFail: boolean;
  /** The only kind of cluster that it is for; it is left out with any other target. */
  readonly only: ClusterKind | undefined;
}

/** How arrivals are spread over time: at a rate that goes evenly from one value to another, or all at once. */
export interface Arrivals {
  /** Rates one after the other, in place of the others; the last one goes on until all have arrived. */
  readonly stages?: readonly Stage[];
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
  /** How long the rate takes to change, after which it stays; `undefined` for as long as the arrivals last. */
  readonly overMs?: number;
}

/** How a client ends its connection: with a close frame, with a RST, or by going dead with the descriptor open. */
export type EndsBy = 'close' | 'reset' | 'vanish';

/** When the `index`-th of `clients` arrivals is due, in milliseconds; of the one behind the last, how long they all take. */
export function arrivalMs(arrivals: Arrivals | undefined, clients: number, index: number): number {
  if (arrivals === undefined) return 0;
  const { fromPerSecond: from, toPerSecond: to, overMs, stages } = arrivals;
  if (stages !== undefined) return timeOf(stages, index);
  if (from === to) return (index * 1000) / from;
  // While the rate changes evenly over T seconds, the area under it up to t is the number of arrivals:
  // from·t + (to - from)·t²/(2T) = index. Without a T of its own it is the time in which all arrive.
  const seconds = overMs === undefined ? (2 * clients) / (from + to) : overMs / 1000;
  const during = ((from + to) / 2) * seconds;
  if (index > during) return 1000 * (seconds + (index - during) / to);
  const slope = (to - from) / seconds;
  return (1000 * (-from + Math.sqrt(from * from + 2 * slope * index))) / slope;
}

/** How many of so many arrivals are due within a time from their beginning. */
export function arrivalsWithin(arrivals: Arrivals | undefined, clients: number, withinMs: number): number {
  if (withinMs < 0) return 0;
  let [low, high] = [0, clients];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (arrivalMs(arrivals, clients, middle) <= withinMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Clients of all cohorts. */
export function clientCount({ cohorts }: Pick<Scenario, 'cohorts'>): number {
  return cohorts.reduce((total, { clients }) => total + clients, 0);
}

/** An action and all actions inside of it. */
export function* actionsOf(action: PhaseAction): Generator<PhaseAction> {
  yield action;
  for (const inner of action.phases ?? []) yield* actionsOf(inner);
}
