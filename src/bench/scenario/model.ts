import type { Rule } from '../verdict/rule.js';
import type { BehaviorName } from './behaviors.js';

/** A scenario, read, checked and complete: what {@link loadScenario} makes of a file. */
export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly seed: number;
  /** Where it was read from, for messages. */
  readonly source: string;
  /** Flags of `serve` for a server that bench starts itself. */
  readonly serverFlags: readonly string[];
  /** Every namespace of every cohort; cohorts and plans refer to them by index. */
  readonly namespaces: readonly string[];
  readonly cohorts: readonly Cohort[];
  readonly phases: readonly Phase[];
  readonly expectations: readonly Expectation[];
}

export interface Cohort {
  readonly name: string;
  readonly clients: number;
  /** Indexes into {@link Scenario.namespaces}; client `i` is in the `i`-th of them, round and round. */
  readonly namespaces: readonly number[];
  readonly behavior: BehaviorName;
  /** Whether its clients say hello when they open. */
  readonly hello: boolean;
}

/** One rule that the result must satisfy. */
export interface Expectation {
  /** As the scenario has it. */
  readonly text: string;
  readonly rule: Rule;
  /** Where it stands in the file, from 1. */
  readonly line: number;
}

export type Phase = { readonly label: string } & PhaseAction;

export type PhaseAction =
  | ConnectPhase
  | EmitPhase
  | { readonly kind: 'hold'; readonly durationMs: number }
  | { readonly kind: 'disconnect'; readonly cohort: number };

export interface ConnectPhase {
  readonly kind: 'connect';
  /** Index into {@link Scenario.cohorts}. */
  readonly cohort: number;
  readonly ratePerSecond: number;
  readonly timeoutMs: number;
}

export interface EmitPhase {
  readonly kind: 'emit';
  readonly via: 'api' | 'autocannon';
  readonly namespaces: readonly number[];
  /** `undefined` for autocannon without a rate: as fast as the server answers. */
  readonly ratePerSecond: number | undefined;
  readonly durationMs: number;
  /** Cursors of a namespace in one request. */
  readonly batch: number;
  /** Connections of autocannon. */
  readonly connections: number;
  readonly settleMs: number;
}
